import type { EChartsOption } from 'echarts';
import type { Interval } from '../../results/estimate.js';
import { shortNames } from '../../text/format.js';
import { type Axis, axisOption, namesOption } from './axis.js';
import { atBothWidths } from './figure.js';
import { textWidth } from './marks.js';
import { LIGHT } from './theme.js';

/** A row of an interval chart. */
interface IntervalRow {
  readonly name: string;
  readonly value: number;
  readonly interval: Interval | null;
  readonly tip: string;
  /** A colour of the light theme; default that of the axis. */
  readonly colour?: string;
}

/** What an interval chart shows: a point and its interval for each name, the first on top. */
export interface IntervalChart {
  readonly width: number;
  readonly x: Axis;
  readonly rows: readonly IntervalRow[];
}

const ROW = 22;

/** An interval chart, at its own width and at that of a phone, where names are cut shorter. */
export function intervalChart({ width, ...chart }: IntervalChart) {
  return atBothWidths(width, (wide) => drawing({ ...chart, width: wide }, wide === width ? 34 : 18));
}

function drawing({ width, x, rows }: IntervalChart, longest: number): { option: EChartsOption; height: number } {
  const labels = shortNames(
    rows.map(({ name }) => name),
    longest,
  );
  const left = Math.min(width / 2, 26 + Math.max(0, ...labels.map((label) => textWidth(label))));
  const place = (value: number) => Math.min(Math.max(value, x.min), x.max);
  const option = {
    grid: { left, right: 28, top: 8, bottom: 50, containLabel: false },
    xAxis: axisOption(x, 'x', { gridLines: true }),
    yAxis: namesOption(labels, 'y', 12),
    series: [
      {
        type: 'custom',
        silent: true,
        z: 3,
        data: rows.map((_, index) => index),
        renderItem: (
          { dataIndex }: { dataIndex: number },
          { coord }: { coord(point: readonly [number, number]): [number, number] },
        ) => {
          const { interval, colour = LIGHT.axis } = rows[dataIndex]!;
          if (!interval) return null;
          const [x1, y] = coord([place(interval[0]), dataIndex]);
          const [x2] = coord([place(interval[1]), dataIndex]);
          return {
            type: 'line',
            shape: { x1, y1: y, x2, y2: y },
            style: { stroke: colour, lineWidth: 2.4, opacity: 0.6 },
          };
        },
      },
      {
        type: 'scatter',
        z: 4,
        symbolSize: 9,
        data: rows.map(({ value, tip, colour = LIGHT.axis }, index) => ({
          value: [place(value), index],
          tip,
          itemStyle: { color: colour, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
        })),
      },
    ],
  } as EChartsOption;
  return { option, height: 62 + rows.length * ROW };
}
