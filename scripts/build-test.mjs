// Brings what the tests run up to date: the addon in the development profile (no link-time optimisation; debug
// assertions and overflow checks on) under native/test, its JavaScript loader and types in native, and dist. Cargo and
// tsc do nothing where nothing changed. The release addon in native is left alone: tests are pointed at theirs by
// NAPI_RS_NATIVE_LIBRARY_PATH (see __test__/build.ts).
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const testFolder = join(root, 'native', 'test');
const loader = ['binding.cjs', 'binding.d.cts'];

function run(command, args) {
  const { status } = spawnSync('npx', ['--no-install', command, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(testFolder, { recursive: true });
run('napi', [
  ...['build', '--platform', '--manifest-path', 'crates/node/Cargo.toml', '--package-json-path', 'package.json'],
  ...['-o', 'native/test', '--js', loader[0], '--dts', loader[1]],
]);
for (const name of loader) {
  const [from, to] = [join(testFolder, name), join(root, 'native', name)];
  if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) copyFileSync(from, to);
}

// Incremental compilation keeps the output of sources that are gone: it goes first.
mkdirSync(join(root, 'dist'), { recursive: true });
for (const path of readdirSync(join(root, 'dist'), { recursive: true }).filter((name) => name.endsWith('.js'))) {
  const source = join(root, 'src', `${path.slice(0, -'.js'.length)}.ts`);
  if (existsSync(source)) continue;
  for (const ending of ['.js', '.d.ts']) rmSync(join(root, 'dist', path.replace(/\.js$/, ending)), { force: true });
}
run('tsc', ['-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo']);
