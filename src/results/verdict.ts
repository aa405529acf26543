import type { Interval } from './estimate.js';

/** Whether a claim of the paper was seen to hold. */
export interface Verdict {
  /** What is claimed, in one sentence. */
  readonly claim: string;
  /** Where, e.g. `Theorem 4.2`. */
  readonly source: string;
  /** What the claim predicts; text where it is not a number. */
  readonly predicted: number | string | null;
  /** What was measured. */
  readonly measured: number | string | null;
  /** Interval of what was measured. */
  readonly interval: Interval | null;
  /** Whether it holds; `null` if that could not be decided. */
  readonly holds: boolean | null;
  /** Why it could not be decided, or what falls short. */
  readonly reason?: string;
  /** Whether it follows from how the instance is made: a check of the construction, not counted among the claims. */
  readonly construction?: boolean;
}
