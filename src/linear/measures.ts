import { type JobOptions, runJob } from '../job.js';
import { callNative, native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema, seedSchema } from '../options.js';
import type { Estimate } from '../results/estimate.js';
import * as z from '../zod.js';
import type { DataDistribution } from './data-distribution.js';
import type { FeatureMap } from './feature-map.js';
import type { Policy } from './policy.js';

/** Measures of a model π̂ against π_D (nats, whole responses). Vectors are in the order of `N`. */
export interface Measures {
  /** The values of N asked for. */
  readonly N: readonly number[];
  /** Cov_N(π_D‖π̂) = P(log π_D/π̂ ≥ log N) at each N [1,4]. */
  readonly coverage: readonly number[];
  /** D_CE = E_{π_D}[−log π̂]; `null` if infinite. */
  readonly crossEntropy: number | null;
  /** D_KL(π_D‖π̂); `null` if infinite. */
  readonly kl: number | null;
  /** D_H² = ½ Σ (√π_D − √π̂)². */
  readonly squaredHellinger: number;
  /** Stopped KL D_seq,N = E min{log N, Σ_h KL at token h} at each N [50]. */
  readonly stoppedKl: readonly number[];
  /** E_N divergence at each N, the greater of its two directions. */
  readonly eN: readonly number[];
  /** log W_max = log sup π_D/π̂; `null` if infinite. */
  readonly logWMax: number | null;
  /** π_D-probability of responses that π̂ rules out; where it is positive the measures above that are `null` are +∞. */
  readonly uncoveredMass: number;
}

/** Exact measures with the whole coverage profile. */
export interface ExactMeasures extends Measures {
  /** Cov_N as a step function: at log N = `logN[k]` (nats, falling; +∞ first where π̂ rules something out) it is `tail[k]`. */
  readonly profile: { readonly logN: Float64Array; readonly tail: Float64Array };
}

/** Options of {@link exactMeasures}. */
export interface ExactMeasuresOptions extends JobOptions {
  /**
   * Values of N, each finite and at least 1.
   * @defaultValue [2, 4, 16]
   */
  readonly N?: readonly number[];
  /**
   * Refuse to visit more responses than this, all prompts together.
   * @defaultValue 4194304, some seconds of work
   */
  readonly maxResponses?: number;
}

/** Default of every limit on an enumeration. */
export const MAX_RESPONSES = 2 ** 22;

/** Schema of a limit on an enumeration. */
export const maxResponsesSchema = z.int().min(1);

export const exactMeasuresSchema = z.strictObject({
  ...jobOptionsShape,
  N: ratiosSchema.default([2, 4, 16]),
  maxResponses: maxResponsesSchema.default(MAX_RESPONSES),
});

export const inherentVarianceSchema = z.strictObject({
  ...jobOptionsShape,
  maxResponses: maxResponsesSchema.default(MAX_RESPONSES),
});

/**
 * All measures of `policy` against `data` by enumeration: V^H responses a prompt, or as many as one of the two lists.
 *
 * @throws CoverageError `ERR_TOO_LARGE` with the figure beyond `maxResponses`; `ERR_SHAPE_MISMATCH` if the two do not fit
 */
export async function exactMeasures(
  data: DataDistribution,
  policy: Policy,
  options: ExactMeasuresOptions = {},
): Promise<ExactMeasures> {
  const { N, maxResponses, threads } = checkOptions('exactMeasures', exactMeasuresSchema, options);
  const settings = JSON.stringify({ N, maxResponses, threads });
  const output = await runJob((job) => native.exactMeasures(data.handle, policy.handle, settings, job), options);
  const [logN, tail] = output.floats;
  return { ...(JSON.parse(output.json) as Measures), profile: { logN: logN!, tail: tail! } };
}

/**
 * The inherent variance σ*² = E_{π_D} Σ_h ‖φ − E_{π_D}[φ | x, y_{<h}]‖² [8] of `features` under `data`, by enumeration.
 *
 * @throws CoverageError as {@link exactMeasures}
 */
export async function inherentVariance(
  data: DataDistribution,
  features: FeatureMap,
  options: JobOptions & { readonly maxResponses?: number } = {},
): Promise<number> {
  const { maxResponses, threads } = checkOptions('inherentVariance', inherentVarianceSchema, options);
  const output = await runJob(
    (job) => native.inherentVariance(data.handle, features.handle, JSON.stringify({ maxResponses, threads }), job),
    options,
  );
  return output.floats[0]![0]!;
}

