import type { Interval } from '../result.js';
import { uniforms } from './random.js';

/** The quantile of `values` at `share`, interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const REPLICATES = 2000;

/** 95% percentile bootstrap interval of a statistic of values that are independent, e.g. one a seed. */
export function bootstrapInterval(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  seed: number,
): Interval {
  const uniform = uniforms(seed, values.length, REPLICATES);
  const replicates = Array.from({ length: REPLICATES }, () =>
    statistic(values.map(() => values[Math.floor(uniform() * values.length)]!)),
  );
  return [quantile(replicates, 0.025), quantile(replicates, 0.975)];
}

/** Least and greatest value. */
export function range(values: readonly number[]): Interval {
  return [Math.min(...values), Math.max(...values)];
}

/** Ranks from 1, ties sharing their mean. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const result = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last++;
    for (let at = first; at <= last; at++) result[order[at]!] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return result;
}

/** Spearman's rank correlation, ties sharing their mean rank; `null` where one side does not vary. */
export function rankCorrelation(x: readonly number[], y: readonly number[]): number | null {
  const [a, b] = [ranks(x), ranks(y)];
  const middle = (x.length + 1) / 2;
  const product = (u: readonly number[], v: readonly number[]) =>
    u.reduce((sum, value, index) => sum + (value - middle) * (v[index]! - middle), 0);
  const scale = Math.sqrt(product(a, a) * product(b, b));
  return scale > 0 ? product(a, b) / scale : null;
}

/** Slope of the least-squares line. */
export function slope(x: readonly number[], y: readonly number[]): number {
  const [atX, atY] = [mean(x), mean(y)];
  const over = x.reduce((sum, value, index) => sum + (value - atX) * (y[index]! - atY), 0);
  return over / x.reduce((sum, value) => sum + (value - atX) ** 2, 0);
}

/** Mean and its standard error; 0 for a single value. */
export function meanWithError(values: readonly number[]): { readonly value: number; readonly standardError: number } {
  const value = values.reduce((sum, each) => sum + each, 0) / values.length;
  const squares = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return { value, standardError: Math.sqrt(squares / Math.max(1, values.length - 1) / values.length) };
}
