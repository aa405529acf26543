import { callNative, native } from '../native.js';

/**
 * The ratio N at which to hold a tournament for a budget of `bestOf` samples a prompt: (K/2)^(2/3).
 *
 * @throws CoverageError `ERR_INVALID_OPTION` below 3
 */
export function ratioOfBestOf(bestOf: number): number {
  return callNative(() => native.ratioOfBestOf(bestOf));
}

/**
 * The ratios N that what to take for a budget of `bestOf` samples a prompt is held against: √(K/2), (K/2)^(2/3) and K/2.
 * Theorem 6.3 bounds Cov_{K/2} of the pick of a tournament at each of them, with a = 1, ½ and 0.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` below 3
 */
export function spanOfBestOf(bestOf: number): readonly number[] {
  return callNative(() => native.spanOfBestOf(bestOf));
}
