import type { SelectionResult } from '../../selection/result.js';
import type { Figure } from '../figure.js';
import { compact, listed, percent } from '../format.js';
import { lineChart } from '../line-chart.js';
import { LIGHT } from '../theme.js';
import { byN, highlighted } from './facts.js';
import { scoreAxis } from './scatter-figure.js';

/** Score of every model as a function of N; `null` without a grid. */
export function profileFigure(result: SelectionResult): Figure | null {
  const { N: grid, scores } = result.curves;
  if (grid.length < 2) return null;
  const featured = highlighted(result);
  const behind = result.models.filter((name) => !featured.includes(name));
  const all = scores.flat();
  const points = (name: string) => {
    const row = scores[result.models.indexOf(name)]!;
    return grid.map((N, index) => [N, row[index]!] as const);
  };
  const marks = (name: string) =>
    byN(result).map(({ N, scores: values, scoreCounts, rivals }) => {
      const index = result.models.indexOf(name);
      return {
        x: N,
        y: values[index]!,
        tip: `${name}, N = ${compact(N)}: score ${percent(values[index]!, result.responses)} (${scoreCounts[index]} of ${result.responses}), worst rival ${rivals[index]}`,
      };
    });
  const width = 900;
  const height = 460;
  return {
    id: 'coverage-profiles',
    title: 'Coverage profiles: score as a function of N',
    caption:
      'Share of the responses on which the worst rival gives at least N times the model’s probability; lower is better. ' +
      'The scale is logarithmic.' +
      (behind.length > 0 ? ` Coloured: ${featured.length} models; grey: the other ${behind.length}.` : '') +
      (all.includes(0) ? ' Lines that reach the bottom edge are at zero.' : ''),
    description: `Falling curves of ${result.models.length} models; lowest ${listed(
      byN(result).map(({ N, winner }) => `at N = ${compact(N)} ${winner}`),
    )}.`,
    width,
    height,
    option: lineChart({
      width,
      height,
      labelRoom: 220,
      x: { label: 'N (Best-of-N budget)', scale: 'log2', min: grid[0]!, max: grid.at(-1)! },
      y: scoreAxis('score (share of responses)', all, result.responses),
      lines: [
        ...behind.map((name) => ({ label: '', colour: null, points: points(name) })),
        // The first of the featured is drawn last, on top.
        ...featured
          .map((name, index) => ({
            label: name,
            colour: LIGHT.series[index]!,
            points: points(name),
            marks: marks(name),
          }))
          .reverse(),
      ],
    }),
  };
}
