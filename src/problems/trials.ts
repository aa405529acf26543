import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema, seedSchema } from '../options.js';
import * as z from '../zod.js';
import type { ProblemDescription } from './problem.js';
import { type ProblemOptions, problemSchema } from './problem-options.js';

/** Options of {@link problemTrials}. */
export interface ProblemTrialsOptions extends JobOptions {
  /** The problems, one for each point of a sweep. */
  readonly problems: readonly ProblemOptions[];
  /** Values of N at which Cov_N is measured. */
  readonly N: readonly number[];
  /**
   * Data sets drawn for each problem, 1 to 1,000,000.
   * @defaultValue 100
   */
  readonly replicates?: number;
  /**
   * Seed of the data sets.
   * @defaultValue 0
   */
  readonly seed?: number;
}

/** A figure over trials. */
export interface TrialSummary {
  /** How many trials have it. */
  readonly trials: number;
  readonly mean: number;
  /** Standard error of the mean; `null` for a single trial. */
  readonly standardError: number | null;
  readonly min: number;
  /** Quantiles 0.1, 0.25, 0.5, 0.75, 0.9. */
  readonly quantiles: readonly [number, number, number, number, number];
  readonly max: number;
}

/** What one estimator reached over all trials of a problem. */
export interface EstimatorTrials {
  readonly estimator: string;
  /** D_KL in nats; `null` if it was infinite in some trial. */
  readonly kl: TrialSummary | null;
  /** In how many trials KL was +∞. */
  readonly infiniteKl: number;
  /** Cov_N of each N, in the order asked for. */
  readonly cov: readonly TrialSummary[];
  /** Other figures by name, over the trials that have them. */
  readonly details: Readonly<Record<string, TrialSummary>>;
  /** KL of each trial, +∞ included. */
  readonly klValues: Float64Array;
  /** Cov_N, [trial, N]. */
  readonly covValues: Float64Array;
}

/** All trials of one problem. */
export interface ProblemTrials {
  readonly description: ProblemDescription;
  /** One entry an estimator. */
  readonly estimators: readonly EstimatorTrials[];
}

export const problemTrialsSchema = z.strictObject({
  ...jobOptionsShape,
  problems: z.array(problemSchema).min(1),
  N: ratiosSchema,
  replicates: z.int().min(1).max(1_000_000).default(100),
  seed: seedSchema.default(0),
});

/**
 * Draws data sets of problems (as sufficient statistics where that is cheaper), lets each problem's estimators choose,
 * and measures each choice exactly. The same numbers at any number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; the signal's reason when aborted
 */
export async function problemTrials(options: ProblemTrialsOptions): Promise<readonly ProblemTrials[]> {
  const { problems, N, replicates, seed, threads } = checkOptions('problemTrials', problemTrialsSchema, options);
  const settings = JSON.stringify({ problems, N, replicates, seed, threads });
  const output = await runJob((job) => native.problemTrials(settings, job), options);
  const floats = output.floats.values();
  const next = () => floats.next().value!;
  const results: ProblemTrials[] = JSON.parse(output.json);
  return results.map(({ description, estimators }) => ({
    description,
    estimators: estimators.map((estimator) => ({ ...estimator, klValues: next(), covValues: next() })),
  }));
}
