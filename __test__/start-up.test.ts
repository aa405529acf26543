import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-start-up-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(
  join(folder, 'scores.csv'),
  ['id,step-1,step-2,base', ...Array.from({ length: 40 }, (_, i) => `r${i},-1.5,-3.5,-9.5`), ''].join('\n'),
);

/** Writes down every module that a process loads, by `import` and by `require`. */
const seen = join(folder, 'seen.txt');
writeFileSync(
  join(folder, 'hooks.mjs'),
  `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(seen)}, url + '\\n');
  return next(url, context);
}
`,
);
writeFileSync(
  join(folder, 'watch.mjs'),
  `import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
register('./hooks.mjs', import.meta.url);
const { cache } = createRequire(import.meta.url);
process.on('exit', () => appendFileSync(${JSON.stringify(seen)}, Object.keys(cache).join('\\n') + '\\n'));
`,
);

const loaded = (...args: string[]) => loadedBy(main, ...args);

/** What a program loads: packages by their names, own modules by their paths below `dist`. */
function loadedBy(...program: string[]): Set<string> {
  writeFileSync(seen, '');
  const run = spawnSync(process.execPath, ['--import', join(folder, 'watch.mjs'), ...program], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  const names = readFileSync(seen, 'utf8')
    .split(/[\r\n]+/)
    .map((url) => {
      const path = url.replaceAll('\\', '/');
      const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
      return name ?? /\/(dist\/.*)$/.exec(path)?.[1] ?? path;
    });
  return new Set(names);
}

/** What draws, serves, validates and reads takes several times as long to load as Node itself. */
const HEAVY = [
  'echarts',
  'zrender',
  'zod',
  'dist/zod.js',
  'undici',
  'p-queue',
  'p-retry',
  'string-width',
  'tinyglobby',
  'node:crypto',
];

describe('a command loads what it needs', () => {
  test('the means of this test see what is loaded', () => {
    const all = loaded('select', 'scores.csv', '--best-of', '4', '--report', 'report.html');
    for (const name of ['echarts', 'dist/zod.js', 'commander', 'node:crypto', 'dist/report/export/page.js'])
      expect(all).toContain(name);
  });

  test.each(['--version', '--help', 'select --help'])('%s', (line) => {
    const args = line.split(' ');
    const all = loaded(...args);
    expect(all).toContain('dist/cli/main.js');
    expect([...all].filter((name) => HEAVY.includes(name))).toEqual([]);
    const ours = [...all].filter((name) => name.startsWith('dist/') && !name.startsWith('dist/cli/'));
    expect(ours.filter((name) => /^dist\/(report|selection|log-probs|linear|score|training)\//.test(name))).toEqual(
      args[0] === 'select' ? ['dist/selection/budget.js'] : [],
    );
  });

  test('a choice draws nothing, asks no server, and as JSON makes no report', () => {
    const text = loaded('select', 'scores.csv', '--best-of', '4');
    const json = loaded('select', 'scores.csv', '--best-of', '4', '--json');
    // One file of what is used of it, not the package with all its languages.
    const needed = new Set(['dist/zod.js']);
    for (const all of [text, json]) {
      expect([...all].filter((name) => HEAVY.includes(name) && !needed.has(name))).toEqual([]);
      expect(
        [...all].filter((name) => /^dist\/(score|linear|training|race\/race\.|report\/export\/page)/.test(name)),
      ).toEqual([]);
    }
    expect([...json].filter((name) => name.startsWith('dist/report/'))).toEqual([
      'dist/report/export/json.js',
      'dist/report/fault.js',
    ]);
  });

  test('importing the package loads nothing that draws or talks to servers', () => {
    const door = fileURLToPath(new URL('../dist/index.js', import.meta.url));
    const all = loadedBy(door);
    expect(all).toContain('dist/index.js');
    const later = ['echarts', 'zrender', 'zod', 'undici', 'string-width', 'tinyglobby'];
    expect([...all].filter((name) => later.includes(name))).toEqual([]);
  });
});
