import type { EChartsOption } from 'echarts';
import type { SelectionResult } from '../../selection/result.js';
import { compact, listed, plural, roughPercent, shortNames } from '../../text/format.js';
import { axisOption, MOST_SLIM, namesOption } from '../charts/axis.js';
import { atBothWidths, type Figure } from '../charts/figure.js';
import { textWidth } from '../charts/marks.js';
import { LIGHT } from '../charts/theme.js';
import { byN, highlighted, isSparse, sparseNote, VERDICT_WORDS, winShare } from './facts.js';

const WIDTH = 900;
const ROW = 34;
const MOST_ROWS = 14;
/** Characters of a label where there is room. */
const LONGEST = 34;

/** Who wins at which N, on the grid of N, with the asked N marked; `null` without a grid. */
export function winnerFigure(result: SelectionResult): Figure | null {
  const { N: grid, winners } = result.curves;
  if (grid.length < 2) return null;
  const sparse = isSparse(result);
  const segments = winnerSegments(grid, winners);
  const rows = rowModels(result, segments);
  const others = new Set(segments.map(({ winner }) => winner).filter((winner) => !rows.includes(winner))).size;
  const besides = sparse ? besidesAsked(result) : [];
  const shared = sparse ? { tied: [], beyond: null } : sharedStretches(result);
  return {
    id: 'winner-by-n',
    title: 'Winner as a function of N',
    caption:
      (sparse ? `${sparseNote(result)}. ` : 'Bars: the model with the best score at each N. ') +
      'Circles: the N that were asked for; filled where the winner is the only model that can be best, ' +
      'hollow where others may be.' +
      (besides.length > 0 ? ' Dots: who has the best score at what budgets are held against.' : '') +
      (shared.tied.length > 0 ? ' Shaded: several models share the best score, and the smaller reach decides.' : '') +
      (shared.beyond
        ? ` Hatched, from N = ${compact(shared.beyond.from, 3)} on: beyond the resolution of these responses, where no model has the best score alone.`
        : '') +
      (sparse ? '' : ' A short bar between others is a lead that few responses decide.') +
      (others > 0 ? ` ${plural(others, 'more model')} on short stretches not drawn.` : ''),
    description: `${listed(
      byN(result).map((each) => `at N = ${compact(each.N)} ${each.winner} wins (${VERDICT_WORDS[each.verdict]})`),
    )}.`,
    ...atBothWidths(WIDTH, (width) => ({
      height: 74 + rows.length * ROW,
      option: drawing(result, {
        rows,
        shared,
        segments: sparse ? [] : segments,
        besides,
        longest: width === WIDTH ? LONGEST : 14,
      }),
    })),
  };
}

/** Where several models share the least score: stretches below the resolution, and all that lies beyond it. */
interface Shared {
  readonly tied: readonly Stretch[];
  readonly beyond: Stretch | null;
}

type Stretch = Pick<Segment, 'from' | 'to'>;

function sharedStretches({ curves: { N: grid, sharing }, tournaments }: SelectionResult): Shared {
  // Known exactly, between the points of the grid, too; `null` where one model leads however great N is.
  const resolution = tournaments[0]?.resolution ?? Number.POSITIVE_INFINITY;
  const end = grid.at(-1)!;
  const beyond = resolution < end ? { from: Math.max(resolution, grid[0]!), to: end } : null;
  const stretches = winnerSegments(
    grid,
    sharing.map((models) => (models > 1 ? 'shared' : 'alone')),
  );
  const tied = stretches
    .filter(({ winner, from }) => winner === 'shared' && from < resolution)
    .map(({ from, to }) => ({ from, to: Math.min(to, resolution) }));
  return { tied, beyond };
}

interface Drawn {
  readonly rows: readonly string[];
  readonly segments: readonly Segment[];
  /** Where there are no segments: winners at the N that were not asked for. */
  readonly besides: readonly At[];
  readonly shared: Shared;
  /** Characters of the longest label. */
  readonly longest: number;
}

