import { callNative, native } from '../native.js';
import { checkOptions, seedSchema } from '../options.js';
import * as z from '../zod.js';
import { FeatureMap } from './feature-map.js';
import { type TableLayout, withLayout } from './table-features.js';

const size = z.int().min(1).max(0xffff_ffff);
const positive = z.number().positive();
const uint32Array = z.instanceof(Uint32Array, { error: 'must be a Uint32Array' });

/** Options of {@link ngramFeatures}. */
export interface NgramFeaturesOptions {
  /** V. */
  readonly vocabulary: number;
  /**
   * Tokens of the longest context, 0 to 16.
   * @defaultValue 3
   */
  readonly order?: number;
  /**
   * Contexts of each order that are told apart; where there are more they are hashed together.
   * @defaultValue 4096
   */
  readonly buckets?: number;
  /**
   * B, the norm of a feature vector.
   * @defaultValue 1
   */
  readonly bound?: number;
  /** Tokens of every prompt, one prompt after the other, to which contexts reach back; absent: to none. */
  readonly prompts?: { readonly tokens: Uint32Array; readonly lengths: Uint32Array };
}

export const ngramSchema = z.strictObject({
  vocabulary: size,
  order: z.int().min(0).max(16).default(3),
  buckets: size.default(4096),
  bound: positive.default(1),
  prompts: z.strictObject({ tokens: uint32Array, lengths: uint32Array }).optional(),
});

/**
 * Features of a log-linear n-gram model: for every order k a coordinate of its own for each pair of the k tokens before
 * the next one (hashed) and the next one. Sparse: a step costs what it touches. d = (1 + order·buckets)·V.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_TOO_LARGE`; `ERR_SHAPE_MISMATCH` for a prompt's token out of range
 */
export function ngramFeatures(options: NgramFeaturesOptions): FeatureMap {
  const { prompts, ...rest } = checkOptions('ngramFeatures', ngramSchema, options);
  const settings = JSON.stringify(rest);
  return new FeatureMap(callNative(() => native.FeaturesHandle.ngram(settings, prompts?.tokens, prompts?.lengths)));
}

/** Options of {@link hiddenStateFeatures}. */
export type HiddenStateFeaturesOptions = TableLayout & {
  /** V. */
  readonly vocabulary: number;
  /** k, the length of a hidden state. */
  readonly width: number;
  /** Hidden states h(x, y_{<h}) in the shape of the layout, [contexts, k]; copied. */
  readonly states: Float64Array;
  /**
   * B, to be held to.
   * @defaultValue the greatest norm
   */
  readonly bound?: number;
};

const hiddenShape = {
  vocabulary: size,
  width: size,
  states: z.instanceof(Float64Array, { error: 'must be a Float64Array' }),
  bound: positive.optional(),
} as const;
const hiddenSchema = withLayout(hiddenShape);

/**
 * A softmax head on frozen hidden states: φ = e_token ⊗ h(x, y_{<h}), θ the V×k matrix of the head, row-major; φ is never
 * spelled out. States recorded along given responses are `promptPosition` with one prompt a response: they say nothing
 * about other responses, so such a model trains and scores, but its samples mean nothing.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH`, `ERR_INVALID_OPTION`
 */
export function hiddenStateFeatures(options: HiddenStateFeaturesOptions): FeatureMap {
  const { states, vocabulary, width, bound, ...layout } = checkOptions('hiddenStateFeatures', hiddenSchema, options);
  const settings = JSON.stringify({ layout, vocabulary, dim: width, bound });
  return new FeatureMap(callNative(() => native.FeaturesHandle.hidden(settings, states)));
}

/** Options of {@link randomFeatures}. */
export interface RandomFeaturesOptions {
  /** V. */
  readonly vocabulary: number;
  /** H. */
  readonly horizon: number;
  /** d, any number: beyond the number of responses it is the overparameterised regime. */
  readonly dim: number;
  /**
   * Tokens before the next one that count.
   * @defaultValue 1
   */
  readonly window?: number;
  /** |X|, where features are to depend on the prompt, too. */
  readonly prompts?: number;
  /**
   * σ: features of two contexts that differ in m of the window's tokens, position, prompt and next token have correlation
   * about e^{−σ²m}.
   * @defaultValue 1
   */
  readonly bandwidth?: number;
  /**
   * B.
   * @defaultValue 1
   */
  readonly bound?: number;
  /**
   * Seed of the features.
   * @defaultValue 0
   */
  readonly seed?: number;
}

export const randomFeaturesSchema = z.strictObject({
  vocabulary: size,
  horizon: size,
  dim: size,
  window: z.int().min(0).max(1024).default(1),
  prompts: size.optional(),
  bandwidth: positive.default(1),
  bound: positive.default(1),
  seed: seedSchema.default(0),
});

/**
 * Random Fourier features of the last tokens, the position, and (if asked for) the prompt; ‖φ‖ ≤ B always.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_TOO_LARGE`
 */
export function randomFeatures(options: RandomFeaturesOptions): FeatureMap {
  const settings = JSON.stringify(checkOptions('randomFeatures', randomFeaturesSchema, options));
  return new FeatureMap(callNative(() => native.FeaturesHandle.random(settings)));
}
