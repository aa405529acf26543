import { setMaxListeners } from 'node:events';

/** A signal of a run's own: every request listens to it, and to the caller's there is one listener. */
export function linkedAbort(signal: AbortSignal | undefined): { signal: AbortSignal; unlink: () => void } {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const onAbort = () => own.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  return { signal: own.signal, unlink: () => signal?.removeEventListener('abort', onAbort) };
}
