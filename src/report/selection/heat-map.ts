import type { EChartsOption } from 'echarts';
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import { compact, percent, shortNames } from '../../text/format.js';
import { namesOption } from '../charts/axis.js';
import { type Figure, figureId } from '../charts/figure.js';
import { boxAt, textAt, textWidth } from '../charts/marks.js';
import { LIGHT } from '../charts/theme.js';
import { byN, positions } from './facts.js';

const MOST = 60;
const TOP = 40;
/** Up to so many models the cells are large enough for figures in them. */
const MOST_WITH_FIGURES = 16;
/** Up to so many models every cell says on hovering what it holds; beyond, that would weigh megabytes. */
const MOST_WITH_TIPS = 30;

/** Classes from this one on bear the ink of dark cells. */
const DARK_FROM = 5;

/** The tournament matrix at each N for which the result holds counts. */
export function heatMapFigures(result: SelectionResult): Figure[] {
  return byN(result).flatMap((tournament) =>
    tournament.counts && result.models.length > 1 ? [heatMap(result, tournament, tournament.counts)] : [],
  );
}

function heatMap(
  result: SelectionResult,
  { N, ranking }: TournamentResult,
  counts: readonly (readonly number[])[],
): Figure {
  const n = result.responses;
  const position = positions(result.models);
  const ranks = shownRanks(ranking.length);
  const names = ranks.map((rank) => ranking[rank]!);
  const indices = names.map((name) => position.get(name)!);
  const cells = names.flatMap((_, model) =>
    names.flatMap((_, rival) =>
      rival === model ? [] : [{ rival, model, share: counts[indices[rival]!]![indices[model]!]! / n }],
    ),
  );
  const { bounds, even } = classBounds(
    cells.map(({ share }) => share),
    LIGHT.ramp.length,
  );
  const withFigures = names.length <= MOST_WITH_FIGURES;
  const withTips = names.length <= MOST_WITH_TIPS;
  const cellSize = Math.max(11, Math.min(40, Math.floor(640 / names.length)));
  const fontSize = Math.min(12.5, Math.max(8.5, cellSize - 2));
  const labels = shortNames(names, 32).map((label, index) => `${label}   ${ranks[index]! + 1}`);
  const left = 22 + Math.max(...labels.map((label) => textWidth(label, fontSize)));
  const top = 56;
  const side = cellSize * names.length;
  const option = {
    grid: { left, top, width: side, height: side, containLabel: false },
    xAxis: {
      ...namesOption(
        ranks.map((rank, index) => (names.length <= 40 || index % 5 === 4 || index === 0 ? String(rank + 1) : '')),
        'x',
        fontSize,
      ),
      name: 'rival, numbered as the rows',
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: LIGHT.muted, fontSize: 12.5 },
    },
    yAxis: namesOption(labels, 'y', fontSize),
    visualMap: {
      type: 'piecewise',
      show: false,
      dimension: 2,
      pieces: bounds.map((bound, index) => ({
        gte: index === 0 ? 0 : bounds[index - 1]!,
        ...(index === bounds.length - 1 ? { lte: bound } : { lt: bound }),
        color: LIGHT.ramp[index]!,
      })),
    },
    series: [
      {
        type: 'heatmap',
        silent: !withTips,
        itemStyle: { borderColor: LIGHT.surface, borderWidth: names.length > 30 ? 0.5 : 1.5 },
        label: { show: withFigures, fontSize: Math.min(11.5, cellSize / 3), textBorderWidth: 0 },
        data: cells.map(({ rival, model, share }) => ({
          value: [rival, model, share],
          ...(withFigures && {
            label: {
              color: share >= bounds[DARK_FROM - 1]! ? LIGHT.rampHighInk : LIGHT.rampLowInk,
              formatter: cellText(share),
            },
          }),
          ...(withTips && {
            tip: `${names[rival]} gives at least ${compact(N)} times the probability of ${names[model]} on ${percent(share, n)} of the responses`,
          }),
        })),
      },
    ],
    graphic: key(bounds, left),
  } as EChartsOption;
  return {
    id: figureId('tournament-matrix-n', N),
    title: `Tournament matrix, N = ${compact(N)}`,
    caption:
      `Row: the model that is judged, best first. Column: its rival. Cell: share of the responses${withFigures ? ', in %,' : ''} on which ` +
      `the rival gives at least ${compact(N)} times the model’s probability. The greatest of a row is the model’s score; a row that fades into the background is a good model. ` +
      (even ? '' : 'The steps of the colours grow by factors, so that small shares can be told apart.') +
      (names.length < ranking.length
        ? ` Only the first ${TOP} and the last ${MOST - TOP} of the ${ranking.length} models are shown.`
        : ''),
    description: `Matrix of ${names.length} by ${names.length} models; the shares grow from the row of ${ranking[0]} to that of ${ranking.at(-1)}.`,
    width: Math.ceil(Math.max(left + side + 24, 640)),
    height: top + side + 50,
    option,
  };
}

/** All ranks, or the first `TOP` and the last ones up to `MOST`. */
function shownRanks(models: number): number[] {
  const all = Array.from({ length: models }, (_, rank) => rank);
  return models <= MOST ? all : [...all.slice(0, TOP), ...all.slice(models - (MOST - TOP))];
}

/**
 * Rising upper bounds of classes of shares; the last is no less than the greatest share. Even round steps, or the ladder 1, 2, 5,
 * 10, … where most shares are so small beside the greatest that even steps would show them all alike.
 */
export function classBounds(shares: readonly number[], classes: number): { bounds: number[]; even: boolean } {
  const sorted = [...shares].sort((a, b) => a - b);
  const greatest = sorted.at(-1) ?? 0;
  const even = greatest > 0 && sorted[Math.floor(sorted.length / 2)]! >= greatest / classes;
  const round = (value: number) => Number(value.toPrecision(6));
  if (even) {
    const power = 10 ** Math.floor(Math.log10(greatest / classes));
    const step = power * [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * power * classes >= greatest)!;
    return { bounds: Array.from({ length: classes }, (_, index) => round((index + 1) * step)), even };
  }
  const ladder = (rung: number) => round([1, 2, 5][((rung % 3) + 3) % 3]! * 10 ** Math.floor(rung / 3));
  let last = -18;
  while (ladder(last) < greatest) last += 1;
  return { bounds: Array.from({ length: classes }, (_, index) => ladder(last - classes + 1 + index)), even };
}

function cellText(share: number): string {
  const value = share * 100;
  if (value === 0) return '0';
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(value >= 0.995 ? 1 : 2).replace(/^0/, '');
}

/** The classes as a row of boxes with their bounds beneath. */
function key(bounds: readonly number[], left: number): object[] {
  const width = 44;
  return bounds.flatMap((bound, index) => [
    boxAt(left + index * width, 6, width - 1.5, 12, LIGHT.ramp[index]!),
    ...(index === 0 ? [textAt(left, 29, '0', { fill: LIGHT.muted, size: 11.5, centred: true })] : []),
    textAt(left + (index + 1) * width, 29, `${compact(bound * 100, 3)}%`, {
      fill: LIGHT.muted,
      size: 11.5,
      centred: true,
    }),
  ]);
}
