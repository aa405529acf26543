import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CoverageError } from '../src/index.js';
import { runJob } from '../src/job.js';
import { native } from '../src/native.js';

test('a panic in the core rejects the promise', async () => {
  const run = runJob((job) => native.runFault('panic', job), {});
  await expect(run).rejects.toMatchObject({ name: 'CoverageError', code: 'ERR_INTERNAL' });
  await expect(run).rejects.toThrow(/fault requested by a test/);
});

test('an aborted signal stops a running job with its own reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const run = runJob((job) => native.runFault('spin', job), { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await expect(run).rejects.toBe(reason);
});

test('a signal aborted before the call rejects without starting', async () => {
  const started: unknown[] = [];
  const start = (job: InstanceType<typeof native.Job>) => {
    started.push(job);
    return native.runFault('spin', job);
  };
  await expect(runJob(start, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  expect(started).toEqual([]);
});

test('progress is reported, and a callback that throws does no harm', async () => {
  const controller = new AbortController();
  let reports = 0;
  const run = runJob((job) => native.runFault('spin', job), {
    signal: controller.signal,
    onProgress: () => {
      reports += 1;
      if (reports === 2) controller.abort();
      throw new CoverageError('ERR_TEST', 'a broken display');
    },
  });
  await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  expect(reports).toBeGreaterThanOrEqual(2);
});

test('a callback that rejects does no harm either', async () => {
  const controller = new AbortController();
  const rejections: unknown[] = [];
  const note = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', note);
  let reports = 0;
  const run = runJob((job) => native.runFault('spin', job), {
    signal: controller.signal,
    onProgress: async () => {
      reports += 1;
      if (reports === 2) controller.abort();
      throw new Error('a broken display');
    },
  });
  await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  // Rejections that nobody handles are told after the microtasks.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(rejections).toEqual([]);
});

/** A minute beside other tests (COVERAGE_TEST_ALL): a job waits for the event loop twenty thousand times. */
test.skipIf(!process.env['COVERAGE_TEST_ALL'])(
  'a job that is done leaves nothing behind',
  () => {
    const script = fileURLToPath(new URL('../scripts/stress/memory.mjs', import.meta.url));
    const found = execFileSync(process.execPath, ['--expose-gc', script, 'the smallest job'], { encoding: 'utf8' });
    const { calls, growth } = JSON.parse(found) as { calls: number; growth: number };
    expect(calls).toBe(15_000);
    // Its place in the queue, left behind, is 3.4 MB in all; of jobs that leave nothing memory differs by 0.2.
    expect(growth).toBeLessThan(1.5);
  },
  120_000,
);
