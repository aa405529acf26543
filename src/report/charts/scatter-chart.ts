import type { EChartsOption } from 'echarts';
import { listed, shortName } from '../../text/format.js';
import { type Axis, axisOption, MOST_SLIM } from './axis.js';
import { atBothWidths } from './figure.js';
import { DIAMOND, polygonAt, SQUARE, TRIANGLE, textAt } from './marks.js';
import { LIGHT } from './theme.js';

/** A point of a scatter chart. */
export interface Point {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Said on hovering. */
  readonly tip: string;
}

/** What a scatter chart shows; sizes in pixels. */
export interface ScatterChart {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly points: readonly Point[];
  /** Points to mark and name, by what picks them; criteria that pick the same point share a mark. At most three. */
  readonly picks: readonly { readonly criterion: string; readonly name: string }[];
}

const KEY_ROW = 22;
/** Beyond so many points those that are not picked are dots of one path, which say nothing on hovering: each by itself they
 * would weigh megabytes. */
const MOST_WITH_TIPS = 300;

/** How picks are marked; circles are all the others. */
const MARKS = [
  { symbol: 'diamond', corners: DIAMOND, size: 16, colour: LIGHT.series[0]! },
  { symbol: 'rect', corners: SQUARE, size: 12, colour: LIGHT.series[1]! },
  { symbol: 'triangle', corners: TRIANGLE, size: 13, colour: LIGHT.series[2]! },
] as const;

/** A scatter chart, the picked points marked and named in a key above the plot. */
export function scatterChart({ width, height, ...chart }: ScatterChart) {
  return atBothWidths(width, (wide) => ({
    height: wide === width ? height : SLIM_HEIGHT,
    option: drawing(chart, Math.floor((wide - 40) / 7.2), wide === width ? {} : { most: MOST_SLIM }),
  }));
}

const SLIM_HEIGHT = 330;

/** `room`: characters that a line of the key holds. */
function drawing(
  { x, y, points, picks }: Omit<ScatterChart, 'width' | 'height'>,
  room: number,
  labels: { readonly most?: number },
): EChartsOption {
  const names = [...new Set(picks.map(({ name }) => name))];
  const keyRows = Math.max(2, names.length);
  const place = (value: number, axis: Axis) => Math.min(Math.max(value, axis.min), axis.max);
  const series = (chosen: (name: string) => boolean, symbol: string, size: number, colour: string, z: number) => ({
    type: 'scatter',
    z,
    symbol,
    symbolSize: size,
    itemStyle: { color: colour, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
    data: points
      .filter(({ name }) => chosen(name))
      .map((point) => ({ value: [place(point.x, x), place(point.y, y)], tip: point.tip })),
  });
  const others = (name: string) => !names.includes(name);
  const placed = points
    .filter(({ name }) => others(name))
    .map((point) => [place(point.x, x), place(point.y, y)] as const);
  return {
    grid: { left: 70, right: 20, top: 14 + keyRows * KEY_ROW, bottom: 52, containLabel: false },
    xAxis: axisOption(x, 'x', labels),
    yAxis: axisOption(y, 'y'),
    series: [
      points.length > MOST_WITH_TIPS
        ? dotsSeries(placed, 5, LIGHT.axis, 3)
        : series(others, 'circle', points.length > 60 ? 6 : 9, LIGHT.axis, 3),
      ...names.map((picked, index) => {
        const { symbol, size, colour } = MARKS[index]!;
        return series((name) => name === picked, symbol, size, colour, 10 - index);
      }),
    ],
    graphic: names.flatMap((name, index) => {
      const criteria = listed(picks.filter((pick) => pick.name === name).map(({ criterion }) => criterion));
      const { corners, colour } = MARKS[index]!;
      const y = 14 + index * KEY_ROW;
      return [
        polygonAt(16, y, corners, colour),
        textAt(30, y, `${criteria}: ${shortName(name, Math.max(12, room - criteria.length))}`),
      ];
    }),
  } as EChartsOption;
}

/** Many dots as one path: lines of hardly any length with round ends. */
function dotsSeries(points: readonly (readonly [number, number])[], size: number, colour: string, z: number): object {
  return {
    type: 'custom',
    silent: true,
    z,
    data: [0],
    renderItem: (_: unknown, { coord }: { coord(point: readonly [number, number]): [number, number] }) => {
      const pathData = points
        .map((point) => {
          const [x, y] = coord(point);
          return `M${x.toFixed(1)} ${y.toFixed(1)}h.1`;
        })
        .join('');
      const style = { stroke: colour, lineWidth: size, lineCap: 'round', fill: 'none' };
      return { type: 'path', shape: { pathData }, style };
    },
  };
}
