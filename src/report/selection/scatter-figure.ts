import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import { compact, decimal, percent, plural } from '../../text/format.js';
import { linearAxis, shareAxis } from '../charts/axis.js';
import { type Figure, figureId } from '../charts/figure.js';
import { type Point, scatterChart } from '../charts/scatter-chart.js';
import { byN } from './facts.js';

const SIZE = { width: 520, height: 400 };

/** Cross-entropy against score, one point a model, one figure for each N. */
export function scatterFigures(result: SelectionResult): Figure[] {
  const finite = result.crossEntropy.values.filter((value) => value !== null);
  return finite.length < 2 ? [] : byN(result).map((tournament) => scatter(result, tournament));
}

function scatter(result: SelectionResult, { N, winner, scores }: TournamentResult): Figure {
  const n = result.responses;
  const { values, winner: other } = result.crossEntropy;
  const points = result.models.flatMap((name, index): Point[] => {
    const [loss, score] = [values[index] ?? null, scores[index]!];
    if (loss === null) return [];
    return [
      { name, x: loss, y: score, tip: `${name}: cross-entropy ${decimal(loss)} nats, score ${percent(score, n)}` },
    ];
  });
  const left = result.models.length - points.length;
  return {
    id: figureId('cross-entropy-against-score-n', N),
    title: `Cross-entropy against score, N\u00a0=\u00a0${compact(N)}`,
    caption:
      (winner === other
        ? 'Both criteria pick the same model here.'
        : 'The two criteria disagree: the least cross-entropy (leftmost) is not the least score (lowest).') +
      (points.some(({ y }) => y === 0) ? ' Points on the bottom edge have score zero.' : '') +
      (left > 0 ? ` ${plural(left, 'model')} of infinite cross-entropy ${left === 1 ? 'is' : 'are'} not drawn.` : ''),
    description: `${points.length} models; the tournament picks ${winner}, cross-entropy picks ${other}.`,
    ...scatterChart({
      ...SIZE,
      x: linearAxis(
        'cross-entropy (nats per response)',
        points.map(({ x }) => x),
      ),
      y: shareAxis(
        `score at N = ${compact(N)}`,
        points.map(({ y }) => y),
        n,
      ),
      points,
      picks: [
        { criterion: 'tournament', name: winner },
        { criterion: 'cross-entropy', name: other },
      ],
    }),
  };
}
