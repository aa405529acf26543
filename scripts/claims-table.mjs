// Writes the table of claims by seed into docs/reproduction.md, from what `reproduce all --quick --seeds 0..9 --json` said:
// node scripts/claims-table.mjs CLAIMS.json
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'reproduction.md');
const [begin, end] = ['<!-- claims by seed: written by scripts/claims-table.mjs -->', '<!-- /claims by seed -->'];

const [path] = process.argv.slice(2);
if (!path) {
  process.stderr.write('Give the JSON of `coverage-principle reproduce all --seeds 0..9 --json`.\n');
  process.exit(2);
}
const { seeds, quick, claims, version } = JSON.parse(readFileSync(path, 'utf8'));

/** One character a seed. */
const mark = (holds) => (holds === null ? '?' : holds ? '+' : '−');
const cell = (text) => String(text).replaceAll('|', '\\|');

function table(rows) {
  return [
    '| experiment | claim | source | seeds | held |',
    '| --- | --- | --- | --- | ---: |',
    ...rows.map(
      ({ experiment, claim, source, holds, held }) =>
        `| ${experiment} | ${cell(claim)} | ${cell(source)} | \`${holds.map(mark).join('')}\` | ${held} |`,
    ),
  ].join('\n');
}

const [own, checks] = [false, true].map((construction) =>
  claims.filter((claim) => claim.construction === construction),
);
const counting = own.filter(({ counts }) => counts);
const text = `${begin}

Version ${version}, \`reproduce all${quick ? ' --quick' : ''}\` at seeds ${seeds[0]} to ${seeds.at(-1)}: **${counting.length} of ${own.length} claims held at every seed**
and count; ${own.filter(({ failed }) => failed > 0).length} failed at some seed. One character a seed: + held, − failed, ? undecided.

${table(own)}

Checks of the construction, not counted: ${checks.filter(({ counts }) => counts).length} of ${checks.length} held at every seed.

${table(checks)}

${end}`;
const old = readFileSync(page, 'utf8');
const [from, to] = [old.indexOf(begin), old.indexOf(end)];
if (from < 0 || to < from)
  throw new Error(`docs/reproduction.md has no place for the table, between ${begin} and ${end}.`);
writeFileSync(page, old.slice(0, from) + text + old.slice(to + end.length));
