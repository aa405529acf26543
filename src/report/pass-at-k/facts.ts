/** What the reports of Pass@k derive from the result; nothing here is a new estimate. */
import type { PassAtK, PassAtKResult } from '../../pass-at-k/pass-at-k.js';

/** Entries by rising k. */
export function byK({ perK }: PassAtKResult): PassAtK[] {
  return [...perK].sort((a, b) => a.k - b.k);
}

/** Indices of the models by Pass@k, greatest first, unknown ones last, ties in input order. */
export function ranking({ values }: PassAtK): number[] {
  const known = (index: number) => values[index]!.value ?? -1;
  return values.map((_, index) => index).sort((a, b) => known(b) - known(a) || a - b);
}

/** Indices of the models by mean rank over all k of which something is known, ties in input order. */
export function meanRanking(result: PassAtKResult): number[] {
  const sums = new Float64Array(result.models.length);
  for (const entry of result.perK.filter(({ pick }) => pick !== null)) {
    for (const [rank, index] of ranking(entry).entries()) sums[index]! += rank;
  }
  return result.models.map((_, index) => index).sort((a, b) => sums[a]! - sums[b]! || a - b);
}

const HIGHLIGHTED = 7;

/** Names of the models that figures highlight: the picks, then by mean rank. */
export function highlightedModels(result: PassAtKResult): string[] {
  const picks = byK(result).flatMap(({ pick }) => pick ?? []);
  return [...new Set([...picks, ...meanRanking(result).map((index) => result.models[index]!)])].slice(0, HIGHLIGHTED);
}
