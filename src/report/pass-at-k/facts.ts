/** What the reports of Pass@k derive from the result; nothing here is a new estimate. */
import type { PassAtK, PassAtKResult } from '../../pass-at-k/pass-at-k.js';
import { byMeanRank, coloured } from '../ranking.js';

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
export function meanRanking({ models, perK }: PassAtKResult): number[] {
  return byMeanRank(models.length, perK.filter(({ pick }) => pick !== null).map(ranking));
}

/** Names of the models that figures colour: the picks, then by mean rank. */
export function highlightedModels(result: PassAtKResult): string[] {
  return coloured([
    ...byK(result).map(({ pick }) => pick),
    ...meanRanking(result).map((index) => result.models[index]),
  ]);
}
