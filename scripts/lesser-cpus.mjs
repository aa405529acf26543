// Runs the core's tests as lesser processors would: under qemu's emulation of one with AVX2 but not AVX-512, and of one
// with neither, so that every path that a newer machine leaves unused is run. Needs qemu-user (Debian: apt-get install
// qemu-user) on linux-x64.
//   npm run test:lesser-cpus [-- FILTER…]
import { spawn, spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

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

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.length > 2 ? process.argv.slice(2) : FILTERS;

function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

/** The core's test binary, built if it has to be; `CORE_TESTS` names one that is there. */
function testBinary() {
  if (process.env.CORE_TESTS) return process.env.CORE_TESTS;
  const args = ['test', '--no-run', '--message-format=json', '-p', 'coverage-principle-core', '--lib'];
  const { status, stdout } = spawnSync('cargo', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) fail('The tests do not compile; what cargo says of it stands above.');
  const messages = stdout.split('\n').filter((line) => line.startsWith('{'));
  const executables = messages.map((line) => JSON.parse(line).executable).filter(Boolean);
  return executables.at(-1) ?? fail('Cargo named no test binary.');
}

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
const binary = testBinary();
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
