import { CoverageError } from '../error.js';
import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import * as z from '../zod.js';
import { FeatureMap } from './feature-map.js';

/** Sizes that every table has. */
export interface TableSizes {
  /** V, the number of tokens. */
  readonly vocabulary: number;
  /** d, the length of a feature vector. */
  readonly dim: number;
  /**
   * B, to be held to: a feature vector of a greater norm is an error.
   * @defaultValue the greatest norm in the table
   */
  readonly bound?: number;
}

const size = z.int().min(1).max(0xffff_ffff);
const prompts = size.describe('|X|, the number of prompts.');
const horizon = size.describe('H, tokens of the longest response.');
const sizesShape = { vocabulary: size, dim: size, bound: z.number().positive().optional() } as const;

/** Schema of what every table has beside its layout. */
export const tableSizesSchema = z.strictObject(sizesShape);

/** Schema of a layout with more fields beside it. @internal */
export function withLayout<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.discriminatedUnion('by', [
    z
      .strictObject({ by: z.literal('prompt'), prompts, ...shape })
      .describe('By prompt, at every position the same: shape [prompt, token, d]; responses of any length.'),
    z
      .strictObject({ by: z.literal('position'), horizon, ...shape })
      .describe('By position, for every prompt the same: shape [position, token, d].'),
    z
      .strictObject({ by: z.literal('promptPosition'), prompts, horizon, ...shape })
      .describe('By prompt and position: shape [prompt, position, token, d].'),
    z
      .strictObject({ by: z.literal('prefix'), prompts, horizon, ...shape })
      .describe(
        'By prompt and whole prefix: shape [prompt, prefix, token, d], where the prefixes of a prompt are all those shorter than the horizon, shorter ones first, those of one length in lexicographic order.',
      ),
  ]);
}

/** Schema of a {@link TableLayout}. */
export const tableLayoutSchema = withLayout({});

/** What a table of features is looked up by; each is the shape of the table. */
export type TableLayout = z.input<typeof tableLayoutSchema>;

const float64Array = z.instanceof(Float64Array, { error: 'must be a Float64Array' });
const uint32Array = z.instanceof(Uint32Array, { error: 'must be a Uint32Array' });
const tableSchema = withLayout({ ...sizesShape, values: float64Array });
const sparseSchema = withLayout({ ...sizesShape, coordinates: uint32Array, values: float64Array, ends: uint32Array });
const functionSchema = withLayout({
  ...sizesShape,
  phi: z.custom<PhiFunction>((value) => typeof value === 'function', 'must be a function'),
});

interface Sized {
  readonly by: TableLayout['by'];
  readonly prompts?: number;
  readonly horizon?: number;
  readonly vocabulary: number;
  readonly dim: number;
  readonly bound?: number | undefined;
}

function layoutOf({ by, prompts, horizon }: Sized): object {
  return { by, ...(prompts !== undefined && { prompts }), ...(horizon !== undefined && { horizon }) };
}

function nativeOptions(options: Sized): string {
  const { vocabulary, dim, bound } = options;
  return JSON.stringify({ layout: layoutOf(options), vocabulary, dim, bound });
}

/**
 * Features from an array in the shape of the layout, [contexts, token, d], row-major; copied once. The copy of
 * a table above a megabyte is of single precision where every value is exactly that (say, states of a network): half the
 * memory, up to twice the speed, the same results to the bit, as all computing is in double precision.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH` for another number of values; `ERR_INVALID_OPTION` for a value that is not
 * finite or a norm above `bound`
 */
export function tableFeatures(options: TableLayout & TableSizes & { readonly values: Float64Array }): FeatureMap {
  const checked = checkOptions('tableFeatures', tableSchema, options);
  return new FeatureMap(callNative(() => native.FeaturesHandle.table(nativeOptions(checked), checked.values)));
}

/** Features of which most coordinates are zero; rows in the order of the layout, [contexts, token]. */
export interface SparseRows {
  /** Coordinate of each value, below d; one that occurs twice in a row adds. */
  readonly coordinates: Uint32Array;
  /** The values, row after row. */
  readonly values: Float64Array;
  /** Where each row ends in `values`: one entry a context and token, not decreasing, the last `values.length`. */
  readonly ends: Uint32Array;
}

