import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import type { ProblemClaim, ProblemDescription } from '../problems/problem.js';
import type { Interval } from '../results/estimate.js';
import type { Measurement } from '../results/plot.js';
import type * as z from '../zod.js';
import { experimentSchema } from './experiment-options.js';

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
  options: z.input<typeof experimentSchema>,
  job: JobOptions,
): Promise<ExperimentMeasures> {
  const checked = checkOptions('experiment', experimentSchema, options);
  const settings = JSON.stringify({ ...checked, threads: job.threads });
  const { json } = await runJob((handle) => native.runExperiment(settings, handle), job);
  return JSON.parse(json);
}
