import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const addon = readdirSync(join(root, 'native')).find((name) => name.endsWith('.node'))!;
const platform = addon.split('.')[1]!;

// The installed package finds its addon by itself.
const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...env } = process.env;

let folder: string;
let packed: string[];

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, env, encoding: 'utf8', shell: process.platform === 'win32' });
}

function node(args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' }).trim();
}

// The package as a user gets it: packed, with the platform package beside it, installed in an empty folder.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coverage-principle-'));
  const platformFolder = mkdtempSync(join(tmpdir(), 'coverage-principle-platform-'));
  copyFileSync(join(root, 'npm', platform, 'package.json'), join(platformFolder, 'package.json'));
  copyFileSync(join(root, 'native', addon), join(platformFolder, addon));
  npm(['pack', '--ignore-scripts', '--pack-destination', folder], platformFolder);
  rmSync(platformFolder, { recursive: true });
  const [report] = JSON.parse(npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root));
  packed = report.files.map((file: { path: string }) => file.path);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  expect(tarballs).toHaveLength(2);
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs.map((name) => `./${name}`)], folder);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the tarball holds what is needed to run and to build, and no addon of one platform', () => {
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'native/binding.cjs',
    'README.md',
    'LICENSE',
  ]) {
    expect(packed).toContain(path);
  }
  expect(packed).toEqual(
    expect.arrayContaining(['Cargo.toml', 'Cargo.lock', 'crates/core/src/lib.rs', 'crates/node/build.rs']),
  );
  expect(packed.filter((path) => /\.node$|^(__test__|benchmark|src|target|docs)\//.test(path))).toEqual([]);
});

const program = `
const logProbs = LogProbs.fromArrays([[-1, -9, -3], [-2, -2, -3]], { models: ['early', 'late'] });
const { tournaments } = await tournament(logProbs, { N: [2, 16] });
console.log(tournaments.map((result) => result.winner).join(' '));
`;

test('an ES module runs', () => {
  writeFileSync(join(folder, 'program.mjs'), `import { LogProbs, tournament } from 'coverage-principle';${program}`);
  expect(node(['program.mjs'])).toBe('late late');
});

test('a CommonJS script runs', () => {
  const body = `const { LogProbs, tournament } = require('coverage-principle');\n(async () => {${program}})();`;
  writeFileSync(join(folder, 'program.cjs'), body);
  expect(node(['program.cjs'])).toBe('late late');
});

test.each([
  ['ES module', 'program.mts', `import { LogProbs, tournament, type Tournaments } from 'coverage-principle';\n`],
  [
    'CommonJS module',
    'common.cts',
    `import coverage = require('coverage-principle');\nconst { LogProbs, tournament } = coverage;\n`,
  ],
])('a TypeScript %s compiles and runs', (_, file, head) => {
  const body = file.endsWith('.cts') ? `async function main() {${program}}\nmain();` : program;
  writeFileSync(join(folder, file), head + body);
  // The compiler and Node's types are the user's own; here the project's serve.
  for (const [link, target] of [
    ['@types', '@types'],
    ['undici-types', 'undici-types'],
  ] as const) {
    try {
      symlinkSync(join(root, 'node_modules', target), join(folder, 'node_modules', link));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  node([
    tsc,
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
    '--skipLibCheck',
    'false',
    file,
  ]);
  expect(node([file.replace('.mts', '.mjs').replace('.cts', '.cjs')])).toBe('late late');
});

test('the command runs', () => {
  const version = execFileSync('npx', ['--no-install', 'coverage-principle', '--version'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  expect(version.trim()).toBe(manifest.version);
});

test('without an addon the error says what to do', () => {
  rmSync(join(folder, 'node_modules', `coverage-principle-${platform}`), { recursive: true });
  const code = `import('coverage-principle').catch((error) => console.log(error.code, error.message))`;
  expect(node(['-e', code])).toMatch(/^ERR_ADDON_NOT_FOUND .*NAPI_RS_NATIVE_LIBRARY_PATH/);
});
