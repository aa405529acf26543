import { CoverageError } from '../error.js';
import { concatFeatures, sumFeatures } from '../linear/combined-features.js';
import type { FeatureMap } from '../linear/feature-map.js';
import { type NumberArray, readHashedArray } from '../linear/read-array.js';
import { hiddenStateFeatures, ngramFeatures, randomFeatures } from '../linear/sequence-features.js';
import { functionFeatures, type TableLayout, tableFeatures } from '../linear/table-features.js';
import { type DataSource, fromConfig, type ReadingContext, type TrainingData } from './data.js';
import type { FeatureSpec } from './schema.js';

/** Features with the files that were read for them. */
export interface MadeFeatures {
  readonly features: FeatureMap;
  readonly sources: readonly DataSource[];
}

/**
 * Makes the features of a configuration for its data; `spec` absent means those of the named problem.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` where they cannot be made for this data, `ERR_SHAPE_MISMATCH` for a file that
 * does not fit it
 */
export async function makeFeatures(
  spec: FeatureSpec | undefined,
  data: TrainingData,
  context: ReadingContext,
  path = 'features',
): Promise<MadeFeatures> {
  if (spec === undefined || spec.kind === 'problem') return { features: ownFeatures(spec, data, path), sources: [] };
  if (spec.kind === 'concat' || spec.kind === 'sum') {
    const parts: MadeFeatures[] = [];
    for (const [index, part] of spec.parts.entries()) {
      parts.push(await makeFeatures(part, data, context, `${path}.parts.${index}`));
    }
    const maps = parts.map(({ features }) => features);
    return {
      features: spec.kind === 'concat' ? concatFeatures(maps) : sumFeatures(maps),
      sources: parts.flatMap(({ sources }) => sources),
    };
  }
  const { vocabulary, prompts, horizon } = data;
  const bound = 'bound' in spec && spec.bound !== undefined ? { bound: spec.bound } : {};
  switch (spec.kind) {
    case 'ngram': {
      const { order, buckets } = spec;
      const known = data.promptTokens ? { prompts: data.promptTokens } : {};
      return { features: ngramFeatures({ vocabulary, order, buckets, ...bound, ...known }), sources: [] };
    }
    case 'random': {
      const { dim, window, byPrompt, bandwidth, seed } = spec;
      const by = byPrompt ? { prompts } : {};
      const features = randomFeatures({ vocabulary, horizon, dim, window, bandwidth, seed, ...bound, ...by });
      return { features, sources: [] };
    }
    case 'function': {
      const { dim, phi } = spec;
      return { features: functionFeatures({ ...layout(spec.by, data), vocabulary, dim, phi, ...bound }), sources: [] };
    }
    case 'table':
    case 'hiddenStates': {
      const { shape, values, source } = await readNumbers(spec.file, context);
      const width = shape.at(-1) ?? 1;
      const sizes = { ...layout(spec.by, data), vocabulary, ...bound };
      const features =
        spec.kind === 'table'
          ? tableFeatures({ ...sizes, dim: width, values })
          : hiddenStateFeatures({ ...sizes, width, states: values });
      return { features, sources: [source] };
    }
  }
}

/** Reads an array that the configuration names, and its hash. */
export async function readNumbers(
  path: string,
  context: ReadingContext,
): Promise<NumberArray & { readonly source: DataSource }> {
  const file = fromConfig(context, path);
  const { signal } = context;
  const { shape, values, blake3 } = await readHashedArray(file, signal ? { signal } : {});
  return { shape, values, source: { file: path, blake3 } };
}

function ownFeatures(spec: FeatureSpec | undefined, data: TrainingData, path: string): FeatureMap {
  if (data.own) return data.own.features;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    spec === undefined
      ? 'features: only a named problem of the linear class brings its own: say how they are made, e.g. { "kind": "ngram" }.'
      : `${path}: only data of a named problem of the linear class has features of its own.`,
    { place: { field: path } },
  );
}

function layout(by: TableLayout['by'], { prompts, horizon }: TrainingData): TableLayout {
  switch (by) {
    case 'prompt':
      return { by, prompts };
    case 'position':
      return { by, horizon };
    default:
      return { by, prompts, horizon };
  }
}
