// Runs the core's tests as lesser processors would: under qemu's emulation of one with AVX2 but not AVX-512, and of one
// with neither, so that every path that a newer machine leaves unused is run. Needs qemu-user (Debian: apt-get install
// qemu-user) on linux-x64.
//   npm run test:lesser-cpus [-- FILTER…]
import { spawn, spawnSync } from 'node:child_process';
import { coreTests, fail, root } from './core-tests.mjs';

/** Processors as qemu names them, and the best instruction set that `isa.rs` must find on each. */
const PROCESSORS = { Haswell: 'avx2', Nehalem: 'baseline' };
/** What depends on the instruction set: kernels, what counts with them, what trains with them, and what they must equal. */
const FILTERS = [
  'isa::',
  'tournament::',
  'selection::',
  'linear::',
  'content_hash::',
  'files::bytes::',
  'files::arrays::',
];
const EMULATOR = 'qemu-x86_64';

const filters = process.argv.length > 2 ? process.argv.slice(2) : FILTERS;

function run(processor, binary) {
  return new Promise((resolve) => {
    const env = { ...process.env, COVERAGE_EXPECT_ISA: PROCESSORS[processor] };
    const child = spawn(EMULATOR, ['-cpu', processor, binary, ...filters], { cwd: `${root}/crates/core`, env });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    // qemu names here what it does not emulate of a processor; what a test says comes on stdout.
    child.stderr.on('data', () => undefined);
    child.on('close', (status) => resolve({ status, output }));
  });
}

if (spawnSync(EMULATOR, ['--version']).status !== 0)
  fail(`${EMULATOR} is not installed (Debian: apt-get install qemu-user).`);
const binary = coreTests();
for (const [processor, isa] of Object.entries(PROCESSORS)) {
  const began = performance.now();
  const { status, output } = await run(processor, binary);
  const seconds = Math.round((performance.now() - began) / 1000);
  const [, passed] = output.match(/test result: ok\. (\d+) passed/) ?? [];
  // A filter that nothing matches passes, too.
  const held = status === 0 && Number(passed) > 0;
  process.stdout.write(`${held ? 'passed' : 'FAILED'}  ${processor} (${isa}): ${passed ?? 0} tests in ${seconds} s\n`);
  if (held) continue;
  process.stdout.write(output);
  process.exitCode = 1;
}
