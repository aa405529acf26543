import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, seedSchema } from '../options.js';
import type { Estimate, Interval } from '../results/estimate.js';
import * as z from '../zod.js';

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
  /** The model before tuning: the others get their coverage ratios against it. */
  readonly base?: string;
}

/** A problem on which tuning changed the chance that K samples have a correct one, 1 − (1 − c/n)^K. */
export interface CoverageChange {
  readonly problem: string;
  /** The chance of the base. */
  readonly base: number;
  /** The chance of the tuned model. */
  readonly tuned: number;
}

/**
 * ρ_K = L/G of a tuned model against a base (arXiv:2608.25756), over the problems whose unbiased Pass@K of the base lies
 * strictly between 0.05 and 0.95: L is the sum of the losses of 1 − (1 − c/n)^K, G that of the gains. Noise alone makes
 * both positive: hold the ratio against `null`.
 */
export interface CoverageRatio {
  /** How many problems are undecided. */
  readonly problems: number;
  /** L. */
  readonly lost: number;
  /** G. */
  readonly gained: number;
  /** L/G; `null` where it has no denominator, for the reason given. */
  readonly value: number | null;
  /** Betting interval over problems, of the ratio as these numbers of samples measure it; `null` for the reason given. */
  readonly interval: Interval | null;
  /** Why `value` or `interval` is `null`. */
  readonly reason?: string;
  /** Of simulated counts of two models alike on every problem; `null` without replicates. */
  readonly null: {
    readonly replicates: number;
    /** Mean L. */
    readonly lost: number;
    /** Mean G. */
    readonly gained: number;
    /** Median ratio. */
    readonly value: number | null;
    /** Central interval of the ratio. */
    readonly interval: Interval | null;
  } | null;
  /** Greatest loss first. */
  readonly problemsLost: readonly CoverageChange[];
  /** Greatest gain first. */
  readonly problemsWon: readonly CoverageChange[];
}

/** Chances over problems: 0 for a share `zero` of them, Beta(a, b) for the others. */
export interface BetaBinomialFit {
  readonly zero: number;
  readonly a: number;
  readonly b: number;
}

/** Pass@k of all models at one k. Vectors are in model order. */
export interface PassAtK {
  readonly k: number;
  /**
   * Mean over problems of the unbiased estimate 1 − C(n−c,k)/C(n,k), with the betting interval over problems, which
   * holds at any number of them; unknown, never a number, where some problem has fewer than k samples.
   */
  readonly values: readonly Estimate[];
  /**
   * Where `values` is unknown for too few samples, what the beta-binomial fit of the model expects of k samples: an
   * extrapolation, without an interval; `null` where the value is known, or nothing could be fitted.
   */
  readonly extrapolated: readonly (number | null)[];
  /** Number of problems with fewer than k samples. */
  readonly tooFewSamples: readonly number[];
  /** The model of the greatest value, the first of several; `null` if no value is known. */
  readonly pick: string | null;
  /**
   * The models that may have the greatest value: with probability `confidence` they hold a truly best one of those whose
   * value is known, at all k together. Out is who is shown to be below the pick, by a betting test of the differences
   * problem by problem (Bonferroni over models and k).
   */
  readonly possibleWinners: readonly string[];
  /** Share of bootstrap replicates in which each model is the pick, a picture; `null` without a bootstrap or pick. */
  readonly pickShares: readonly number[] | null;
  /** Coverage ratio of each model against the base; `null` for the base itself. Absent without a base. */
  readonly coverageRatios?: readonly (CoverageRatio | null)[];
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
  /** The base of the coverage ratios, if one was named. */
  readonly base?: string;
  /**
   * Per model the distribution of its chances over problems by greatest likelihood, beta-binomial with a mass at 0
   * (arXiv:2510.05197); `null` where nothing can be fitted.
   */
  readonly fits: readonly (BetaBinomialFit | null)[];
  /** One entry for each k, in the order asked for. */
  readonly perK: readonly PassAtK[];
}

const schema = z.strictObject({
  ...jobOptionsShape,
  k: z.array(z.int().min(1).max(0xffff_ffff)).min(1, 'give at least one k').default([1]),
  replicates: z.int().min(0).max(1_000_000).default(1000),
  seed: seedSchema.default(0),
  confidence: confidenceSchema.default(0.95),
  base: z.string().optional(),
});

type NativeChange = Omit<CoverageChange, 'problem'> & { readonly problem: number };
type NativeRatio = Omit<CoverageRatio, 'problemsLost' | 'problemsWon'> & {
  readonly problemsLost: readonly NativeChange[];
  readonly problemsWon: readonly NativeChange[];
};
type NativeResult = Omit<PassAtKResult, 'models' | 'base' | 'perK'> & {
  base?: number;
  perK: (Omit<PassAtK, 'pick' | 'possibleWinners' | 'coverageRatios'> & {
    pick: number | null;
    possibleWinners: number[];
    coverageRatios?: (NativeRatio | null)[];
  })[];
};

/**
 * Unbiased Pass@k from n samples of which c are right, averaged over problems, with intervals over problems; with a
 * `base`, what the other models lost and won against it.
 *
 * Where a problem has fewer than k samples, Pass@k is `null` with the reason, never a number.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`, `ERR_SHAPE_MISMATCH`, `ERR_TOO_FEW_MODELS`,
 * `ERR_NO_RESPONSES`
 */
export async function passAtK(counts: SampleCounts, options: PassAtKOptions = {}): Promise<PassAtKResult> {
  const { k, replicates, seed, confidence, base, threads } = checkOptions('passAtK', schema, options);
  const isCounts = [counts?.models, counts?.problems, counts?.samples, counts?.correct].every(Array.isArray);
  if (!isCounts) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'passAtK() takes sample counts: lists of models, problems, samples, correct.',
    );
  }
  const samples = flattenCounts('samples', counts.samples, counts);
  const correct = flattenCounts('correct', counts.correct, counts);
  const baseIndex = base === undefined ? undefined : indexOf(counts.models, base);
  const settings = JSON.stringify({ k, replicates, seed, confidence, base: baseIndex });
  const output = await runJob(
    (job) => native.passAtK(counts.models.length, samples, correct, settings, threads, job),
    options,
    { models: counts.models, responseIds: counts.problems },
  );
  const { base: _, ...result } = JSON.parse(output.json) as NativeResult;
  const named = (change: NativeChange): CoverageChange => ({ ...change, problem: counts.problems[change.problem]! });
  const ratio = (of: NativeRatio | null): CoverageRatio | null =>
    of && { ...of, problemsLost: of.problemsLost.map(named), problemsWon: of.problemsWon.map(named) };
  return {
    models: counts.models,
    ...result,
    ...(base !== undefined && { base }),
    perK: result.perK.map(({ coverageRatios, ...entry }) => ({
      ...entry,
      pick: entry.pick === null ? null : counts.models[entry.pick]!,
      possibleWinners: entry.possibleWinners.map((index) => counts.models[index]!),
      ...(coverageRatios && { coverageRatios: coverageRatios.map(ratio) }),
    })),
  };
}

function indexOf(models: readonly string[], name: string): number {
  const index = models.indexOf(name);
  if (index >= 0) return index;
  throw new CoverageError('ERR_UNKNOWN_MODEL', `There is no model ${name}: the models are ${models.join(', ')}.`, {
    place: { field: 'base' },
  });
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