/**
 * Features from sparse rows; training on them costs as much as is touched, also where d is large.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH`, `ERR_INVALID_OPTION` as {@link tableFeatures}
 */
export function sparseTableFeatures(options: TableLayout & TableSizes & SparseRows): FeatureMap {
  const checked = checkOptions('sparseTableFeatures', sparseSchema, options);
  const { coordinates, values, ends } = checked;
  return new FeatureMap(
    callNative(() => native.FeaturesHandle.sparseTable(nativeOptions(checked), coordinates, values, ends)),
  );
}

/**
 * φ(x, y_{1:h}): the feature vector, d numbers, of the last of `tokens` after the others, in a response to `prompt`. With
 * the layouts `prompt`, `position` and `promptPosition` only the length of the prefix and the last token may matter:
 * the tokens before it are given as zeros (`prompt`: left out).
 */
export type PhiFunction = (prompt: number, tokens: readonly number[]) => ArrayLike<number>;

/** A function is tabulated up to so many values (1 GiB). */
const MOST_VALUES = 2 ** 27;

/**
 * Features from a function, called once for every context and token and tabulated.
 *
 * @throws CoverageError `ERR_TOO_LARGE` where the table would have more than 2^27 values; `ERR_SHAPE_MISMATCH` and
 * `ERR_INVALID_OPTION` naming prompt and tokens at which `phi` returns something other than d finite numbers; what
 * `phi` throws
 */
export function functionFeatures(options: TableLayout & TableSizes & { readonly phi: PhiFunction }): FeatureMap {
  const checked = checkOptions('functionFeatures', functionSchema, options);
  const { vocabulary, dim, phi } = checked;
  const contexts = callNative(() => native.FeaturesHandle.tableContexts(JSON.stringify(layoutOf(checked)), vocabulary));
  const total = contexts * vocabulary * dim;
  if (total > MOST_VALUES) {
    throw new CoverageError(
      'ERR_TOO_LARGE',
      `A table of ${contexts} contexts × ${vocabulary} tokens × ${dim} dimensions has ${total} values, more than ${MOST_VALUES}: ` +
        'choose a layout that tells fewer contexts apart, or sparse features.',
    );
  }
  const values = new Float64Array(total);
  let next = 0;
  for (const { prompt, prefix } of contextsOf(checked)) {
    for (let token = 0; token < vocabulary; token += 1) {
      const tokens = [...prefix, token];
      const vector = phi(prompt, tokens);
      checkVector(vector, dim, prompt, tokens);
      values.set(vector, next);
      next += dim;
    }
  }
  return new FeatureMap(callNative(() => native.FeaturesHandle.table(nativeOptions(checked), values)));
}

function checkVector(vector: ArrayLike<number>, dim: number, prompt: number, tokens: readonly number[]): void {
  const at = `phi(${prompt}, [${tokens.join(', ')}])`;
  const place = { place: { field: 'phi' } };
  if (vector?.length !== dim) {
    throw new CoverageError('ERR_SHAPE_MISMATCH', `${at} returned ${vector?.length} values, not ${dim}.`, place);
  }
  const index = Array.prototype.findIndex.call(vector, (value: unknown) => !Number.isFinite(value));
  if (index >= 0) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      `${at} has ${vector[index]} at index ${index}: features are finite.`,
      place,
    );
  }
}

/** Prompt and prefix of every context, in the order of the table. */
function* contextsOf(options: Sized): Generator<{ prompt: number; prefix: readonly number[] }> {
  const { by, prompts = 1, horizon = 1, vocabulary } = options;
  for (let prompt = 0; prompt < prompts; prompt += 1) {
    for (let length = 0; length < (by === 'prompt' ? 1 : horizon); length += 1) {
      if (by === 'prefix') {
        for (const prefix of sequences(vocabulary, length)) yield { prompt, prefix };
      } else {
        yield { prompt, prefix: new Array<number>(length).fill(0) };
      }
    }
  }
}

/** All sequences of `length` tokens in lexicographic order; the array is reused. */
function* sequences(vocabulary: number, length: number): Generator<readonly number[]> {
  const tokens = new Array<number>(length).fill(0);
  for (;;) {
    yield tokens;
    let position = length - 1;
    while (position >= 0 && tokens[position] === vocabulary - 1) {
      tokens[position] = 0;
      position -= 1;
    }
    if (position < 0) return;
    tokens[position]! += 1;
  }
}
