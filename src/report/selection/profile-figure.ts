import type { SelectionResult } from '../../selection/result.js';
import { compact, listed, percent } from '../../text/format.js';
import { shareAxis } from '../charts/axis.js';
import { colourNote, curveChart } from '../charts/curve-chart.js';
import type { Figure } from '../charts/figure.js';
import { byN, highlighted, isSparse, meanRanking, positions, sparseNote } from './facts.js';

const SIZE = { width: 900, height: 460 };

/** Score of every model as a function of N; `null` without a grid. */
export function profileFigure(result: SelectionResult): Figure | null {
  const { N: grid, scores } = result.curves;
  if (grid.length < 2) return null;
  const featured = highlighted(result);
  const position = positions(result.models);
  const all = scores.flat();
  const marks = (name: string, index: number) =>
    byN(result).map(({ N, scores: values, scoreCounts, rivals }) => ({
      x: N,
      y: values[index]!,
      tip: `${name}, N = ${compact(N)}: score ${percent(values[index]!, result.responses)} (${scoreCounts[index]} of ${result.responses}), worst rival ${rivals[index]}`,
    }));
  return {
    id: 'coverage-profiles',
    title: 'Coverage profiles: score as a function of N',
    caption:
      'Share of the responses on which the worst rival gives at least N times the model’s probability; lower is better. ' +
      `The scale is logarithmic.${colourNote(result.models.length, featured.length)}` +
      (isSparse(result) ? ` ${sparseNote(result)}; straight lines join them.` : '') +
      (all.includes(0) ? ' Lines that reach the bottom edge are at zero.' : ''),
    description: `Falling curves of ${result.models.length} models; lowest ${listed(
      byN(result).map(({ N, winner }) => `at N = ${compact(N)} ${winner}`),
    )}.`,
    ...curveChart({
      ...SIZE,
      x: { label: 'N (ratio)', scale: 'log2', min: grid[0]!, max: grid.at(-1)! },
      y: shareAxis('score (share of responses)', all, result.responses),
      curves: meanRanking(result).map((name) => {
        const index = position.get(name)!;
        return { name, points: grid.map((N, at) => [N, scores[index]![at]!] as const), marks: marks(name, index) };
      }),
      highlighted: featured,
    }),
  };
}
