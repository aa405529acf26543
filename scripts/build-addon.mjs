// Builds the addon from the Rust sources of this package and puts it where the loader looks first. Runs in a clone when
// its dependencies are installed (see prepare.mjs), and by hand in an installed package on a platform without a prebuilt
// addon: node node_modules/coverage-principle/scripts/build-addon.mjs
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');

const library = {
  linux: 'libcoverage_principle_node.so',
  darwin: 'libcoverage_principle_node.dylib',
  win32: 'coverage_principle_node.dll',
}[process.platform];

function fail(reason) {
  process.stderr.write(`coverage-principle: ${reason}\n`);
  process.exit(1);
}

/** The name the loader looks for first, e.g. coverage-principle.linux-x64-gnu.node. */
function addonName() {
  const { platform, arch } = process;
  if (platform !== 'linux') return `coverage-principle.${platform}-${arch}${platform === 'win32' ? '-msvc' : ''}.node`;
  process.report.excludeNetwork = true;
  const glibc = process.report.getReport().header?.glibcVersionRuntime;
  return `coverage-principle.linux-${arch}-${glibc ? 'gnu' : 'musl'}.node`;
}

if (!library) fail(`building on ${process.platform} is not supported.`);
// What is only needed for building (about 250 MB) goes again.
const target = join(root, 'target', 'build-addon');
const began = performance.now();
process.stderr.write('coverage-principle: building the addon from source; this takes a minute or more\n');
const { status, error } = spawnSync('cargo', ['build', '--release', '--locked', '-p', 'coverage-principle-node'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, CARGO_TARGET_DIR: target },
});
if (error?.code === 'ENOENT') {
  fail('there is no cargo here: install Rust 1.89 or later (https://rustup.rs) and run this again.');
}
if (status !== 0) fail('building the addon failed; what cargo says of it stands above.');
mkdirSync(native, { recursive: true });
const addon = join(native, addonName());
copyFileSync(join(target, 'release', library), `${addon}.tmp`);
renameSync(`${addon}.tmp`, addon);
rmSync(target, { recursive: true, force: true });
try {
  createRequire(import.meta.url)(addon);
} catch (cause) {
  fail(`the addon was built but does not load: ${cause.message}`);
}
const seconds = Math.round((performance.now() - began) / 1000);
process.stderr.write(`coverage-principle: built ${addonName()} in ${seconds} s\n`);
