import type { EChartsOption } from 'echarts';
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import { compact, isolated, percent, shortNames } from '../../text/format.js';
import { namesOption } from '../charts/axis.js';
import { type Drawing, type Figure, figureId, SLIM } from '../charts/figure.js';
import { boxAt, textAt, textWidth } from '../charts/marks.js';
import { LIGHT } from '../charts/theme.js';
import { byN, positions } from './facts.js';

/** Models of which a matrix shows rows and columns: the first `top` and the last ones, `most` in all. */
const SHOWN = { most: 60, top: 40 };
const SHOWN_SLIM = { most: 24, top: 16 };
/** Up to so many models the cells are large enough for figures in them. */
const MOST_WITH_FIGURES = 16;
/** Side of a cell that has room for a figure. */
const LEAST_WITH_FIGURES = 26;
/** Up to so many models every cell says on hovering what it holds; beyond, cells of a colour are one path: each by itself
 * they would weigh megabytes. */
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
  tournament: TournamentResult,
  counts: readonly (readonly number[])[],
): Figure {
  const { N, ranking } = tournament;
  const [wide, slim] = [SHOWN, SHOWN_SLIM].map((shown) => shownRanks(ranking.length, shown)) as [number[], number[]];
  const classes = classesOf(result, tournament, counts, wide);
  const draw = (ranks: readonly number[], width: number) =>
    drawing(result, tournament, counts, { ranks, classes, width });
  const left = ranking.length - wide.length;
  return {
    id: figureId('tournament-matrix-n', N),
    title: `Tournament matrix, N\u00a0=\u00a0${compact(N)}`,
    caption:
      'Row: the model that is judged, best first. Column: its rival. Cell: share of the responses' +
      `${wide.length <= MOST_WITH_FIGURES ? ', in %,' : ''} on which the rival gives at least ${compact(N)} times the model’s probability. ` +
      'The greatest of a row is the model’s score; a row that fades into the background is a good model. ' +
      (classes.even ? '' : 'The steps of the colours grow by factors, so that small shares can be told apart.') +
      (left > 0
        ? ` Only the first ${SHOWN.top} and the last ${SHOWN.most - SHOWN.top} of the ${ranking.length} models are shown; the gap stands for the other ${left}.`
        : ''),
    description: `Matrix of ${wide.length} by ${wide.length} models; the shares grow from the row of ${ranking[0]} to that of ${ranking.at(-1)}.`,
    ...draw(wide, WIDTH),
    slim: draw(slim, SLIM),
  };
}

const WIDTH = 900;

/** Bounds of the classes of colour; even steps only where they tell the best model's score from nothing. */
function classesOf(
  { models, responses }: SelectionResult,
  { ranking, scores }: TournamentResult,
  counts: readonly (readonly number[])[],
  ranks: readonly number[],
) {
  const position = positions(models);
  const indices = ranks.map((rank) => position.get(ranking[rank]!)!);
  const shares = indices.flatMap((rival) =>
    indices.flatMap((model) => (rival === model ? [] : [counts[rival]![model]! / responses])),
  );
  return classBounds(shares, LIGHT.ramp.length, scores[position.get(ranking[0]!)!]);
}

interface Drawn {
  readonly ranks: readonly number[];
  readonly classes: ReturnType<typeof classBounds>;
  readonly width: number;
}

