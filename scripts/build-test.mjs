// Brings what the tests run up to date. The addon: the release addon in native if it was built from these very sources
// (as in a fresh clone), else one in the development profile (no link-time optimisation; debug assertions and overflow
// checks on) under native/test, with its JavaScript loader and types in native. Then dist. Cargo and tsc do nothing where
// nothing changed. native/test-addon says which addon it is; __test__/build.ts points the tests at it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonIn, freshRelease } from './addon-sources.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const testFolder = join(native, 'test');
const loader = ['binding.cjs', 'binding.d.cts'];

function run(command, args) {
  const { status } = spawnSync('npx', ['--no-install', command, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

function buildForTests() {
  run('napi', [
    ...['build', '--platform', '--manifest-path', 'crates/node/Cargo.toml', '--package-json-path', 'package.json'],
    ...['-o', 'native/test', '--js', loader[0], '--dts', loader[1]],
  ]);
  for (const name of loader) {
    const [from, to] = [join(testFolder, name), join(native, name)];
    if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) copyFileSync(from, to);
  }
  return addonIn(testFolder);
}

mkdirSync(testFolder, { recursive: true });
writeFileSync(join(native, 'test-addon'), freshRelease() ?? buildForTests());

// Incremental compilation keeps the output of sources that are gone: it goes first.
mkdirSync(join(root, 'dist'), { recursive: true });
for (const path of readdirSync(join(root, 'dist'), { recursive: true }).filter((name) => name.endsWith('.js'))) {
  const source = join(root, 'src', `${path.slice(0, -'.js'.length)}.ts`);
  if (existsSync(source)) continue;
  for (const ending of ['.js', '.d.ts']) rmSync(join(root, 'dist', path.replace(/\.js$/, ending)), { force: true });
}
run('tsc', ['-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo']);
await import('./bundle-zod.mjs');
