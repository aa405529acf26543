// Runs when the package is installed. A prebuilt addon (a platform package, or one built before) is enough; otherwise
// the addon is built from the Rust sources that are part of the package. In a clone the build is always brought up to
// date: cargo does nothing when nothing changed.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/** A clone has the development tools beside it, an installed package has not. */
const clone = existsSync(join(root, '.git')) || existsSync(join(root, 'tsconfig.json'));

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  });
  return result.status === 0;
}

function loads() {
  try {
    require('../native/binding.cjs');
    return true;
  } catch {
    return false;
  }
}

function fail(reason) {
  process.stderr.write(
    `coverage-principle: ${reason}\n` +
      `There is no prebuilt addon for ${process.platform}-${process.arch} here. Install Rust 1.89 or later ` +
      '(https://rustup.rs) and run the installation again, or set NAPI_RS_NATIVE_LIBRARY_PATH to an addon built elsewhere.\n',
  );
  process.exit(1);
}

/** The name the loader looks for first, e.g. coverage-principle.linux-x64-gnu.node. */
function addonName() {
  const { platform, arch } = process;
  if (platform === 'linux') {
    const glibc = process.report?.getReport?.().header?.glibcVersionRuntime;
    return `coverage-principle.linux-${arch}-${glibc ? 'gnu' : 'musl'}.node`;
  }
  return `coverage-principle.${platform}-${arch}${platform === 'win32' ? '-msvc' : ''}.node`;
}

function buildInPackage() {
  const library = {
    linux: 'libcoverage_principle_node.so',
    darwin: 'libcoverage_principle_node.dylib',
    win32: 'coverage_principle_node.dll',
  }[process.platform];
  if (!library) fail('this platform is not supported.');
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  if (
    !run('cargo', ['build', '--release', '--locked', '-p', 'coverage-principle-node'], {
      env: { ...process.env, CARGO_TARGET_DIR: target },
    })
  ) {
    fail('building the addon from source failed.');
  }
  mkdirSync(join(root, 'native'), { recursive: true });
  const addon = join(root, 'native', addonName());
  copyFileSync(join(target, 'release', library), `${addon}.tmp`);
  renameSync(`${addon}.tmp`, addon);
  if (!loads()) fail('the addon was built but does not load.');
}

if (clone) {
  if (!run('npm', ['run', '--silent', 'build:addon'])) fail('building the addon failed.');
} else if (!loads()) {
  buildInPackage();
}
