// Reads mutants of files through the package, as its users would, and watches: every one must be read or refused within
// two seconds, by a process that lives on, in bounded memory.
//
//   node fuzz/mutants.mjs [--count 100000] [--seed 1] [--dist dist/index.js] FILE…
//
// Mutant i is a function of the seed, i and the files alone; what fails is written to fuzz/artifacts.
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const LIMIT_MS = 2000;
const MOST_MEMORY = 1 << 30;

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    dist: { type: 'string', default: 'dist/index.js' },
    from: { type: 'string', default: '0' },
    child: { type: 'boolean', default: false },
  },
});
const [count, seed, from] = [options.count, options.seed, options.from].map(Number);
const seeds = files.map((file) => ({ name: basename(file), bytes: readFileSync(file) }));

/** A stream of whole numbers below 2^32 (SplitMix32), keyed by seed and mutant. */
function random(index) {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return ((word ^ (word >>> 15)) >>> 0) % below;
  };
}

/** Mutant `index`: a few bytes changed, half of them near the end, where the metadata of many formats is; or a cut. */
function mutant(index) {
  const next = random(index);
  const { name, bytes } = seeds[next(seeds.length)];
  let changed = Buffer.from(bytes);
  for (let changes = 1 + next(4); changes > 0; changes -= 1) {
    const near = next(2) === 0 ? Math.min(changed.length, 3000) : changed.length;
    const at = changed.length - 1 - next(near);
    const kind = next(5);
    if (kind === 0) changed[at] ^= 1 << next(8);
    else if (kind === 1) changed[at] = next(256);
    else if (kind === 2) changed[at] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x2c, 0x0a][next(8)];
    else if (kind === 3) changed[at] = (changed[at] + 1) & 0xff;
    else if (next(8) === 0) changed = changed.subarray(0, Math.max(at, 1));
  }
  return { name, bytes: changed };
}

async function child() {
  const { readLogProbs, readSampleCounts } = await import(pathToFileURL(resolve(options.dist)).href);
  const folder = await mkdtemp(join(tmpdir(), 'coverage-mutants-'));
  const calls = [(file) => readLogProbs(file), (file) => readSampleCounts(file, { samples: 16 })];
  for (let index = from; index < count; index += 1) {
    const { name, bytes } = mutant(index);
    const file = join(folder, name);
    writeFileSync(file, bytes);
    process.send({ index });
    for (const call of calls) {
      const result = await call(file).then(
        (value) => {
          value.dispose?.();
          return 'read';
        },
        (error) =>
          typeof error.code === 'string' && error.code !== 'ERR_INTERNAL' ? 'refused' : `not typed: ${error.message}`,
      );
      process.send({ index, result, memory: process.memoryUsage.rss() });
    }
  }
  await rm(folder, { recursive: true });
  process.disconnect();
}

/** Runs a child from mutant `first` on, until it ends or is ended; where the next is to begin. */
function run(first, totals) {
  return new Promise((done) => {
    const self = fileURLToPath(import.meta.url);
    const flags = ['--child', '--from', first, '--count', count, '--seed', seed, '--dist', options.dist].map(String);
    const worker = fork(self, [...flags, ...files], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let current = first;
    let since = Date.now();
    const fail = (what) => {
      const { name, bytes } = mutant(current);
      mkdirSync('fuzz/artifacts', { recursive: true });
      writeFileSync(join('fuzz/artifacts', `${seed}-${current}-${name}`), bytes);
      console.log(`mutant ${current} of ${name}: ${what}`);
      totals.failed += 1;
    };
    worker.on('message', ({ index, result, memory }) => {
      current = index;
      since = Date.now();
      if (result === undefined) return;
      if (result === 'read' || result === 'refused') totals[result] += 1;
      else fail(result);
      totals.memory = Math.max(totals.memory, memory);
      if (memory > MOST_MEMORY) {
        fail(`${memory} bytes of memory`);
        worker.kill('SIGKILL');
      }
    });
    const watchdog = setInterval(() => {
      if (Date.now() - since <= LIMIT_MS) return;
      fail(`more than ${LIMIT_MS} ms`);
      worker.kill('SIGKILL');
    }, 100);
    // Starting up is not reading.
    worker.once('spawn', () => {
      since = Date.now() + 10_000;
    });
    worker.once('exit', (code, signal) => {
      clearInterval(watchdog);
      if (code !== 0 && signal !== 'SIGKILL') fail(`the process ended: ${signal ?? code}`);
      done(code === 0 ? count : current + 1);
    });
  });
}

if (options.child) {
  await child();
} else {
  const totals = { read: 0, refused: 0, failed: 0, memory: 0 };
  const began = Date.now();
  for (let next = from; next < count; ) next = await run(next, totals);
  const seconds = Math.round((Date.now() - began) / 1000);
  const { read, refused, failed, memory } = totals;
  console.log(
    `${count} mutants of ${seeds.length} files in ${seconds} s: ${read} times read, ${refused} times refused, ${failed} failures, ` +
      `at most ${Math.round(memory / 2 ** 20)} MiB`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}
