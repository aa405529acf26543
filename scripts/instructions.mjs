// How many instructions five hot loops take (crates/core/tests/instructions.rs), counted by callgrind and held against
// benchmark/instructions.json: a count does not depend on how busy the machine is. It does depend on the compiler and on the
// instruction set, so it is checked where both are those of the file, and otherwise it is said that it is not.
//   npm run check:instructions [-- --update]
// Needs valgrind (Debian: apt-get install valgrind) on linux-x64. Valgrind has no AVX-512: what is counted are the loops for AVX2.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coreTests, fail, root } from './core-tests.mjs';

const SNAPSHOT = join(root, 'benchmark', 'instructions.json');
const LOOPS = ['counting', 'winner', 'bootstrap', 'sequence_sgd', 'reading_csv'];
/** What a count may differ by and be taken for the same: counts repeat to 0.1 % (hash seeds, allocations). */
const TOLERANCE = 0.01;
const MODULE = 'from_outside::instructions';

const update = process.argv.includes('--update');
const skip = (why) => {
  process.stdout.write(`Instructions were not counted: ${why}\n`);
  process.exit(0);
};

function output(command, args) {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8', cwd: join(root, 'crates', 'core') });
  return error || status !== 0 ? undefined : stdout;
}

const compiler = output('rustc', ['--version'])?.trim() ?? fail('There is no rustc.');
if (process.platform !== 'linux' || process.arch !== 'x64') skip('the snapshot is of linux-x64.');
if (!output('valgrind', ['--version'])) skip('valgrind is not installed.');
const snapshot = update ? undefined : JSON.parse(readFileSync(SNAPSHOT, 'utf8'));
if (snapshot && snapshot.compiler !== compiler) skip(`the snapshot is of ${snapshot.compiler}, this is ${compiler}.`);

// Compiled in part, in more units, the same code takes up to 4 % more or less: it is counted as continuous integration compiles it,
// elsewhere in a folder of its own, as each kind of build would undo the other's.
const whole = process.env.CARGO_INCREMENTAL === '0';
const binary = coreTests(
  whole
    ? {}
    : { CARGO_INCREMENTAL: '0', CARGO_PROFILE_DEV_DEBUG: '0', CARGO_TARGET_DIR: join(root, 'target', 'instructions') },
);
const folder = mkdtempSync(join(tmpdir(), 'instructions-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const test = (name) => [binary, '--exact', '--ignored', '--nocapture', '--test-threads=1', `${MODULE}::${name}`];

function counted(loop) {
  const file = join(folder, loop);
  const collect = [`--callgrind-out-file=${file}`, '--collect-atstart=no', `--toggle-collect=*instructions::measured*`];
  output('valgrind', ['--quiet', '--tool=callgrind', ...collect, ...test(loop)]) ?? fail(`${loop} did not run.`);
  const [, total] = readFileSync(file, 'utf8').match(/^(?:summary|totals): (\d+)/m) ?? [];
  return Number(total) > 0 ? Number(total) : fail(`callgrind counted nothing in ${loop}.`);
}

const isa = output('valgrind', ['--quiet', '--tool=none', ...test('isa')])?.match(/isa="(.+)"/)?.[1];
if (snapshot && snapshot.isa !== isa) skip(`the snapshot is of ${snapshot.isa}, valgrind has ${isa} here.`);

const instructions = Object.fromEntries(LOOPS.map((loop) => [loop, counted(loop)]));
if (update) writeFileSync(SNAPSHOT, `${JSON.stringify({ compiler, isa, instructions }, null, 2)}\n`);
for (const [loop, count] of Object.entries(instructions)) {
  const before = snapshot?.instructions[loop];
  const change = before === undefined ? 0 : count / before - 1;
  const [percent, held] = [`${change < 0 ? '' : '+'}${(100 * change).toFixed(2)} %`, Math.abs(change) <= TOLERANCE];
  process.stdout.write(`${held ? 'same   ' : 'CHANGED'} ${loop.padEnd(14)}${String(count).padStart(12)}  ${percent}\n`);
  if (held) continue;
  process.stdout.write('        If this is meant, write it anew: npm run check:instructions -- --update\n');
  process.exitCode = 1;
}
