/** Sample statistics of a few rounds. */

/** The q-th quantile, interpolated between order statistics. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** A ratio of times with its spread over rounds. */
export interface Ratio {
  readonly median: number;
  /** Least and greatest of the rounds. */
  readonly low: number;
  readonly high: number;
  /** Ratio of the least times: the least disturbed by whatever else ran. */
  readonly ofMinima: number;
}

/** How many times longer `slow` took than `fast`, round by round: rounds of the same number ran next to each other. */
export function ratio(slow: readonly number[], fast: readonly number[]): Ratio {
  const rounds = Math.min(slow.length, fast.length);
  const ratios = Array.from({ length: rounds }, (_, round) => slow[round]! / fast[round]!);
  return {
    median: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    ofMinima: Math.min(...slow) / Math.min(...fast),
  };
}

/** The exponent p of y ∝ x^p by least squares in logarithms, with its standard error (0 for two points). */
export function growthExponent(points: readonly (readonly [x: number, y: number])[]): {
  exponent: number;
  standardError: number;
} {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const n = logs.length;
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / n;
  const squares = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const exponent = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const rest = logs.reduce((sum, [x, y]) => sum + (y - meanY - exponent * (x - meanX)) ** 2, 0);
  return { exponent, standardError: n > 2 ? Math.sqrt(rest / (n - 2) / squares) : 0 };
}