/** How many responses {@link exactMeasures} would visit; may be infinite. */
export function responsesToVisit(data: DataDistribution, policy?: Policy): number {
  return callNative(() => native.responsesToVisit(data.handle, policy?.handle));
}

/** Monte Carlo estimates of {@link Measures}, each with its interval. Vectors are in the order of `N`. */
export interface MeasureEstimates {
  readonly N: readonly number[];
  /** Responses drawn from π_D, and as many from π̂ for E_N. */
  readonly samples: number;
  /** Confidence of every interval and of the band. */
  readonly confidence: number;
  /** Cov_N at each N, with Clopper and Pearson's exact interval. */
  readonly coverage: readonly Estimate[];
  /** Half the width of the band around the whole profile, which holds for all N at once (Dvoretzky–Kiefer–Wolfowitz). */
  readonly bandHalfWidth: number;
  readonly crossEntropy: Estimate;
  readonly kl: Estimate;
  readonly squaredHellinger: Estimate;
  readonly stoppedKl: readonly Estimate[];
  readonly eN: readonly Estimate[];
  /** Always unknown: a supremum cannot be estimated from samples. */
  readonly logWMax: Estimate;
  /** The greatest log π_D/π̂ among the samples, a lower bound on log W_max; `null` if infinite. */
  readonly greatestLogRatio: number | null;
  /** The empirical coverage profile: at log N = `logN[k]` (falling) it is `tail[k]`. */
  readonly profile: { readonly logN: Float64Array; readonly tail: Float64Array };
}

/** Options of {@link monteCarloMeasures}. */
export interface MonteCarloOptions extends JobOptions {
  /**
   * Values of N, each finite and at least 1.
   * @defaultValue [2, 4, 16]
   */
  readonly N?: readonly number[];
  /**
   * Responses to draw, at least 2.
   * @defaultValue 10000
   */
  readonly samples?: number;
  /**
   * Confidence of every interval and of the band, strictly between 0 and 1.
   * @defaultValue 0.95
   */
  readonly confidence?: number;
  /**
   * Seed of the draws.
   * @defaultValue 0
   */
  readonly seed?: number;
}

const drawsShape = {
  ...jobOptionsShape,
  samples: z.int().min(2).default(10_000),
  confidence: confidenceSchema.default(0.95),
  seed: seedSchema.default(0),
} as const;

export const monteCarloSchema = z.strictObject({ ...drawsShape, N: ratiosSchema.default([2, 4, 16]) });
const estimateSchema = z.strictObject(drawsShape);

/**
 * All measures of `policy` against `data`, estimated from responses drawn from π_D: for where enumeration would take too
 * long. Results do not depend on the number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; `ERR_SHAPE_MISMATCH` if the two do not fit
 */
export async function monteCarloMeasures(
  data: DataDistribution,
  policy: Policy,
  options: MonteCarloOptions = {},
): Promise<MeasureEstimates> {
  const { N, samples, confidence, seed, threads } = checkOptions('monteCarloMeasures', monteCarloSchema, options);
  const settings = JSON.stringify({ N, samples, confidence, seed, threads });
  const output = await runJob((job) => native.monteCarloMeasures(data.handle, policy.handle, settings, job), options);
  const [logN, tail] = output.floats;
  return { ...JSON.parse(output.json), profile: { logN: logN!, tail: tail! } };
}

/**
 * σ*² [8] of `features` under `data`, estimated from responses drawn from π_D.
 *
 * @throws CoverageError as {@link monteCarloMeasures}
 */
export async function estimateInherentVariance(
  data: DataDistribution,
  features: FeatureMap,
  options: Omit<MonteCarloOptions, 'N'> = {},
): Promise<Estimate> {
  const { threads, samples, confidence, seed } = checkOptions('estimateInherentVariance', estimateSchema, options);
  const settings = JSON.stringify({ N: [], samples, confidence, seed, threads });
  const output = await runJob(
    (job) => native.monteCarloInherentVariance(data.handle, features.handle, settings, job),
    options,
  );
  return JSON.parse(output.json);
}
