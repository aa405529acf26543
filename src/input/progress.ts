import { stat } from 'node:fs/promises';
import type { Progress } from '../job.js';

const INTERVAL_MS = 100;

/** Reports the bytes read of a set of files about every 100 ms, and once at the end. */
export class ReadingProgress {
  #done = 0;
  readonly #report: () => void;
  readonly #timer: NodeJS.Timeout | undefined;

  private constructor(total: number, onProgress: ((progress: Progress) => void) | undefined) {
    const began = performance.now();
    this.#report = () => {
      try {
        onProgress?.({ done: this.#done, total, elapsed: (performance.now() - began) / 1000 });
      } catch {
        // A broken progress display must not break the reading.
      }
    };
    this.#timer = onProgress && setInterval(this.#report, INTERVAL_MS).unref();
  }

  /** Starts the clock; files that cannot be looked at count as empty. */
  static async start(
    paths: readonly string[],
    onProgress: ((progress: Progress) => void) | undefined,
  ): Promise<ReadingProgress> {
    const sizes = onProgress ? await Promise.all(paths.map(sizeOf)) : [];
    return new ReadingProgress(
      sizes.reduce((sum, size) => sum + size, 0),
      onProgress,
    );
  }

  /** Counts bytes as read. */
  readonly add = (bytes: number): void => {
    this.#done += bytes;
  };

  stop(): void {
    clearInterval(this.#timer);
    this.#report();
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
