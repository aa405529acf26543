/** Numbers with their uncertainty: the plain-data vocabulary that all results share. */

/** A closed interval, lower end first. */
export type Interval = readonly [low: number, high: number];

/** An estimate with its confidence interval. */
export interface Estimate {
  /** The point estimate; `null` if it cannot be known, for the reason given. */
  readonly value: number | null;
  /** Interval at the confidence of the result it belongs to; `null` if there is none, for the reason given. */
  readonly interval: Interval | null;
  /** Why `value` or `interval` is `null`; absent if neither is. */
  readonly reason?: string;
  /** Why `interval` may not hold, or what an impossible `value` means; absent if there is nothing to say. */
  readonly warning?: string;
}

/** Something the user should know about the input or the result. */
export interface Warning {
  /** Stable machine-readable kind, `WARN_…`. */
  readonly code: string;
  /** What was noticed, where, and what to do about it. */
  readonly message: string;
}

/** What is needed to repeat a result. */
export interface Provenance {
  /** Version of this package. */
  readonly version: string;
  /** Where each model's log-probabilities came from, in model order. */
  readonly sources: readonly {
    readonly file?: string;
    readonly format?: string;
    readonly dtype?: string;
    readonly blake3?: string;
    readonly scored?: string;
  }[];
  /** Seed of all random numbers used, as a decimal string. */
  readonly seed: string;
}
