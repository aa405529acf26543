import type { Ratio } from './statistics.js';

/** The file that `--json` writes. */
export interface BenchmarkResult {
  /** Version of this layout. */
  readonly schema: 1;
  readonly version: string;
  /** UTC, ISO 8601. */
  readonly date: string;
  /** Whether sizes and rounds were cut down with `--quick`: such figures are for trying out. */
  readonly quick: boolean;
  readonly machine: Machine;
  readonly roofline: readonly Roof[];
  readonly cases: readonly CaseResult[];
  readonly growth: readonly Growth[];
}

/** What the figures were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly instructions: readonly string[];
  readonly os: string;
  /** Mean number of runnable processes over the last minute before the start: above 0.5, others were at work. */
  readonly loadBefore: number;
  readonly node: string;
  readonly rust: string;
  /** Versions of Python and the peers' packages; `null` without Python. */
  readonly python: Readonly<Record<string, string>> | null;
}

/** A measured limit of the machine. */
export interface Roof {
  readonly name: string;
  readonly instructions: string;
  readonly threads: number;
  readonly perSecond: number;
}

/** One participant's times. */
export interface Timing {
  readonly id: string;
  readonly host: string;
  readonly method: string;
  readonly threads: number;
  /** Why it did not take part; then there are no times. */
  readonly skipped?: string;
  /** Whether its result was that of its group, before anything was timed; `null` if it was the first. */
  readonly equal?: boolean | null;
  /** Greatest relative difference from the group's result. */
  readonly difference?: number;
  /** Seconds of one run. */
  readonly seconds?: {
    readonly min: number;
    readonly median: number;
    /** Not kept in a record. */
    readonly rounds?: readonly number[];
  };
  /** Runs in a round. */
  readonly iterations?: number;
  /** Units of work a second, at the least time. */
  readonly perSecond?: number;
  /** Share of the measured limit, at the least time. */
  readonly roofline?: { readonly name: string; readonly instructions: string; readonly share: number };
  /** Numbers about a run that are no times. */
  readonly facts?: Readonly<Record<string, number>>;
}

/** A goal and what became of it. */
export interface GoalResult {
  readonly text: string;
  readonly measured: number | null;
  readonly bound: number;
  /** `null` if it could not be measured, because a participant was skipped. */
  readonly met: boolean | null;
}

/** One case. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly inputs: readonly string[];
  readonly work: { readonly unit: string; readonly amount: number };
  readonly tolerance: number;
  readonly series?: { readonly name: string; readonly axis: string; readonly value: number };
  /** Our time in seconds: that of the first participant, the least of the rounds. */
  readonly ours: { readonly id: string; readonly seconds: number } | null;
  /** Everyone else against it: least time, ratio to ours, equality of results. */
  readonly peers: readonly {
    readonly id: string;
    readonly seconds: number;
    readonly ratio: Ratio;
    readonly equal: boolean | null;
  }[];
  readonly timings: readonly Timing[];
  readonly goals: readonly GoalResult[];
  /** What went wrong; a case that failed has no times. */
  readonly failure?: string;
}

/** How a participant's time grows along a series. */
export interface Growth {
  readonly series: string;
  readonly axis: string;
  readonly participant: string;
  readonly points: readonly (readonly [value: number, seconds: number])[];
  readonly exponent: number;
  readonly standardError: number;
  readonly goal?: GoalResult;
}
