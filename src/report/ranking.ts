/** What figures and tables of several models have in common: an order of all, and which ones get a colour. */
import { LIGHT } from './charts/theme.js';

/** Positions 0 … `count` − 1 by mean rank over `orders` of them, best first; ties by position. */
export function byMeanRank(count: number, orders: readonly (readonly number[])[]): number[] {
  const sums = new Float64Array(count);
  for (const order of orders) for (const [rank, position] of order.entries()) sums[position]! += rank;
  return Array.from(sums, (_, position) => position).sort((a, b) => sums[a]! - sums[b]! || a - b);
}

/**
 * The names that figures of a report colour, each once, as many as there are colours. The order is that of the colours,
 * so that a model has the same one in all figures.
 */
export function coloured(names: readonly (string | null | undefined)[]): string[] {
  const known = names.filter((name) => name !== null && name !== undefined);
  return [...new Set(known)].slice(0, LIGHT.series.length);
}
