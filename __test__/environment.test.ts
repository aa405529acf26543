import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { slow } from './shared.js';

const binding = fileURLToPath(new URL('../native/binding.cjs', import.meta.url));

/** Starts a job that never ends by itself, then says so. */
const spin = `
  const native = require(${JSON.stringify(binding)});
  native.runFault('spin', new native.Job()).catch(() => {});
`;

slow('a worker terminated while a job runs ends, again and again', async () => {
  for (let round = 0; round < 50; round += 1) {
    const worker = new Worker(`${spin} require('node:worker_threads').parentPort.postMessage('running');`, {
      eval: true,
    });
    await new Promise((resolve) => worker.once('message', resolve));
    expect(await worker.terminate()).toBe(1);
  }
});

test('a worker runs a job to its end', async () => {
  const code = `
    const native = require(${JSON.stringify(binding)});
    const { parentPort } = require('node:worker_threads');
    const job = new native.Job();
    native.runFault('spin', job).catch((error) => parentPort.postMessage(JSON.parse(error.message).code));
    job.cancel();
  `;
  const worker = new Worker(code, { eval: true });
  expect(await new Promise((resolve) => worker.once('message', resolve))).toBe('ERR_ABORTED');
  await worker.terminate();
});

test('process.exit() while a job runs exits at once with the code asked for', () => {
  const began = performance.now();
  const child = spawnSync(process.execPath, ['-e', `${spin} setTimeout(() => process.exit(7), 50);`], {
    timeout: 20_000,
  });
  expect(child.signal).toBeNull();
  expect(child.status).toBe(7);
  // Not a measurement: without the cleanup hook the process would hang until the timeout above.
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('a running job keeps the process alive until it settles', () => {
  const code = `
    const native = require(${JSON.stringify(binding)});
    const job = new native.Job();
    native.runFault('spin', job).catch((error) => console.log(JSON.parse(error.message).code));
    setTimeout(() => job.cancel(), 100).unref();
  `;
  const child = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', timeout: 20_000 });
  expect(child.stderr).toBe('');
  expect(child.stdout.trim()).toBe('ERR_ABORTED');
  expect(child.status).toBe(0);
});
