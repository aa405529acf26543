import { answer } from '../error.js';
import { callNative, native } from '../native.js';
import { FeatureMap } from './feature-map.js';

/**
 * Feature maps side by side over one θ, φ = (φ_1, φ_2, …): d is the sum of theirs, B² the sum of their B².
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for an empty list; `ERR_SHAPE_MISMATCH` if they differ in vocabulary, prompts
 * or horizon
 */
export function concatFeatures(parts: readonly FeatureMap[]): FeatureMap {
  return answer('concatFeatures()', () => {
    return new FeatureMap(callNative(() => native.FeaturesHandle.concatenation(parts.map(({ handle }) => handle))));
  });
}

/**
 * Feature maps added up, φ = φ_1 + φ_2 + …, all of one dimension; B is the sum of theirs.
 *
 * @throws CoverageError as {@link concatFeatures}, and `ERR_SHAPE_MISMATCH` for different dimensions
 */
export function sumFeatures(parts: readonly FeatureMap[]): FeatureMap {
  return answer('sumFeatures()', () => {
    return new FeatureMap(callNative(() => native.FeaturesHandle.sum(parts.map(({ handle }) => handle))));
  });
}
