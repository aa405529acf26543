import type { SelectionResult } from '../../selection/result.js';
import { compact, count, listed, roughPercent } from '../../text/format.js';
import type { Figure } from '../charts/figure.js';
import { shareBars } from '../charts/share-bars.js';
import { byN, highlighted, winShare } from './facts.js';

const WIDTH = 900;

/** Share of the bootstrap replicates that each possible winner wins, one bar for each N; `null` without a bootstrap. */
export function winShareFigure(result: SelectionResult): Figure | null {
  const sampled = byN(result).filter(({ winShares }) => winShares !== null);
  if (result.replicates === 0 || sampled.length === 0) return null;
  return {
    id: 'win-shares',
    title: 'How often would each possible winner win?',
    caption:
      `How often each of the possible winners would win if the held-out ${result.unit}s had been drawn anew (bootstrap): a ` +
      'picture beside the verdicts, not a test. Models that are ruled out take no part.',
    description: `${listed(
      sampled.map((tournament) => {
        const share = winShare(tournament, tournament.winner)!;
        return `at N = ${compact(tournament.N)} ${tournament.winner} wins ${roughPercent(share)}`;
      }),
    )}.`,
    ...shareBars({
      width: WIDTH,
      label: `share of ${count(result.replicates)} resamples won`,
      rows: sampled.map((tournament) => ({
        label: `N = ${compact(tournament.N)}`,
        shares: result.models.map((model) => winShare(tournament, model) ?? 0),
      })),
      names: result.models,
      highlighted: highlighted(result),
    }),
  };
}
