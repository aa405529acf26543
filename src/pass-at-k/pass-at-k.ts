import * as z from 'zod';
import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, seedSchema } from '../options.js';
import type { Estimate } from '../results/estimate.js';

/** How many responses were sampled and how many were right, for models on the same problems. */
export interface SampleCounts {
  /** Names of the models. */
  readonly models: readonly string[];
  /** Ids of the problems; distinct. */
  readonly problems: readonly string[];
  /** `samples[model][problem]` = n, the number of sampled responses. */
  readonly samples: readonly (readonly number[])[];
  /** `correct[model][problem]` = c ≤ n, how many of them are right. */
  readonly correct: readonly (readonly number[])[];
}

/** Options of {@link passAtK}. */
export interface PassAtKOptions extends JobOptions {
  /**
   * Values of k, whole numbers of at least 1.
   * @defaultValue [1]
   */
  readonly k?: readonly number[];
  /**
   * Bootstrap replicates over problems, at most 1,000,000; 0 for none.
   * @defaultValue 1000
   */
  readonly replicates?: number;
  /**
   * Seed of the bootstrap.
   * @defaultValue 0
   */
  readonly seed?: number;
  /**
   * Confidence of the intervals, strictly between 0 and 1.
   * @defaultValue 0.95
   */
  readonly confidence?: number;
}

/** Pass@k of all models at one k. Vectors are in model order. */
export interface PassAtK {
  readonly k: number;
  /**
   * Mean over problems of the unbiased estimate 1 − C(n−c,k)/C(n,k), with the percentile interval of the bootstrap over
   * problems; unknown, never a number, where some problem has fewer than k samples.
   */
  readonly values: readonly Estimate[];
  /** Number of problems with fewer than k samples. */
  readonly tooFewSamples: readonly number[];
  /** The model of the greatest value, the first of several; `null` if no value is known. */
  readonly pick: string | null;
  /** Share of bootstrap replicates in which each model is the pick; `null` without a bootstrap or pick. */
  readonly pickShares: readonly number[] | null;
}

/** Result of {@link passAtK}. */
export interface PassAtKResult {
  readonly models: readonly string[];
  /** Number of problems. */
  readonly problems: number;
  /** Per model the least number of samples of any problem. */
  readonly leastSamples: readonly number[];
  readonly replicates: number;
  readonly seed: number;
  readonly confidence: number;
  /** One entry for each k, in the order asked for. */
  readonly perK: readonly PassAtK[];
}

const schema = z.strictObject({
  ...jobOptionsShape,
  k: z.array(z.int().min(1).max(0xffff_ffff)).min(1, 'give at least one k').default([1]),
  replicates: z.int().min(0).max(1_000_000).default(1000),
  seed: seedSchema.default(0),
  confidence: confidenceSchema.default(0.95),
});

type NativeResult = Omit<PassAtKResult, 'models' | 'perK'> & {
  perK: (Omit<PassAtK, 'pick'> & { pick: number | null })[];
};

/**
 * Unbiased Pass@k from n samples of which c are right, averaged over problems, with a bootstrap by problem.
 *
 * Where a problem has fewer than k samples, Pass@k is `null` with the reason, never a number.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_SHAPE_MISMATCH`, `ERR_TOO_FEW_MODELS`, `ERR_NO_RESPONSES`
 */
export async function passAtK(counts: SampleCounts, options: PassAtKOptions = {}): Promise<PassAtKResult> {
  const { k, replicates, seed, confidence, threads } = checkOptions('passAtK', schema, options);
  const samples = flattenCounts('samples', counts.samples, counts);
  const correct = flattenCounts('correct', counts.correct, counts);
  const settings = JSON.stringify({ k, replicates, seed, confidence });
  const output = await runJob(
    (job) => native.passAtK(counts.models.length, samples, correct, settings, threads, job),
    options,
    { models: counts.models, responseIds: counts.problems },
  );
  const result = JSON.parse(output.json) as NativeResult;
  return {
    models: counts.models,
    ...result,
    perK: result.perK.map((entry) => ({ ...entry, pick: entry.pick === null ? null : counts.models[entry.pick]! })),
  };
}

/** Counts as the core takes them, models × problems. @internal */
export function flattenCounts(
  field: string,
  rows: readonly (readonly number[])[],
  { models, problems }: SampleCounts,
): Uint32Array {
  const width = problems.length;
  if (rows.length !== models.length || rows.some((row) => row.length !== width)) {
    throw new CoverageError('ERR_SHAPE_MISMATCH', `${field} must be ${models.length} models × ${width} problems.`, {
      place: { field },
    });
  }
  const flat = new Uint32Array(models.length * width);
  rows.forEach((row, model) => {
    row.forEach((count, problem) => {
      if (!Number.isInteger(count) || count < 0 || count > 0xffff_ffff) {
        throw new CoverageError('ERR_INVALID_COUNT', `A count must be a whole number of at least 0, not ${count}.`, {
          place: { field, model: models[model]!, response: problems[problem]! },
        });
      }
      flat[model * width + problem] = count;
    });
  });
  return flat;
}
