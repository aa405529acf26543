import type { EChartsOption } from 'echarts';
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import type { Figure } from '../figure.js';
import { compact, decimal, percent, shortName } from '../format.js';
import { axis } from '../line-chart.js';
import { LIGHT } from '../theme.js';
import { byN } from './facts.js';

const WIDTH = 520;
const HEIGHT = 380;

/** Cross-entropy against score, one point a model, one figure for each N. */
export function scatterFigures(result: SelectionResult): Figure[] {
  const finite = result.crossEntropy.values.filter((value) => value !== null);
  return finite.length < 2 ? [] : byN(result).map((tournament) => scatter(result, tournament));
}

function scatter(result: SelectionResult, tournament: TournamentResult): Figure {
  const { N, winner, scores } = tournament;
  const { values, winner: other } = result.crossEntropy;
  const known = result.models.flatMap((name, index) => {
    const value = values[index];
    return value === null || value === undefined ? [] : [{ name, x: value, y: scores[index]!, index }];
  });
  const left = result.models.length - known.length;
  const [xMin, xMax] = padded(known.map(({ x }) => x));
  const [, yMax] = padded([0, ...known.map(({ y }) => y)]);
  const point = ({ name, x, y }: (typeof known)[number]) => ({
    value: [x, y],
    tip: `${name}: cross-entropy ${decimal(x)} nats, score ${percent(y, result.responses)}`,
  });
  const same = winner === other;
  const option: EChartsOption = {
    grid: { left: 66, right: 20, top: 40, bottom: 52, containLabel: false },
    xAxis: axis({ label: 'cross-entropy (nats per response)', scale: 'linear', min: xMin, max: xMax }, 'x'),
    yAxis: axis(
      {
        label: `score at N = ${compact(N)}`,
        scale: 'linear',
        min: 0,
        max: yMax,
        format: (value) => `${compact(value * 100, 3)}%`,
      },
      'y',
    ),
    series: [
      {
        type: 'scatter',
        symbolSize: known.length > 60 ? 6 : 9,
        itemStyle: { color: LIGHT.axis, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
        data: known.filter(({ name }) => name !== winner && name !== other).map(point),
      },
      ...(same
        ? []
        : [
            {
              type: 'scatter' as const,
              z: 4,
              symbol: 'rect',
              symbolSize: 12,
              itemStyle: { color: LIGHT.series[1]!, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
              data: known.filter(({ name }) => name === other).map(point),
            },
          ]),
      {
        type: 'scatter',
        z: 5,
        symbol: 'diamond',
        symbolSize: 15,
        itemStyle: { color: LIGHT.series[0]!, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
        data: known.filter(({ name }) => name === winner).map(point),
      },
    ],
    graphic: key(
      same
        ? [['diamond', LIGHT.series[0]!, `both picks: ${shortName(winner, 44)}`]]
        : [
            ['diamond', LIGHT.series[0]!, `tournament: ${shortName(winner, 21)}`],
            ['rect', LIGHT.series[1]!, `cross-entropy: ${shortName(other, 19)}`],
          ],
    ),
  };
  return {
    id: `cross-entropy-against-score-n-${String(N).replace('.', '-')}`,
    title: `Cross-entropy against score, N = ${compact(N)}`,
    caption:
      (same
        ? 'Both criteria pick the same model here.'
        : 'The two criteria disagree: the least cross-entropy (leftmost) is not the least score (lowest).') +
      (left > 0 ? ` ${left} models of infinite cross-entropy are not drawn.` : ''),
    description: `${known.length} models; the tournament picks ${winner}, cross-entropy picks ${other}.`,
    width: WIDTH,
    height: HEIGHT,
    option,
  };
}

/** The range of values with a margin on both sides. */
function padded(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [Number((low - margin).toPrecision(3)), Number((high + margin).toPrecision(3))];
}

/** A key of marks in one line above the plot. */
function key(entries: readonly (readonly [symbol: 'diamond' | 'rect', colour: string, text: string])[]): object[] {
  const step = (WIDTH - 24) / entries.length;
  return entries.flatMap(([symbol, colour, text], index) => {
    const x = 14 + index * step;
    return [
      {
        type: 'polygon',
        silent: true,
        shape: {
          points: (symbol === 'diamond'
            ? [
                [0, -7],
                [6, 0],
                [0, 7],
                [-6, 0],
              ]
            : [
                [-5, -5],
                [5, -5],
                [5, 5],
                [-5, 5],
              ]
          ).map(([dx, dy]) => [x + dx!, 16 + dy!]),
        },
        style: { fill: colour },
      },
      {
        type: 'text',
        silent: true,
        x: x + 12,
        y: 16,
        style: { text, fill: LIGHT.ink, fontSize: 12, verticalAlign: 'middle' },
      },
    ];
  });
}
