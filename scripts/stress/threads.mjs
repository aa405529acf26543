// Jobs and worker threads.
import { Worker } from 'node:worker_threads';

const TEARDOWNS = 50;
const JOBS = 1_000;
/** The promise: an abort takes effect in under this. */
const ABORT_MS = 200;

/** Workers that are terminated while they compute. */
export async function workers() {
  const code = `
    const { parentPort } = require('node:worker_threads');
    import('coverage-principle').then(async ({ LogProbs, selectCheckpoint }) => {
      const row = (model) => Float64Array.from({ length: 50_000 }, (_, index) => -1 - ((index * (model + 2)) % 97) / 30);
      const logProbs = LogProbs.fromArrays(Array.from({ length: 60 }, (_, model) => row(model)));
      parentPort.postMessage('running');
      for (;;) await selectCheckpoint(logProbs, { bestOf: [4, 16] });
    });
  `;
  let failures = 0;
  for (let round = 0; round < TEARDOWNS; round += 1) {
    const worker = new Worker(code, { eval: true });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await new Promise((wake) => setTimeout(wake, 5 * (round % 20)));
    if ((await worker.terminate()) !== 1) failures += 1;
  }
  return {
    found: `${TEARDOWNS} workers terminated while computing`,
    failures: failures ? [`${failures} ended otherwise`] : [],
  };
}

/** Many long jobs at once, each aborted. */
export async function jobs() {
  const { train } = await import('coverage-principle/linear');
  const { namedProblem } = await import('coverage-principle/experiments');
  const problem = namedProblem({ name: 'prop-i.1', horizon: 64 });
  const controllers = Array.from({ length: JOBS }, () => new AbortController());
  const began = performance.now();
  const settledAt = [];
  const runs = controllers.map(async ({ signal }, index) => {
    const options = { ...problem.class, data: problem.data, steps: 1_000_000_000, stepSize: 1e-6, signal };
    await train(options).catch(() => undefined);
    settledAt[index] = performance.now();
  });
  const started = performance.now() - began;
  await new Promise((wake) => setTimeout(wake, 500));
  const took = [];
  for (const index of controllers.keys()) {
    const asked = performance.now();
    controllers[index].abort();
    await runs[index];
    took.push(settledAt[index] - asked);
  }
  const longest = Math.max(...took);
  const found = `${JOBS} long jobs begun in ${started.toFixed(0)} ms; abort of one took at most ${longest.toFixed(0)} ms`;
  return { found, failures: longest < ABORT_MS ? [] : [`an abort took ${longest.toFixed(0)} ms`] };
}