function drawing(
  result: SelectionResult,
  { N, ranking }: TournamentResult,
  counts: readonly (readonly number[])[],
  { ranks, classes: { bounds }, width }: Drawn,
): Drawing {
  const n = result.responses;
  const isSlim = width < WIDTH;
  const position = positions(result.models);
  // Where ranks are left out, an empty row and column stand for them.
  const places = ranks.flatMap((rank, index) => (index > 0 && rank > ranks[index - 1]! + 1 ? [null, rank] : [rank]));
  const names = places.map((rank) => (rank === null ? null : ranking[rank]!));
  const cells = names.flatMap((name, model) =>
    names.flatMap((other, rival) => {
      if (name === null || other === null || name === other) return [];
      return [{ rival, model, share: counts[position.get(other)!]![position.get(name)!]! / n }];
    }),
  );
  const longest = isSlim ? 12 : 32;
  const short = shortNames(
    ranks.map((rank) => ranking[rank]!),
    longest,
  );
  const withTips = ranks.length <= MOST_WITH_TIPS;
  const labelsOf = (size: number) => ({
    labels: places.map((rank) => (rank === null ? '⋮' : `${isolated(short[ranks.indexOf(rank)]!)}   ${rank + 1}`)),
    fontSize: Math.min(12.5, Math.max(8.5, size - 2)),
  });
  const leftOf = ({ labels, fontSize }: ReturnType<typeof labelsOf>) =>
    Math.ceil(18 + Math.max(...labels.map((label) => textWidth(label, fontSize))));
  const cellSize = isSlim
    ? Math.max(6, Math.floor((width - 12 - leftOf(labelsOf(11))) / places.length))
    : Math.max(11, Math.min(40, Math.floor(640 / places.length)));
  const withFigures = ranks.length <= MOST_WITH_FIGURES && cellSize >= LEAST_WITH_FIGURES;
  const { labels, fontSize } = labelsOf(isSlim ? Math.min(12.5, cellSize + 1.5) : cellSize);
  const left = leftOf({ labels, fontSize });
  const top = 56;
  const side = cellSize * places.length;
  const everyFifth = places.length > (isSlim ? 14 : 40);
  const option = {
    grid: { left, top, width: side, height: side, containLabel: false },
    xAxis: {
      ...namesOption(
        places.map((rank, index) => {
          if (rank === null) return '⋯';
          return !everyFifth || rank % 5 === 4 || index === 0 ? String(rank + 1) : '';
        }),
        'x',
        fontSize,
      ),
      name: 'rival, numbered as the rows',
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: LIGHT.muted, fontSize: 12.5 },
    },
    yAxis: namesOption(labels, 'y', fontSize),
    ...(withTips && {
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
    }),
    series: withTips
      ? [
          {
            type: 'heatmap',
            itemStyle: { borderColor: LIGHT.surface, borderWidth: isSlim ? 0.5 : 1.5 },
            label: { show: withFigures, fontSize: Math.min(11.5, cellSize / 3), textBorderWidth: 0 },
            data: cells.map(({ rival, model, share }) => ({
              value: [rival, model, share],
              ...(withFigures && {
                label: {
                  color: share >= bounds[DARK_FROM - 1]! ? LIGHT.rampHighInk : LIGHT.rampLowInk,
                  formatter: cellText(share),
                },
              }),
              tip: `${names[rival]} gives at least ${compact(N)} times the probability of ${names[model]} on ${percent(share, n)} of the responses`,
            })),
          },
        ]
      : cellPaths(cells, bounds, { left, top, size: cellSize }),
    graphic: key(bounds, isSlim ? 16 : left, isSlim ? 38 : 44),
  } as EChartsOption;
  return { width: isSlim ? SLIM : Math.ceil(Math.max(left + side + 24, 640)), height: top + side + 50, option };
}

/** All cells, those of a colour as one path, runs along a row as one piece of it. */
function cellPaths(
  cells: readonly { readonly rival: number; readonly model: number; readonly share: number }[],
  bounds: readonly number[],
  { left, top, size }: { readonly left: number; readonly top: number; readonly size: number },
): object[] {
  const paths = bounds.map(() => '');
  const colourOf = (share: number) => bounds.findIndex((bound, index) => share < bound || index === bounds.length - 1);
  for (let first = 0; first < cells.length; ) {
    const { rival, model, share } = cells[first]!;
    const colour = colourOf(share);
    let length = 1;
    const continues = (cell: (typeof cells)[number] | undefined) =>
      cell?.model === model && cell.rival === rival + length && colourOf(cell.share) === colour;
    while (continues(cells[first + length])) length += 1;
    paths[colour] += `M${left + rival * size} ${top + model * size}h${length * size}v${size - 0.5}h${-length * size}z`;
    first += length;
  }
  return paths.flatMap((pathData, index) => {
    const path = { type: 'path', shape: { pathData }, style: { fill: LIGHT.ramp[index]! } };
    return pathData === '' ? [] : [{ type: 'custom', silent: true, data: [0], renderItem: () => path }];
  });
}

/** All ranks, or the first `top` and the last ones up to `most`. */
function shownRanks(models: number, { most, top }: typeof SHOWN): number[] {
  const all = Array.from({ length: models }, (_, rank) => rank);
  return models <= most ? all : [...all.slice(0, top), ...all.slice(models - (most - top))];
}

/**
 * Rising upper bounds of classes of shares; the last is no less than the greatest share. Even round steps, or the ladder 1, 2, 5,
 * 10, … where most shares, or those of the best model, whose score is `best`, are so small beside the greatest that even
 * steps would show them all alike.
 */
export function classBounds(
  shares: readonly number[],
  classes: number,
  best = Number.POSITIVE_INFINITY,
): { bounds: number[]; even: boolean } {
  const sorted = [...shares].sort((a, b) => a - b);
  const greatest = sorted.at(-1) ?? 0;
  const even = greatest > 0 && Math.min(best, sorted[Math.floor(sorted.length / 2)]!) >= greatest / classes;
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
function key(bounds: readonly number[], left: number, width: number): object[] {
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
