import { setTimeout as sleep } from 'node:timers/promises';
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

/** Milliseconds that a server may ask to be left alone before it is given up. */
const LONGEST_REST = 600_000;

/** Milliseconds that a fault asks for; where that is too long, a fault that nothing helps. */
export function restAsked({ message, retryAfter = 0 }: Fault): number | Fault {
  const asked = 1000 * retryAfter;
  if (asked <= LONGEST_REST) return asked;
  return new Fault('fatal', `${message}; it asks to be left alone for ${Math.round(asked / 60_000)} minutes`);
}

/** Calls until it succeeds, waiting longer after each fault; what another try cannot help is thrown at once. */
export async function patiently<T>(call: () => Promise<T>, { retries, signal }: Patience): Promise<T> {
  return pRetry(
    async () => {
      try {
        return await call();
      } catch (error) {
        const helps = error instanceof Fault && (error.kind === 'busy' || error.kind === 'broken');
        if (!helps) throw new AbortError(error as Error);
        const rest = restAsked(error);
        if (rest instanceof Fault) throw new AbortError(rest);
        if (rest > 0) await sleep(rest, undefined, signal && { signal });
        throw error;
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
