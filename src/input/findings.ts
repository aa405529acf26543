import { CoverageError, describePlace, type ErrorPlace } from '../error.js';
import type { Warning } from '../results/estimate.js';

/** One kind of fault in the input, with the first place where it was found. */
export interface Finding {
  /** `error` stops a computation, `warning` does not. */
  readonly severity: 'error' | 'warning';
  /** Stable machine-readable kind, `ERR_…` or `WARN_…`. */
  readonly code: string;
  /** What is wrong, where (the first such place), and what to do. */
  readonly message: string;
  /** First place where it was found. */
  readonly place: ErrorPlace;
  /** How often it was found in that file and model. */
  readonly count: number;
}

interface Tally {
  readonly code: string;
  readonly message: string;
  readonly place: ErrorPlace;
  count: number;
}

/**
 * Where readers report what they find. Either the first error is thrown, as computations need it, or everything is
 * collected, as `doctor` needs it; repeated findings of one kind in one file and model are counted, not listed.
 */
export class Findings {
  readonly #collect: boolean;
  readonly #errors = new Map<string, Tally>();
  readonly #warnings = new Map<string, Tally>();

  constructor(mode: 'throw' | 'collect') {
    this.#collect = mode === 'collect';
  }

  /** Reports an error: throws it, or notes it and returns, so that the reader skips what is wrong. */
  error(code: string, message: string, place: ErrorPlace, cause?: unknown): void {
    if (!this.#collect) throw located(code, message, place, cause);
    tally(this.#errors, code, message, place);
  }

  /** Notes an error that was thrown elsewhere; throws what is no error in the input, such as a bug. */
  caught(error: unknown): void {
    if (!this.#collect || !(error instanceof CoverageError)) throw error;
    const key = `${error.code} ${error.message}`;
    this.#errors.set(key, { code: error.code, message: error.message, place: error.place, count: 1 });
  }

  warn(code: string, message: string, place: ErrorPlace): void {
    tally(this.#warnings, code, message, place);
  }

  get warnings(): Warning[] {
    return [...this.#warnings.values()].map(({ code, message, count }) => ({
      code,
      message: withCount(message, count),
    }));
  }

  get all(): Finding[] {
    const list = (tallies: Map<string, Tally>, severity: Finding['severity']) =>
      [...tallies.values()].map(({ code, message, place, count }) => ({
        severity,
        code,
        message: withCount(message, count),
        place,
        count,
      }));
    return [...list(this.#errors, 'error'), ...list(this.#warnings, 'warning')];
  }
}

/** The error, its place also in the message. */
export function located(code: string, message: string, place: ErrorPlace, cause?: unknown): CoverageError {
  return new CoverageError(code, `${message}${describePlace(place)}`, { place, ...(cause !== undefined && { cause }) });
}

function tally(tallies: Map<string, Tally>, code: string, message: string, place: ErrorPlace): void {
  const key = JSON.stringify([code, place.file, place.model]);
  const known = tallies.get(key);
  if (known) known.count += 1;
  else tallies.set(key, { code, message: `${message}${describePlace(place)}`, place, count: 1 });
}

function withCount(message: string, count: number): string {
  return count > 1 ? `${message} [and ${count - 1} more like this]` : message;
}
