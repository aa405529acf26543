import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { runJob } from '../src/job.js';
import { native } from '../src/native.js';

const binding = fileURLToPath(new URL('../native/binding.cjs', import.meta.url));
const JOBS = 1_000;

/** Threads of this process that jobs run on; `undefined` where the system does not tell. */
function jobThreads(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const name = (task: string) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').trim();
    } catch {
      return '';
    }
  };
  return readdirSync('/proc/self/task').filter((task) => name(task) === 'coverage-job').length;
}

test('a thousand jobs that never end wait for few threads, and each can be aborted where it stands', async () => {
  const controllers = Array.from({ length: JOBS }, () => new AbortController());
  const settled: number[] = [];
  const runs = controllers.map(async ({ signal }, index) => {
    const error = await runJob((job) => native.runFault('spin', job), { signal }).catch((reason) => reason);
    settled.push(index);
    return error;
  });
  const abort = (index: number) => controllers[index]!.abort(`no more ${index}`);
  // One that waits ends although none of those before it does.
  abort(JOBS - 1);
  expect(await runs[JOBS - 1]).toBe(`no more ${JOBS - 1}`);
  abort(JOBS / 2);
  expect(await runs[JOBS / 2]).toBe(`no more ${JOBS / 2}`);
  expect(settled).toEqual([JOBS - 1, JOBS / 2]);
  const threads = jobThreads();
  if (threads !== undefined) {
    expect(threads).toBeGreaterThan(1);
    expect(threads).toBeLessThan(JOBS / 4);
  }
  // One that runs makes room for the next in line.
  abort(0);
  await runs[0];
  for (const index of controllers.keys()) abort(index);
  const reasons = await Promise.all(runs);
  expect(reasons).toEqual(controllers.map((_, index) => `no more ${index}`));
}, 60_000);

test('a process and a worker end with jobs waiting', async () => {
  const spins = `
    const native = require(${JSON.stringify(binding)});
    for (let job = 0; job < 500; job += 1) native.runFault('spin', new native.Job()).catch(() => {});
  `;
  const child = spawnSync(process.execPath, ['-e', `${spins} setTimeout(() => process.exit(7), 20);`], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect([child.status, child.signal, child.stderr]).toEqual([7, null, '']);
  const worker = new Worker(`${spins} require('node:worker_threads').parentPort.postMessage('running');`, {
    eval: true,
  });
  await new Promise((resolve) => worker.once('message', resolve));
  expect(await worker.terminate()).toBe(1);
  // What waited in the worker is gone: a job of this environment has its turn.
  await expect(runJob((job) => native.runFault('panic', job), {})).rejects.toThrow(/fault requested/);
}, 60_000);
