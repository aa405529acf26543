import type { EChartsOption } from 'echarts';
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import type { Figure } from '../figure.js';
import { compact, percent, shortNames } from '../format.js';
import { LIGHT } from '../theme.js';
import { byN, positions } from './facts.js';

const MOST = 60;
const TOP = 40;
/** Up to so many models the cells are large enough for figures in them. */
const MOST_WITH_FIGURES = 16;
/** Up to so many models every cell says on hovering what it holds; beyond, that would weigh megabytes. */
const MOST_WITH_TIPS = 30;

/** The tournament matrix at each N for which the result holds counts. */
export function heatMapFigures(result: SelectionResult): Figure[] {
  return byN(result).flatMap((tournament) =>
    tournament.counts && result.models.length > 1 ? [heatMap(result, tournament, tournament.counts)] : [],
  );
}

function heatMap(
  result: SelectionResult,
  tournament: TournamentResult,
  counts: readonly (readonly number[])[],
): Figure {
  const { N, ranking } = tournament;
  const n = result.responses;
  const position = positions(result.models);
  const ranks = shownRanks(ranking.length);
  const names = ranks.map((rank) => ranking[rank]!);
  const indices = names.map((name) => position.get(name)!);
  const share = (rival: number, model: number) => counts[indices[rival]!]![indices[model]!]! / n;
  const cells = names.flatMap((_, model) => names.flatMap((_, rival) => (rival === model ? [] : [[rival, model]])));
  const greatest = Math.max(...cells.map(([rival, model]) => share(rival!, model!)));
  const bounds = classBounds(greatest, LIGHT.ramp.length);
  const classOf = (value: number) => bounds.findIndex((bound) => value < bound);
  const cellSize = Math.max(11, Math.min(38, Math.floor(620 / names.length)));
  const labels = shortNames(names, 30).map((label, index) => `${label}  ${ranks[index]! + 1}`);
  const left = Math.min(270, 24 + 7 * Math.max(...labels.map((label) => label.length)));
  const side = cellSize * names.length;
  const fontSize = Math.min(12.5, Math.max(8, cellSize - 2));
  const withFigures = names.length <= MOST_WITH_FIGURES;
  const option: EChartsOption = {
    grid: { left, top: 62, width: side, height: side, containLabel: false },
    xAxis: {
      type: 'category',
      position: 'bottom',
      data: ranks.map((rank) => String(rank + 1)),
      name: 'rival (numbered as the rows)',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { color: LIGHT.muted, fontSize: 12.5 },
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: LIGHT.ink, fontSize, interval: names.length > 40 ? 4 : 0, hideOverlap: true },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: labels,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: LIGHT.ink, fontSize, interval: 0 },
    },
    visualMap: {
      type: 'piecewise',
      orient: 'horizontal',
      left,
      top: 0,
      itemWidth: 22,
      itemHeight: 12,
      itemGap: 8,
      textStyle: { color: LIGHT.muted, fontSize: 11.5 },
      dimension: 2,
      pieces: bounds.map((bound, index) => ({
        gte: index === 0 ? 0 : bounds[index - 1]!,
        lt: bound,
        color: LIGHT.ramp[index]!,
        label: legendLabel(bounds, index),
      })),
    },
    series: [
      {
        type: 'heatmap',
        silent: names.length > MOST_WITH_TIPS,
        itemStyle: { borderColor: LIGHT.surface, borderWidth: names.length > 30 ? 0.5 : 1.5 },
        label: { show: withFigures, fontSize: Math.min(11, cellSize / 3), textBorderWidth: 0 },
        data: cells.map(([rival, model]) => {
          const value = share(rival!, model!);
          const dark = classOf(value) >= LIGHT.ramp.length / 2;
          return {
            value: [rival!, model!, value],
            ...(withFigures && {
              label: {
                color: dark ? LIGHT.rampHighInk : LIGHT.rampLowInk,
                formatter: compact(Number((value * 100).toFixed(value < 0.1 ? 1 : 0)), 3),
              },
            }),
            ...(names.length <= MOST_WITH_TIPS && {
              tip: `${names[rival!]} gives at least ${compact(N)} times the probability of ${names[model!]} on ${percent(value, n)} of the responses`,
            }),
          };
        }),
      },
    ],
  };
  return {
    id: `tournament-matrix-n-${String(N).replace('.', '-')}`,
    title: `Tournament matrix, N = ${compact(N)}`,
    caption:
      `Row: the model that is judged, best first. Column: its rival, by the same numbers. Cell: share of the responses${withFigures ? ', in %,' : ''} on which ` +
      `the rival gives at least ${compact(N)} times the model’s probability. The darkest cell of a row is the model’s score; a pale row is a good model.` +
      (names.length < ranking.length
        ? ` Only the first ${TOP} and the last ${MOST - TOP} of the ${ranking.length} models are shown.`
        : ''),
    description: `Matrix of ${names.length} by ${names.length} models; the rows grow darker from ${ranking[0]} to ${ranking.at(-1)}.`,
    width: Math.max(left + side + 24, 640),
    height: 62 + side + 50,
    option,
  };
}

/** All ranks, or the first `TOP` and the last ones up to `MOST`. */
function shownRanks(models: number): number[] {
  const all = Array.from({ length: models }, (_, rank) => rank);
  return models <= MOST ? all : [...all.slice(0, TOP), ...all.slice(models - (MOST - TOP))];
}

/** Upper bounds of `classes` classes of equal, round width that reach beyond `greatest`. */
export function classBounds(greatest: number, classes: number): number[] {
  const least = Math.max(greatest, 1e-9) / classes;
  const power = 10 ** Math.floor(Math.log10(least));
  const width = power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power > least) ?? 15);
  return Array.from({ length: classes }, (_, index) => Number(((index + 1) * width).toPrecision(6)));
}

function legendLabel(bounds: readonly number[], index: number): string {
  const upper = compact(bounds[index]! * 100, 3);
  return index === 0 ? `< ${upper}%` : `${compact(bounds[index - 1]! * 100, 3)}–${upper}%`;
}
