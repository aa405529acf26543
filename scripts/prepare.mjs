// Runs when dependencies are installed in a clone (never when the package is installed from a registry): builds the
// release addon with its loader and types (unless there is one of these very sources: packing prepares, too), then the
// TypeScript. What cargo needs only for this build (about 250 MB) goes
// again; `npm run build` keeps its own and is what to call while editing.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshRelease } from './addon-sources.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const targetFolder = join('target', 'prepare');

function run(args) {
  const { status } = spawnSync('npm', ['run', '--silent', ...args], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return status === 0;
}

function buildAddon() {
  process.stderr.write('coverage-principle: building the addon from source; this takes two minutes or so\n');
  const built = run(['build:addon', '--', '--target-dir', targetFolder]);
  rmSync(join(root, targetFolder), { recursive: true, force: true });
  return built;
}

const built = freshRelease() !== undefined;
if (!built && spawnSync('cargo', ['--version']).status !== 0) {
  process.stderr.write(
    'coverage-principle: there is no cargo here. A clone is built from source: install Rust 1.89 or later (https://rustup.rs).\n',
  );
  process.exit(1);
}
if (!(built || buildAddon()) || !run(['build:ts'])) {
  process.stderr.write('coverage-principle: building failed; the reason stands above.\n');
  process.exit(1);
}
