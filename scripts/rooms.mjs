// The rooms of the house, lowest first, and what each imports: drawn into ARCHITECTURE.md, held by a test.
//
//   node scripts/rooms.mjs            draws them
//   node scripts/rooms.mjs --check    fails where an import runs upward, a room has no place, or the drawing is stale
//
// A folder of `src` is a room; files beside the folders are one, called `base`, but for the doors (`index.ts` and its
// like), which only pass on. In a crate a module is a room, and a crate above the core is one room of the core's drawing. A type
// that is imported counts like any other import.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative, sep } from 'node:path';
import ts from 'typescript';

/** Lowest first: a room imports only rooms before it. Rooms that stand at the same height are ordered by what they do. */
const ORDERS = {
  src: [
    'results',
    'base',
    'text',
    'input',
    'files',
    'log-probs',
    'tournament',
    'answers',
    'profile',
    'pass-at-k',
    'selection',
    'race',
    'score',
    'sample',
    'linear',
    'problems',
    'report',
    'training',
    'experiments',
    'demo',
    'cli',
    'doors',
  ],
  'crates/core/src': [
    'error',
    'progress',
    'isa',
    'json',
    'order',
    'parallel',
    'random',
    'content_hash',
    'saved',
    'resample',
    'statistics',
    'log_probs',
    'files',
    'tournament',
    'profile',
    'best_of_n',
    'selection',
    'answers',
    'race',
    'linear',
    'problems',
  ],
  'crates/node/src': ['error', 'memory', 'queue', 'job', 'log_probs', 'read', 'tournament', 'others'],
};

/** Rooms of the core that are crates of their own, above it; what each is within is its own affair. */
const CRATES = { 'crates/core/src': { problems: 'crates/problems/src' } };
/** Files of `src` that are doors: they export and do nothing. */
const DOORS = ['index', 'linear', 'experiments'];
/** Modules of a crate that tests alone use. */
const FOR_TESTS = ['golden'];

/** The room of a path within its source folder. */
function roomOf(folder, path) {
  const [first, ...rest] = path.split(sep);
  const name = basename(first, rest.length > 0 ? '' : folder === 'src' ? '.ts' : '.rs');
  if (folder === 'crates/node/src' && !ORDERS[folder].includes(name)) return 'others';
  if (folder !== 'src' || rest.length > 0) return name;
  return DOORS.includes(name) ? 'doors' : 'base';
}

/** What a file imports, as paths within the source folder. */
function importsOf(folder, path, text) {
  if (folder === 'src') {
    return ts
      .preProcessFile(text, true, true)
      .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
      .map(({ fileName }) => normalize(join(dirname(path), fileName)).replace(/\.js$/, '.ts'))
      .filter((target) => !target.startsWith('..'));
  }
  return modulesOf('crate', text);
}

/** Modules of a crate that a file of Rust names, as files. */
function modulesOf(crate, text) {
  // What comes after the tests' attribute is theirs; comments may speak of any module.
  const code = text.split('#[cfg(test)]')[0].replace(/\/\/.*$/gm, '');
  const single = [...code.matchAll(new RegExp(`\\b${crate}::(\\w+)`, 'g'))].map(([, name]) => name);
  const lists = new RegExp(`\\b${crate}::\\{((?:[^{}]|\\{[^{}]*\\})*)\\}`, 'g');
  const grouped = [...code.matchAll(lists)].flatMap(([, list]) =>
    [...list.replace(/\{[^{}]*\}/g, '').matchAll(/(?:^|,)\s*(\w+)/g)].map(([, name]) => name),
  );
  // What begins with a capital is an item of the crate's root, which passes on what lower rooms define.
  return [...single, ...grouped].filter((name) => /^[a-z]/.test(name)).map((name) => `${name}.rs`);
}

function filesOf(root, folder) {
  const suffix = folder === 'src' ? '.ts' : '.rs';
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(join(root, folder), join(entry.parentPath, entry.name)))
    .filter((path) => folder === 'src' || !['lib.rs', 'main.rs'].includes(path))
    .sort();
}

/** Imports between rooms, and what is wrong with them. */
function survey(root, folder) {
  const order = ORDERS[folder];
  const imports = new Map();
  const problems = [];
  const take = (path, room, targets) => {
    if (FOR_TESTS.includes(room)) return;
    if (!order.includes(room)) {
      problems.push(`${folder}: the room ${room} has no place in the order of scripts/rooms.mjs`);
      return;
    }
    const known = imports.get(room) ?? new Set();
    imports.set(room, known);
    for (const target of targets) {
      const other = roomOf(folder, target);
      if (other === room || FOR_TESTS.includes(other)) continue;
      known.add(other);
      if (order.indexOf(other) > order.indexOf(room)) {
        problems.push(`${path} imports ${other}, a room above ${room}`);
      }
    }
  };
  for (const path of filesOf(root, folder)) {
    const text = readFileSync(join(root, folder, path), 'utf8');
    take(`${folder}/${path}`, roomOf(folder, path), importsOf(folder, path, text));
  }
  for (const [room, crate] of Object.entries(CRATES[folder] ?? {})) {
    if (!existsSync(join(root, crate))) continue;
    for (const path of filesOf(root, crate)) {
      const text = readFileSync(join(root, crate, path), 'utf8');
      take(`${crate}/${path}`, room, modulesOf('coverage_principle_core', text));
    }
  }
  return { imports, problems: [...new Set(problems)] };
}

/** One line a room, the highest first, with the rooms it imports. */
function drawing(folder, imports) {
  const order = ORDERS[folder].filter((room) => imports.has(room)).reverse();
  const width = Math.max(...order.map((room) => room.length));
  const lines = order.map((room) => {
    const below = order.filter((other) => imports.get(room).has(other));
    return `${room.padEnd(width)}  → ${below.join(' ') || '–'}`;
  });
  return `${folder}, highest first\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

const BEGIN = '<!-- rooms: drawn by npm run rooms -->';
const END = '<!-- /rooms -->';

const check = process.argv.includes('--check');
const root = process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '.';
const surveys = Object.keys(ORDERS).map((folder) => ({ folder, ...survey(root, folder) }));
const drawn = surveys.map(({ folder, imports }) => drawing(folder, imports)).join('\n\n');
const file = join(root, 'ARCHITECTURE.md');
const before = readFileSync(file, 'utf8');
const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
if (from < 0 || to < from) throw new Error(`${file} has no place for the drawing: ${BEGIN} … ${END}`);
const after = `${before.slice(0, from)}${BEGIN}\n\n\`\`\`\n${drawn}\n\`\`\`\n\n${before.slice(to)}`;
const problems = surveys.flatMap((each) => each.problems);
if (!check) writeFileSync(file, after);
else if (after !== before) problems.push('ARCHITECTURE.md: the drawing of rooms is stale; npm run rooms draws it');
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
