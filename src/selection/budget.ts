import { callNative, native } from '../native.js';

/**
 * The ratio N at which to hold a tournament for a budget of `bestOf` samples a prompt: (K/2)^(2/3).
 *
 * @throws CoverageError `ERR_INVALID_OPTION` below 3
 */
export function ratioOfBestOf(bestOf: number): number {
  return callNative(() => native.ratioOfBestOf(bestOf));
}
