import * as z from 'zod';
import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema, seedSchema } from '../options.js';
import type { Estimate, Interval } from '../results/estimate.js';
import { promptLabels } from './prompt-labels.js';

/** Options of {@link bootstrapTournament}. */
export interface BootstrapOptions extends JobOptions {
  /** Ratios N, each a finite number of at least 1. */
  readonly N: readonly number[];
  /**
   * Number of replicates, 1 to 1,000,000.
   * @defaultValue 1000
   */
  readonly replicates?: number;
  /**
   * Seed of the draws.
   * @defaultValue 0
   */
  readonly seed?: number;
  /**
   * Confidence of the intervals, strictly between 0 and 1.
   * @defaultValue 0.95
   */
  readonly confidence?: number;
}

/** Bootstrap of the tournament at one N. Vectors are in model order. */
export interface BootstrapAt {
  readonly N: number;
  /** Winner on the whole sample. */
  readonly winner: string;
  /** The second on the whole sample; `null` with a single model. */
  readonly runnerUp: string | null;
  /** Share of the replicates that each model wins. */
  readonly winShares: readonly number[];
  /** Percentile interval of each score; `null` for models that were not followed (see `reason`). */
  readonly scoreIntervals: readonly (Interval | null)[];
  /** Score of the best other model less that of the winner; negative in replicates in which another is better. */
  readonly margin: Estimate;
  /** Share of the replicates in which no other model has a lower score than the winner. */
  readonly neverBeatenShare: number;
  /** Whether the winner stands out of the noise of sampling. */
  readonly significance: Significance;
  /** Why some intervals are `null`. */
  readonly reason?: string;
}

/** Whether resampling leaves no doubt about a winner. */
export interface Significance {
  /** Whether it wins at least the share `confidence` of the replicates and its margin's interval lies above 0. */
  readonly decisive: boolean;
  /** Every reason why it is within noise. */
  readonly reasons: readonly { readonly kind: 'winShare' | 'margin'; readonly message: string }[];
}

/** Result of {@link bootstrapTournament}. */
export interface TournamentBootstrap {
  readonly models: readonly string[];
  readonly replicates: number;
  readonly seed: number;
  readonly confidence: number;
  /** What was resampled: whole prompts where prompts repeat, else responses. */
  readonly unit: 'response' | 'prompt';
  /** Number of resampled units. */
  readonly units: number;
  /** Share of the replicates in which each model has the least cross-entropy; `null` if that was too much work. */
  readonly crossEntropyShares: readonly number[] | null;
  /** One entry for each N, in the order asked for. */
  readonly tournaments: readonly BootstrapAt[];
}

const schema = z.strictObject({
  ...jobOptionsShape,
  N: ratiosSchema,
  replicates: z.int().min(1).max(1_000_000).default(1000),
  seed: seedSchema.default(0),
  confidence: confidenceSchema.default(0.95),
});

type NativeBootstrapAt = Omit<BootstrapAt, 'winner' | 'runnerUp'> & { winner: number; runnerUp: number | null };
type NativeBootstrap = Omit<TournamentBootstrap, 'models' | 'tournaments'> & { tournaments: NativeBootstrapAt[] };

/**
 * How sure the winner of a tournament is: the tournament on resampled responses (on resampled prompts where prompts
 * repeat), exact in every replicate.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; the signal's reason when aborted
 */
export async function bootstrapTournament(logProbs: LogProbs, options: BootstrapOptions): Promise<TournamentBootstrap> {
  const { threads, N, replicates, seed, confidence } = checkOptions('bootstrapTournament', schema, options);
  const settings = JSON.stringify({ N, replicates, seed, confidence, threads });
  const output = await runJob(
    (job) => native.bootstrapTournament(logProbs.handle, promptLabels(logProbs), settings, job),
    options,
    logProbs.placeNames,
  );
  const {
    replicates: _,
    seed: __,
    confidence: ___,
    unit,
    units,
    crossEntropyShares,
    tournaments,
  } = JSON.parse(output.json) as NativeBootstrap;
  const name = (index: number) => logProbs.models[index]!;
  return {
    models: logProbs.models,
    replicates,
    seed,
    confidence,
    unit,
    units,
    crossEntropyShares,
    tournaments: tournaments.map(
      ({ N, winner, runnerUp, winShares, scoreIntervals, margin, neverBeatenShare, significance, reason }) => ({
        N,
        winner: name(winner),
        runnerUp: runnerUp === null ? null : name(runnerUp),
        winShares,
        scoreIntervals,
        margin,
        neverBeatenShare,
        significance,
        ...(reason !== undefined && { reason }),
      }),
    ),
  };
}
