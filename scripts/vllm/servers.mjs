// Starts real vLLM servers, and ends them by their process ids.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longest that a server may take to come up, in seconds. */
const START = 600;

/** What makes vLLM quiet: nothing is fetched, nothing reported. */
export const quiet = {
  ...process.env,
  VLLM_PYTHON: undefined,
  HF_HUB_OFFLINE: '1',
  TRANSFORMERS_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
};

/** By itself every server on a small machine binds its one thread to the first core, which servers beside each other would share. */
const unbound = { VLLM_CPU_OMP_THREADS_BIND: 'nobind', OMP_NUM_THREADS: '1' };

/** Process groups under way. */
const groups = new Set();

/** Starts a command as a group of its own, so that what it starts ends with it. */
export function group(command, args, { log, ...options }) {
  // Straight to the file: a pipe that nobody empties while this process waits would stop the server.
  const file = openSync(log, 'w');
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const own = { pid: child.pid, exited, log };
  groups.add(own);
  return own;
}

/** Ends a group, by force where asking does not help. */
export async function end(own) {
  groups.delete(own);
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    try {
      process.kill(-own.pid, signal);
    } catch {
      return;
    }
    for (let wait = 0; wait < 150 && alive(own.pid); wait += 1) await sleep(100);
    if (!alive(own.pid)) return;
  }
}

function alive(pid) {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends all. */
export async function endAll() {
  await Promise.all([...groups].map(end));
}

/** Resolves once a server is up. */
export async function up(url, own, seconds = START) {
  const until = Date.now() + 1000 * seconds;
  let ended = false;
  own.exited.then(() => {
    ended = true;
  });
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) return;
    if (ended || Date.now() > until) {
      const said = readFileSync(own.log, 'utf8').slice(-4000);
      throw new Error(`${url} ${ended ? 'ended' : `is not up after ${seconds} s`}:\n${said}`);
    }
    await sleep(500);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a server of a checkpoint, `beside` others or not; resolves once it answers, with its address. */
export async function serve(python, { folder, name, log, cache = false, beside = false, more = [] }) {
  const port = await freePort();
  const args = [
    ...['-m', 'vllm.entrypoints.openai.api_server', '--model', folder, '--served-model-name', name],
    ...['--host', '127.0.0.1', '--port', String(port), '--dtype', 'float32', '--enforce-eager'],
    ...['--max-model-len', '512', '--max-num-seqs', '8', '--kv-cache-memory-bytes', String(2 ** 27)],
    cache ? '--enable-prefix-caching' : '--no-enable-prefix-caching',
    ...more,
  ];
  const own = group(python, args, { env: { ...quiet, ...(beside ? unbound : {}) }, log });
  const url = `http://127.0.0.1:${port}`;
  await up(url, own);
  return { name, url, folder, own };
}
