import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PREBUILT } from '../src/addon.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const addon = readdirSync(join(root, 'native')).find((name) => name.endsWith('.node'))!;
const platform = addon.split('.')[1]!;

// The installed package finds its addon by itself.
const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...env } = process.env;

let folder: string;
let packed: string[];
let size: number;

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, env, encoding: 'utf8', shell: process.platform === 'win32' });
}

function node(args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' }).trim();
}

function command(...args: string[]) {
  const main = join(folder, 'node_modules/coverage-principle', manifest.bin['coverage-principle']);
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** The name that Node gives what Rust calls a target. */
function nameOfTarget(target: string): string {
  const [processor, , system, abi] = target.split('-');
  const arch = processor === 'aarch64' ? 'arm64' : 'x64';
  return `${system === 'windows' ? 'win32' : system}-${arch}${abi === undefined ? '' : `-${abi}`}`;
}

// The package as a user gets it: packed, with the platform package beside it, installed in an empty folder.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coverage-principle-'));
  const release = mkdtempSync(join(tmpdir(), 'coverage-principle-release-'));
  execFileSync(process.execPath, [join(root, 'scripts/stage-release.mjs'), release, join(root, 'native'), '--partial']);
  npm(['pack', '--pack-destination', folder], join(release, 'npm', platform));
  const [report] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], join(release, 'package')));
  rmSync(release, { recursive: true });
  size = report.size;
  packed = report.files.map((file: { path: string }) => file.path);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  expect(tarballs).toHaveLength(2);
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs.map((name) => `./${name}`)], folder);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

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
  expect(packed.filter((path) => /\.node$|^(__test__|src|target|examples\/graph-transformer)\//.test(path))).toEqual(
    [],
  );
});

test('what its pages link to is in the tarball', () => {
  const pages = packed.filter((path) => path.endsWith('.md'));
  expect(pages.length).toBeGreaterThan(8);
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replace(/^( *)```[\s\S]*?^\1```/gm, '');
    for (const [, link] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (!/^https?:/.test(link!)) expect(packed, `${page}: ${link}`).toContain(posix.join(posix.dirname(page), link!));
    }
  }
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

test('linear models and experiments have doors of their own', () => {
  const body = [
    "import { tournament } from 'coverage-principle';",
    "import { train, trainingReport } from 'coverage-principle/linear';",
    "import { experimentNames, experimentReport } from 'coverage-principle/experiments';",
    "import * as root from 'coverage-principle';",
    'console.log([tournament, train, trainingReport, experimentReport].map((each) => typeof each).join());',
    "console.log(experimentNames().includes('figure-1'), 'train' in root, 'reproduce' in root);",
  ];
  writeFileSync(join(folder, 'doors.mjs'), body.join('\n'));
  expect(node(['doors.mjs'])).toBe('function,function,function,function\ntrue false false');
});

test('a CommonJS script runs', () => {
  const body = `const { LogProbs, tournament } = require('coverage-principle');\n(async () => {${program}})();`;
  writeFileSync(join(folder, 'program.cjs'), body);
  expect(node(['program.cjs'])).toBe('late late');
});

test('TypeScript compiles to an ES module and a CommonJS module that run', () => {
  const body = `async function main() {${program}}\nmain();`;
  const heads = {
    'program.mts': `import { LogProbs, tournament, type Tournaments } from 'coverage-principle';\n`,
    'common.cts': `import coverage = require('coverage-principle');\nconst { LogProbs, tournament } = coverage;\n`,
  };
  for (const [file, head] of Object.entries(heads))
    writeFileSync(join(folder, file), head + (file === 'program.mts' ? program : body));
  // The compiler and Node's types are the user's own; here the project's serve.
  for (const name of ['@types', 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = [
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
    '--skipLibCheck',
    'false',
  ];
  node([tsc, ...options, ...Object.keys(heads)]);
  for (const file of ['program.mjs', 'common.cjs']) expect(node([file])).toBe('late late');
});

test('the command runs', () => {
  expect(command('--version')).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test('it is small, and installs without running anything', () => {
  expect(size).toBeLessThan(1_000_000);
  // The readers of compressed files and tables are in it, and counting by several sets of instructions. Where rustc's linker is not
  // LLD, what is the same is in it more than once (crates/node/build.rs).
  const most = platform === 'linux-x64-gnu' ? 6_000_000 : 6_250_000;
  expect(statSync(join(root, 'native', addon)).size).toBeLessThan(most);
  const installed = JSON.parse(readFileSync(join(folder, 'node_modules/coverage-principle/package.json'), 'utf8'));
  expect(installed).not.toHaveProperty('scripts');
  expect(Object.keys(installed.optionalDependencies).sort()).toEqual(
    PREBUILT.map((name) => `coverage-principle-${name}`).sort(),
  );
});

test('every target has its package, of this version, for its machine alone', () => {
  const folders = readdirSync(join(root, 'npm')).sort();
  expect(folders).toEqual([...PREBUILT].sort());
  expect(manifest.napi.targets.map(nameOfTarget).sort()).toEqual(folders);
  for (const name of folders) {
    const [platform, arch, libc] = name.split('-');
    const addon = `coverage-principle.${name}.node`;
    const libcs: Record<string, string[]> = { gnu: ['glibc'], musl: ['musl'] };
    const { os, cpu, ...described } = JSON.parse(readFileSync(join(root, 'npm', name, 'package.json'), 'utf8'));
    expect({ os, cpu }).toEqual({ os: [platform], cpu: [arch] });
    expect(described).toMatchObject({
      name: `coverage-principle-${name}`,
      version: manifest.version,
      main: addon,
      files: [addon],
      engines: manifest.engines,
      license: manifest.license,
      repository: manifest.repository,
    });
    expect(described.libc).toEqual(libcs[libc ?? '']);
  }
});

test('without an addon every command says which one is wanted and how to get it', () => {
  rmSync(join(folder, 'node_modules', `coverage-principle-${platform}`), { recursive: true });
  for (const args of [['--version'], ['select', 'x.npy'], []]) {
    const { status, stdout, stderr } = command(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.split('\n')).toHaveLength(3);
    expect(stderr).toContain(`npm install coverage-principle-${platform}@${manifest.version}`);
    expect(stderr).toMatch(/build-addon\.mjs\n\[ERR_ADDON_NOT_FOUND\]\n$/);
  }
  const code = `import('coverage-principle').catch((error) => console.log(error.code))`;
  expect(node(['-e', code])).toBe('ERR_ADDON_NOT_FOUND');
});

test('an addon that does not load says why', () => {
  const path = join(folder, 'node_modules/coverage-principle/native', addon);
  writeFileSync(path, 'not an addon');
  expect(command('--version').stderr).toMatch(
    /does not load on .*: .*(file too short|invalid ELF|not a mach-o|not a valid)/i,
  );
  rmSync(path);
});
