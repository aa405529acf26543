import { answer } from '../error.js';
import { callNative, native } from '../native.js';
import type { Interval } from '../results/estimate.js';
import type { Measurement } from '../results/plot.js';

/** `value ≈ scale · x^exponent`. */
export interface PowerLaw {
  readonly exponent: number;
  /** Interval of the exponent; curvature and underestimated errors widen it. */
  readonly interval: Interval;
  readonly scale: number;
  /** Relative scatter of the points about the line beyond what their standard errors explain. */
  readonly excess: number;
}

/**
 * Fits a power law by weighted least squares on the logarithms, with a common relative error where the points scatter
 * more than their standard errors explain.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH` for fewer than three points or values that are not positive
 */
export function fitPowerLaw(points: readonly Measurement[], confidence = 0.95): PowerLaw {
  return answer('fitPowerLaw()', () => {
    return JSON.parse(callNative(() => native.fitPowerLaw(JSON.stringify(points), confidence)));
  });
}
