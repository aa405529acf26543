// Lays out what a release publishes, in the folder named first: `package` (dist, loader, Rust sources, README …, with the
// platform packages as optional dependencies of the same version) and `npm/NAME` for every addon in the folder named
// second. `--partial` allows addons to be missing, as when one platform's package is tried where it was built.
//   node scripts/stage-release.mjs RELEASE ADDONS [--partial]
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [release, addons, ...flags] = process.argv.slice(2);
if (!release || !addons) {
  process.stderr.write('usage: node scripts/stage-release.mjs RELEASE ADDONS [--partial]\n');
  process.exit(2);
}
const target = resolve(release);
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const optionalDependencies = {};
const missing = [];
for (const folder of readdirSync(join(root, 'npm')).sort()) {
  const platform = JSON.parse(readFileSync(join(root, 'npm', folder, 'package.json'), 'utf8'));
  optionalDependencies[platform.name] = manifest.version;
  const addon = join(resolve(addons), platform.main);
  if (!existsSync(addon)) {
    missing.push(platform.main);
    continue;
  }
  const staged = join(target, 'npm', folder);
  cpSync(join(root, 'npm', folder), staged, { recursive: true });
  cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'));
  cpSync(addon, join(staged, platform.main));
  writeFileSync(
    join(staged, 'package.json'),
    `${JSON.stringify({ ...platform, version: manifest.version }, null, 2)}\n`,
  );
}
if (missing.length > 0 && !flags.includes('--partial')) {
  process.stderr.write(`these addons are missing: ${missing.join(', ')}\n`);
  process.exit(1);
}

// What npm would pack, and nothing else; without what only a clone needs.
const [report] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  }),
);
const types = publicTypes(Object.values(manifest.exports));
for (const { path } of report.files.filter(({ path }) => !/\.d\.c?ts$/.test(path) || types.has(path))) {
  const staged = join(target, 'package', path);
  mkdirSync(dirname(staged), { recursive: true });
  const text = () => readFileSync(join(root, path), 'utf8');
  if (path.endsWith('.rs')) writeFileSync(staged, forBuilding(path, text()));
  else if (path.endsWith('.js')) writeFileSync(staged, forRunning(text()));
  else cpSync(join(root, path), staged);
}

/** A script without comments but those that begin with an exclamation mark: what is documented stands in the declaration files. */
function forRunning(script) {
  const { ESNext: module } = ts.ModuleKind;
  const { ESNext: target } = ts.ScriptTarget;
  return ts.transpileModule(script, { compilerOptions: { module, target, removeComments: true } }).outputText;
}

/** The declaration files that those of the package's doors lead to: nobody can ask for the others. */
function publicTypes(doors) {
  const found = new Set();
  const follow = (path) => {
    if (found.has(path)) return;
    found.add(path);
    const text = readFileSync(join(root, path), 'utf8');
    for (const [, to] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g)) {
      follow(posix.join(posix.dirname(path), `${to}.d.ts`));
    }
  };
  for (const { types } of doors) if (types) follow(posix.normalize(types));
  return found;
}

/**
 * A Rust source without the tests at its end and without comments: whoever builds from the package neither runs nor reads it.
 * That nothing is documented is then no news.
 */
function forBuilding(path, source) {
  const code = source.replace(/\n#\[cfg\(test\)\]\nmod tests \{\n[\s\S]*\n\}\n$/, '');
  // Strings and characters are passed over first, for a comment cannot begin in them.
  const tokens = /b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'|[^\S\n]*\/\/[^\n]*/g;
  const bare = code.replace(tokens, (token) => (/^\s*\/\//.test(token) ? '' : token));
  return /\/(src\/lib|build)\.rs$/.test(path) ? `#![allow(missing_docs)]\n${bare}` : bare;
}
const { scripts: _, devDependencies: __, overrides: ___, ...published } = manifest;
writeFileSync(
  join(target, 'package', 'package.json'),
  `${JSON.stringify({ ...published, optionalDependencies }, null, 2)}\n`,
);
