import { CoverageError } from './error.js';
import { fromNative, native, type PlaceNames } from './native.js';

/** How far a running computation is, in units of its own. */
export interface Progress {
  /** Units done. */
  readonly done: number;
  /** Units in all; 0 while unknown. */
  readonly total: number;
  /** Seconds since the computation (or the stage of it) began. */
  readonly elapsed: number;
  /** What is being done, where a computation has several stages. */
  readonly stage?: string;
  /** What else is known by now, as how many models may still be best. */
  readonly note?: string;
}

/** Options that every asynchronous computation takes. */
export interface JobOptions {
  /** Stops the computation in well under 200 ms; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called about every 100 ms while the computation runs, and once when it is done. What it throws, or rejects with, is
   * ignored.
   */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Threads to use: changes speed, never the result.
   * @defaultValue as many as the machine offers
   */
  readonly threads?: number;
}

/**
 * Calls a caller's callback. A broken progress display must not break the computation, nor, where it is an async function,
 * end the process as an unhandled rejection.
 *
 * @internal
 */
export function tell<A extends readonly unknown[]>(callback: ((...args: A) => unknown) | undefined, ...args: A): void {
  try {
    Promise.resolve(callback?.(...args)).catch(() => undefined);
  } catch {
    // Nobody to tell: it is the display that failed.
  }
}

const PROGRESS_INTERVAL_MS = 100;

type NativeJob = InstanceType<typeof native.Job>;

/**
 * Runs a job of the binding under the caller's signal and progress callback.
 *
 * @internal
 */
export async function runJob<T>(
  start: (job: NativeJob) => Promise<T>,
  options: JobOptions | undefined,
  names: PlaceNames = {},
): Promise<T> {
  const { signal, onProgress } = options ?? {};
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new CoverageError('ERR_INVALID_OPTION', 'signal must be an AbortSignal.', { place: { field: 'signal' } });
  }
  signal?.throwIfAborted();
  const job = new native.Job();
  let began = performance.now();
  let stage: string | null = null;
  const report = () => {
    if (job.stage !== stage) {
      stage = job.stage;
      began = performance.now();
    }
    const [done, total] = job.progress();
    const elapsed = (performance.now() - began) / 1000;
    tell(onProgress, { done, total, elapsed, ...(stage !== null && { stage }) });
  };
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = onProgress && setInterval(report, PROGRESS_INTERVAL_MS);
  timer?.unref();
  try {
    const result = await start(job);
    if (onProgress) report();
    return result;
  } catch (error) {
    const typed = fromNative(error, names);
    if (signal?.aborted && typed instanceof CoverageError && typed.code === 'ERR_ABORTED') throw signal.reason;
    throw typed;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}
