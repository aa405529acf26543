import type { JobOptions, Progress } from '../job.js';
import type { TrainResult } from '../linear/train-result.js';
import type { OutputFolder } from './output.js';
import type { PreparedTraining } from './prepare.js';

/** Seconds of training between two times that its state is saved. */
export const SAVE_SECONDS = 10;
/** Saving takes no more than this share of the time. */
const SAVING_SHARE = 0.05;

/** Where the states of a training go while it runs. */
export interface SaveOptions {
  readonly output: OutputFolder;
  /** Seconds of training between two saves; more where saving would take more than a twentieth of the time. */
  readonly every?: number;
}

/**
 * Trains to the end, saving states now and then, and when aborted.
 *
 * @throws the signal's reason when aborted
 */
export async function runPrepared(
  prepared: PreparedTraining,
  save: SaveOptions | null,
  { signal, onProgress, threads }: JobOptions,
): Promise<TrainResult[]> {
  const { training } = prepared;
  const began = performance.now();
  let results = training.results();
  const all = results.reduce((sum, { steps }) => sum + steps, 0);
  let seconds = save?.every ?? SAVE_SECONDS;
  for (;;) {
    const before = results.reduce((sum, { step }) => sum + step, 0);
    const report = ({ done }: Progress) =>
      onProgress?.({ done: before + done, total: all, elapsed: (performance.now() - began) / 1000 });
    try {
      results = await training.run({
        ...(save && { seconds }),
        ...(signal && { signal }),
        ...(threads !== undefined && { threads }),
        ...(onProgress && { onProgress: report }),
      });
    } catch (error) {
      if (signal?.aborted) await save?.output.writeStates(prepared);
      throw error;
    }
    if (!save || results.every(({ stopped }) => stopped !== 'paused')) return results;
    const saving = performance.now();
    await save.output.writeStates(prepared);
    const took = (performance.now() - saving) / 1000;
    seconds = Math.max(save.every ?? SAVE_SECONDS, took / SAVING_SHARE);
  }
}
