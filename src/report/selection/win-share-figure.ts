import type { SelectionResult } from '../../selection/result.js';
import { compact, count, listed, roughPercent } from '../../text/format.js';
import type { Figure } from '../charts/figure.js';
import { shareBars } from '../charts/share-bars.js';
import { byN, highlighted, winShare } from './facts.js';

const WIDTH = 900;

/** Share of the bootstrap replicates that each model wins, one bar for each N; `null` without a bootstrap. */
export function winShareFigure(result: SelectionResult): Figure | null {
  const sampled = byN(result).flatMap((tournament) =>
    tournament.bootstrap ? [{ tournament, bootstrap: tournament.bootstrap }] : [],
  );
  const first = sampled[0]?.bootstrap;
  if (!first) return null;
  return {
    id: 'win-shares',
    title: 'How sure is the winner?',
    caption:
      `How often each model would win if the held-out ${first.unit}s had been drawn anew (bootstrap). One model filling the ` +
      'bar is a sure choice; a shared bar is noise, and any of the models in it is a defensible choice.',
    description: `${listed(
      sampled.map(({ tournament }) => {
        const share = winShare(result, tournament, tournament.winner)!;
        return `at N = ${compact(tournament.N)} ${tournament.winner} wins ${roughPercent(share)}`;
      }),
    )}.`,
    width: WIDTH,
    ...shareBars({
      width: WIDTH,
      label: `share of ${count(first.replicates)} resamples won`,
      rows: sampled.map(({ tournament, bootstrap }) => ({
        label: `N = ${compact(tournament.N)}`,
        shares: bootstrap.winShares,
      })),
      names: result.models,
      highlighted: highlighted(result),
    }),
  };
}
