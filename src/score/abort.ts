import { setMaxListeners } from 'node:events';

/**
 * A signal of a run's own: every request listens to it, and to the caller's there is one listener. `end` is called when the run
 * ends, in whatever way: what it leaves under way or waiting for another try ends with it.
 */
export function linkedAbort(signal: AbortSignal | undefined): { signal: AbortSignal; end: () => void } {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const onAbort = () => own.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const end = () => {
    signal?.removeEventListener('abort', onAbort);
    own.abort(new Error('the run has ended'));
  };
  return { signal: own.signal, end };
}
