import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoverageError } from '../error.js';
import { withFiles } from '../files/inputs.js';

/** What {@link watchInputs} is told. */
export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Seconds between two looks. */
  readonly every: number;
}

/**
 * Calls `changed` whenever files of the inputs have come, gone or been written to, until the signal is aborted. A file counts
 * once two looks in a row find it the same, so that one being written is left alone. It looks at names, sizes and times,
 * since folders on network drives tell nobody of changes.
 */
export async function watchInputs(
  inputs: readonly string[],
  { signal, every }: WatchOptions,
  changed: () => Promise<void>,
): Promise<void> {
  let before: string | null = null;
  let done: string | null = null;
  for (;;) {
    const now = await look(inputs, signal);
    if (now !== null && now === before && now !== done) {
      done = now;
      await changed();
    }
    before = now;
    await sleep(1000 * every, undefined, { signal }).catch(() => {
      throw signal.reason;
    });
  }
}

/** Names, sizes and times of the files that the inputs stand for; `null` where there are none yet. */
async function look(inputs: readonly string[], signal: AbortSignal): Promise<string | null> {
  try {
    return await withFiles(inputs, signal, async (files) => {
      const stamps = await Promise.all(
        files.map(async ({ path }) => {
          const { size, mtimeMs, ino } = await stat(path);
          return [path, size, mtimeMs, ino];
        }),
      );
      return JSON.stringify(stamps);
    });
  } catch (error) {
    // Nothing there yet, or gone since it was listed.
    if (error instanceof CoverageError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
