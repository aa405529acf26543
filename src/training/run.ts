import type { JobOptions, Progress } from '../job.js';
import type { TrainResult } from '../linear/train-result.js';
import type { OutputFolder } from './output.js';
import type { PreparedTraining } from './prepare.js';

/** Parts that a training is cut into, after each of which its state may be saved. */
const PARTS = 20;
/** States are saved no more often than this. */
const SAVE_INTERVAL_MS = 10_000;

/**
 * Trains to the end, saving states to `output` now and then, and when aborted.
 *
 * @throws the signal's reason when aborted
 */
export async function runPrepared(
  prepared: PreparedTraining,
  output: OutputFolder | null,
  { signal, onProgress, threads }: JobOptions,
): Promise<TrainResult[]> {
  const { training } = prepared;
  const began = performance.now();
  let saved = began;
  let results = training.results();
  const longest = Math.max(...results.map(({ steps }) => steps));
  const all = results.reduce((sum, { steps }) => sum + steps, 0);
  for (let part = 1; part <= PARTS; part += 1) {
    const before = results.reduce((sum, { step }) => sum + step, 0);
    const report = ({ done }: Progress) =>
      onProgress?.({ done: before + done, total: all, elapsed: (performance.now() - began) / 1000 });
    try {
      results = await training.run({
        until: Math.ceil((longest * part) / PARTS),
        ...(signal && { signal }),
        ...(threads !== undefined && { threads }),
        ...(onProgress && { onProgress: report }),
      });
    } catch (error) {
      if (signal?.aborted) await output?.writeStates(prepared);
      throw error;
    }
    if (output && part < PARTS && performance.now() - saved > SAVE_INTERVAL_MS) {
      await output.writeStates(prepared);
      saved = performance.now();
    }
  }
  return results;
}