function drawing(result: SelectionResult, { rows, segments, besides, shared, longest }: Drawn): EChartsOption {
  const { N: grid } = result.curves;
  const colours = highlighted(result);
  const colourOf = (name: string) => LIGHT.series[colours.indexOf(name)] ?? LIGHT.axis;
  const labels = shortNames(rows, longest);
  const labelOf = (name: string) => labels[rows.indexOf(name)]!;
  const left = 26 + Math.max(...labels.map((label) => textWidth(label, 12.5)));
  const tournaments = byN(result).filter(({ winner }) => rows.includes(winner));
  return {
    grid: { left, right: 24, top: 10, bottom: 56, containLabel: false },
    // Without a grid the first and the last N are circles, which need room.
    xAxis: axisOption(
      { label: 'N (ratio)', scale: 'log2', min: 1, max: grid.at(-1)! * (segments.length > 0 ? 1 : 1.2) },
      'x',
      {
        gridLines: true,
        ...(longest < LONGEST && { most: MOST_SLIM }),
      },
    ),
    yAxis: namesOption(labels, 'y'),
    series: [
      ...shared.tied.map((stretch) => areaSeries(stretch, false)),
      ...(shared.beyond ? [areaSeries(shared.beyond, true)] : []),
      ...segments
        .filter(({ winner }) => rows.includes(winner))
        .map(({ winner, from, to }) => ({
          type: 'line' as const,
          symbol: 'none',
          silent: true,
          data: [
            [from, labelOf(winner)],
            [to, labelOf(winner)],
          ],
          lineStyle: { width: 14, color: colourOf(winner), opacity: 0.55, cap: 'butt' as const },
        })),
      ...(besides.length > 0
        ? [
            {
              type: 'scatter' as const,
              z: 4,
              symbol: 'circle',
              symbolSize: 8,
              data: besides
                .filter(({ winner }) => rows.includes(winner))
                .map(({ N, winner }) => ({
                  value: [N, labelOf(winner)],
                  tip: `N = ${compact(N)}: ${winner}`,
                  itemStyle: { color: colourOf(winner), opacity: 1 },
                })),
            },
          ]
        : []),
      {
        type: 'scatter',
        z: 5,
        symbol: 'circle',
        symbolSize: 14,
        data: tournaments.map((tournament) => ({
          value: [tournament.N, labelOf(tournament.winner)],
          tip: markTip(result, tournament.N),
          itemStyle: {
            color: tournament.verdict === 'clear' ? colourOf(tournament.winner) : LIGHT.surface,
            borderColor: colourOf(tournament.winner),
            borderWidth: 3,
            opacity: 1,
          },
        })),
      },
    ],
  } as EChartsOption;
}

/** Distance of the lines of a hatching. */
const HATCH = 9;

/** A stretch of N over the whole height: shaded, or hatched, so that the two differ without colour. */
function areaSeries({ from, to }: Stretch, hatched: boolean): object {
  return {
    type: 'custom',
    silent: true,
    z: 1,
    data: [0],
    renderItem: (
      { coordSys }: { coordSys: { y: number; height: number } },
      { coord }: { coord(point: readonly [number, number]): [number, number] },
    ) => {
      const [[left], [right]] = [coord([from, 0]), coord([to, 0])];
      const { y, height } = coordSys;
      if (!hatched) {
        const shape = { x: left, y, width: right - left, height };
        return { type: 'rect', shape, style: { fill: LIGHT.grid } };
      }
      // Lines that rise to the right, each cut off at the edges of the stretch.
      const count = Math.ceil((right - left + height) / HATCH);
      const children = Array.from({ length: count }, (_, index) => {
        const start = left - height + index * HATCH;
        const [x1, x2] = [Math.max(left, start), Math.min(right, start + height)];
        const shape = { x1, y1: y + height - (x1 - start), x2, y2: y + height - (x2 - start) };
        return { type: 'line', shape, style: { stroke: LIGHT.faint, lineWidth: 1 } };
      });
      return { type: 'group', children };
    },
  };
}

function markTip(result: SelectionResult, N: number): string {
  const tournament = result.tournaments.find((each) => each.N === N)!;
  const share = winShare(tournament, tournament.winner);
  const wins = share === null ? '' : `; wins ${roughPercent(share)} of the resamples`;
  return `N = ${compact(N)}: ${tournament.winner}, ${VERDICT_WORDS[tournament.verdict]}${wins}`;
}

interface At {
  readonly N: number;
  readonly winner: string;
}

/** The winners at the N of the curves that were not asked for. */
function besidesAsked({ curves, tournaments }: SelectionResult): At[] {
  const each = curves.N.map((N, index) => ({ N, winner: curves.winners[index]! }));
  return each.filter(({ N }) => !tournaments.some((asked) => asked.N === N));
}

interface Segment {
  readonly winner: string;
  readonly from: number;
  readonly to: number;
}

/** Runs of the same winner; a border lies half-way (in log N) between two grid points with different winners. */
function winnerSegments(grid: readonly number[], winners: readonly string[]): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  for (let index = 1; index <= grid.length; index += 1) {
    if (winners[index] === winners[start] && index < grid.length) continue;
    segments.push({
      winner: winners[start]!,
      from: start === 0 ? grid[0]! : Math.sqrt(grid[start - 1]! * grid[start]!),
      to: index === grid.length ? grid.at(-1)! : Math.sqrt(grid[index - 1]! * grid[index]!),
    });
    start = index;
  }
  return segments;
}

/** Winners at the asked N and on the grid, in the order in which they lead, and the cross-entropy pick. */
function rowModels(result: SelectionResult, segments: readonly Segment[]): string[] {
  const length = new Map<string, number>();
  for (const { winner, from, to } of segments) length.set(winner, (length.get(winner) ?? 0) + Math.log(to / from));
  const asked = new Set(result.tournaments.map(({ winner }) => winner));
  const kept = new Set(
    [...length.keys(), ...asked]
      .sort((a, b) => Number(asked.has(b)) - Number(asked.has(a)) || (length.get(b) ?? 0) - (length.get(a) ?? 0))
      .slice(0, MOST_ROWS),
  );
  return [...new Set([...segments.map(({ winner }) => winner), ...asked])].filter((name) => kept.has(name));
}
