import type { EChartsOption } from 'echarts';
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import { type Axis, axisOption, linearAxis, range, shareLabel } from '../axis.js';
import type { Figure } from '../figure.js';
import { compact, decimal, percent, plural, shortName } from '../format.js';
import { DIAMOND, polygonAt, SQUARE, textAt } from '../marks.js';
import { LIGHT } from '../theme.js';
import { byN } from './facts.js';

const WIDTH = 520;
const HEIGHT = 400;

/** Cross-entropy against score, one point a model, one figure for each N. */
export function scatterFigures(result: SelectionResult): Figure[] {
  const finite = result.crossEntropy.values.filter((value) => value !== null);
  return finite.length < 2 ? [] : byN(result).map((tournament) => scatter(result, tournament));
}

interface Point {
  readonly name: string;
  readonly loss: number;
  readonly score: number;
}

function scatter(result: SelectionResult, { N, winner, scores }: TournamentResult): Figure {
  const n = result.responses;
  const { values, winner: other } = result.crossEntropy;
  const known = result.models.flatMap((name, index): Point[] => {
    const loss = values[index];
    return loss === null || loss === undefined ? [] : [{ name, loss, score: scores[index]! }];
  });
  const left = result.models.length - known.length;
  const y = scoreAxis(
    `score at N = ${compact(N)}`,
    known.map(({ score }) => score),
    n,
  );
  const points = (chosen: (name: string) => boolean) =>
    known
      .filter(({ name }) => chosen(name))
      .map(({ name, loss, score }) => ({
        value: [loss, Math.max(score, y.min)],
        tip: `${name}: cross-entropy ${decimal(loss)} nats, score ${percent(score, n)}`,
      }));
  const marks = (symbol: string, size: number, color: string, z: number, chosen: (name: string) => boolean) => ({
    type: 'scatter',
    z,
    symbol,
    symbolSize: size,
    itemStyle: { color, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
    data: points(chosen),
  });
  const [first, second] = [LIGHT.series[0]!, LIGHT.series[1]!];
  const same = winner === other;
  const option = {
    grid: { left: 70, right: 20, top: 58, bottom: 52, containLabel: false },
    xAxis: axisOption(
      linearAxis(
        'cross-entropy (nats per response)',
        known.map(({ loss }) => loss),
      ),
      'x',
    ),
    yAxis: axisOption(y, 'y'),
    series: [
      marks('circle', known.length > 60 ? 6 : 9, LIGHT.axis, 3, (name) => name !== winner && name !== other),
      ...(same ? [] : [marks('rect', 12, second, 4, (name) => name === other)]),
      marks('diamond', 16, first, 5, (name) => name === winner),
    ],
    graphic: [
      polygonAt(16, 14, DIAMOND, first),
      textAt(30, 14, `${same ? 'both picks' : 'tournament'}: ${shortName(winner, 52)}`),
      ...(same ? [] : [polygonAt(16, 36, SQUARE, second), textAt(30, 36, `cross-entropy: ${shortName(other, 52)}`)]),
    ],
  } as EChartsOption;
  const zeros = known.some(({ score }) => score === 0);
  return {
    id: `cross-entropy-against-score-n-${String(N).replace('.', '-')}`,
    title: `Cross-entropy against score, N = ${compact(N)}`,
    caption:
      (same
        ? 'Both criteria pick the same model here.'
        : 'The two criteria disagree: the least cross-entropy (leftmost) is not the least score (lowest).') +
      (zeros ? ' Points on the bottom edge have score zero.' : '') +
      (left > 0 ? ` ${plural(left, 'model')} of infinite cross-entropy ${left === 1 ? 'is' : 'are'} not drawn.` : ''),
    description: `${known.length} models; the tournament picks ${winner}, cross-entropy picks ${other}.`,
    width: WIDTH,
    height: HEIGHT,
    option,
  };
}

/**
 * A logarithmic axis for scores, on which good models do not crowd together. Zero, which has no place on it, is drawn
 * at its lower end, half a response.
 */
export function scoreAxis(label: string, scores: readonly number[], responses: number): Axis {
  const positive = scores.filter((score) => score > 0);
  const [low, high] = positive.length > 0 ? range(positive) : [1 / responses, 1];
  const min = positive.length < scores.length ? Math.min(0.5 / responses, low / 1.5) : low / 1.25;
  return { label, scale: 'log10', min, max: Math.max(Math.min(1, high * 1.15), min * 4), format: shareLabel };
}
