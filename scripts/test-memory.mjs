// Runs the core's tests of what touches memory by hand (kernels) and of what strangers write (files) under a tool that sees
// each access to memory that is not ours, or not yet written.
//   npm run test:memory -- valgrind|AddressSanitizer|Miri
import { spawnSync } from 'node:child_process';
import { coreTests, fail, root } from './core-tests.mjs';

const KERNELS = ['tournament::kernel::', 'tournament::bootstrap::', 'linear::kernel::', 'linear::aligned::'];
const FILES = ['files::'];
const nightly = (...args) => ['cargo', '+nightly', ...args, '-p', 'coverage-principle-core', '--lib'];

const TOOLS = {
  // Any build; the instruction sets are those that it knows, AVX2 at most.
  valgrind: () => ({
    command: [
      'valgrind',
      '--error-exitcode=9',
      '--leak-check=no',
      coreTests(),
      ...KERNELS,
      ...FILES,
      '--test-threads=1',
    ],
  }),
  // Two to three times as slow as without, all instruction sets of the machine.
  AddressSanitizer: () => ({
    command: [...nightly('test', '--target', host()), '--', ...KERNELS, ...FILES],
    env: { RUSTFLAGS: '-Zsanitizer=address', CARGO_TARGET_DIR: `${root}/target/address-sanitizer` },
  }),
  // An interpreter of Rust: no C, no vectors beyond the baseline, and a thousand times as slow; so the loops that all others
  // are held to, and readers that are Rust alone, on few cases.
  Miri: () => ({
    command: [
      ...nightly('miri', 'test'),
      '--',
      'linear::aligned::',
      'linear::kernel::',
      'files::decimal::',
      'files::csv::',
    ],
    env: { MIRIFLAGS: '-Zmiri-disable-isolation', PROPTEST_CASES: '4', CARGO_TARGET_DIR: `${root}/target/miri` },
  }),
};

/** The target that the compiler builds for by itself. */
function host() {
  const { stdout } = spawnSync('rustc', ['+nightly', '-vV'], { encoding: 'utf8' });
  return (
    stdout?.match(/^host: (.+)$/m)?.[1] ?? fail('There is no nightly toolchain: rustup toolchain install nightly.')
  );
}

const tool = TOOLS[process.argv[2]] ?? fail(`Name a tool: ${Object.keys(TOOLS).join(', ')}.`);
const { command, env } = tool();
const [program, ...args] = command;
const { status, error } = spawnSync(program, args, {
  cwd: `${root}/crates/core`,
  stdio: 'inherit',
  env: { ...process.env, ...env },
});
if (error?.code === 'ENOENT') fail(`${program} is not installed.`);
process.exitCode = status ?? 1;
