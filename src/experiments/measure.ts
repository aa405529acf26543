import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import type { ProblemClaim, ProblemDescription, ProblemOptions } from '../problems/problem.js';
import type { Interval } from '../results/estimate.js';
import type { Measurement } from '../results/plot.js';

/** How what is measured relates to what is claimed. */
export type Relation = 'equal' | 'atMost' | 'atLeast';

/** A quantity of an estimator in a trial. */
export type Measure =
  | { readonly kind: 'kl' | 'infiniteKl' }
  | { readonly kind: 'cov'; readonly N: number | null }
  | { readonly kind: 'detail'; readonly name: string }
  | { readonly kind: 'claim'; readonly index: number };

/** Which of the problems at a point counts. */
export type Choice =
  | { readonly kind: 'first' | 'least' | 'greatest' | 'leastGreatest' }
  | { readonly kind: 'key'; readonly key: number }
  | { readonly kind: 'crossing'; readonly level: number };

/** A sweep as the core takes it. */
export interface SweepRequest {
  readonly points: readonly {
    readonly x: number;
    readonly N: readonly number[];
    readonly candidates: readonly {
      readonly key: number;
      readonly group: string | null;
      readonly problem: ProblemOptions;
    }[];
  }[];
  readonly replicates: number;
  readonly series: readonly {
    readonly group: string | null;
    readonly estimator: string;
    readonly quantity: Measure;
    readonly choice: Choice;
    readonly over: number | null;
  }[];
  readonly claims: readonly {
    readonly series: number;
    readonly of: 'exponent' | 'level';
    readonly relation: Relation;
    readonly value: number;
    readonly tolerance: number;
  }[];
  readonly values: boolean;
}

/** What was found of a claim. */
export interface Finding {
  readonly measured: number | null;
  readonly interval: Interval | null;
  readonly holds: boolean | null;
  readonly reason: string | null;
}

/** What was found of a claim with a value that a problem makes of itself, over all points whose premises hold. */
export interface ValueFinding {
  readonly claim: ProblemClaim;
  readonly estimator: string;
  readonly points: number;
  readonly trials: number;
  readonly of: 'extreme' | 'share' | 'mean';
  readonly tolerance: number;
  readonly finding: Finding;
}

/** What came out of the sweeps of an experiment. */
export interface ExperimentMeasures {
  readonly sweeps: readonly {
    readonly series: readonly (readonly Measurement[])[];
    readonly findings: readonly Finding[];
    readonly descriptions: readonly ProblemDescription[];
  }[];
  readonly values: readonly ValueFinding[];
}

/** Runs all trials of all sweeps and holds the claims against them, in one job. */
export async function runExperiment(
  options: { readonly sweeps: readonly SweepRequest[]; readonly seed: number },
  job: JobOptions,
): Promise<ExperimentMeasures> {
  const settings = JSON.stringify({ ...options, threads: job.threads });
  const { json } = await runJob((handle) => native.runExperiment(settings, handle), job);
  return JSON.parse(json);
}
