import pRetry, { AbortError } from 'p-retry';
import { Fault } from './client.js';

/** How often and for whom a single call is tried again. */
export interface Patience {
  readonly retries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds to wait after the `streak`-th fault in a row: from a quarter of a second to half a minute. */
export function backOff(streak: number): number {
  return Math.min(30_000, 250 * 2 ** Math.max(0, streak - 1));
}

/** Calls until it succeeds, waiting longer after each fault; what another try cannot help is thrown at once. */
export async function patiently<T>(call: () => Promise<T>, { retries, signal }: Patience): Promise<T> {
  return pRetry(
    async () => {
      try {
        return await call();
      } catch (error) {
        const helps = error instanceof Fault && (error.kind === 'busy' || error.kind === 'broken');
        throw helps ? error : new AbortError(error as Error);
      }
    },
    {
      retries,
      minTimeout: backOff(1),
      maxTimeout: backOff(100),
      factor: 2,
      randomize: true,
      ...(signal && { signal }),
    },
  );
}
