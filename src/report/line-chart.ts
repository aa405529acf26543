import type { EChartsOption } from 'echarts';
import { compact, shortNames } from './format.js';
import { LIGHT } from './theme.js';

/** One line of a line chart. */
export interface Line {
  /** Label at its right end; empty for none. */
  readonly label: string;
  /** `null` draws the line faint, as background. */
  readonly colour: string | null;
  /** Points by rising x; `null` leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  readonly dashed?: boolean;
  /** Points to mark, with what hovering says of them. */
  readonly marks?: readonly { readonly x: number; readonly y: number; readonly tip: string }[];
  /** A band around the line: x, lower and upper end. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

/** An axis of a line chart. */
export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log2' | 'log10';
  readonly min: number;
  readonly max: number;
  readonly format?: (value: number) => string;
}

export interface LineChart {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** Room for the labels at the right, in pixels; default 190. */
  readonly labelRoom?: number;
}

const MARGIN = { left: 68, top: 18, bottom: 52 };
const LABEL_HEIGHT = 16;
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin', 'arrow'];

/**
 * The option of a line chart with labels at the ends of the lines instead of a legend, moved apart where they would
 * overlap. Points at or below the lower end of a logarithmic axis are drawn on it.
 */
export function lineChart({ width, height, x, y, lines, labelRoom = 190 }: LineChart): EChartsOption {
  const grid = { ...MARGIN, right: labelRoom };
  const place = (value: number) => clamp(y.scale === 'linear' ? value : Math.max(value, y.min), y.min, y.max);
  const series = lines.flatMap((line, index) => lineSeries(line, index, place));
  return {
    grid: { ...grid, containLabel: false },
    xAxis: axis(x, 'x'),
    yAxis: axis(y, 'y'),
    series,
    graphic: endLabels(lines, { x, y }, { width, height, right: labelRoom }),
  } as EChartsOption;
}

function lineSeries(line: Line, index: number, place: (y: number) => number): object[] {
  const colour = line.colour ?? LIGHT.faint;
  const z = line.colour ? 4 : 2;
  const shared = { silent: true, symbol: 'none', animation: false };
  const band = line.band ?? [];
  const bandSeries =
    band.length < 2
      ? []
      : [
          {
            ...shared,
            type: 'custom',
            z: 1,
            data: [0],
            renderItem: (_: unknown, api: { coord(point: number[]): number[] }) => ({
              type: 'polygon',
              shape: {
                points: [
                  ...band.map(([x, low]) => api.coord([x, place(low)])),
                  ...[...band].reverse().map(([x, , high]) => api.coord([x, place(high)])),
                ],
              },
              style: { fill: colour, opacity: 0.16 },
            }),
          },
        ];
  return [
    ...bandSeries,
    {
      ...shared,
      type: 'line',
      z,
      data: line.points.map(([x, y]) => [x, y === null ? null : place(y)]),
      lineStyle: { color: colour, width: line.colour ? 2.2 : 1, type: line.dashed ? [6, 4] : 'solid' },
    },
    ...(line.marks?.length
      ? [
          {
            type: 'scatter',
            z: z + 1,
            symbol: SYMBOLS[index % SYMBOLS.length],
            symbolSize: 8,
            data: line.marks.map((mark) => ({ value: [mark.x, place(mark.y)], tip: mark.tip })),
            itemStyle: { color: colour, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
          },
        ]
      : []),
  ];
}

/** The option of an axis in the style of all figures. */
export function axis({ label, scale, min, max, format = (value) => compact(value) }: Axis, side: 'x' | 'y'): object {
  return {
    type: scale === 'linear' ? 'value' : 'log',
    ...(scale !== 'linear' && { logBase: scale === 'log2' ? 2 : 10 }),
    min,
    max,
    name: label,
    nameLocation: 'middle',
    nameGap: side === 'x' ? 32 : 50,
    nameTextStyle: { color: LIGHT.muted, fontSize: 12.5 },
    axisLabel: { color: LIGHT.muted, fontSize: 12, formatter: format, showMinLabel: true, hideOverlap: true },
    axisLine: { show: side === 'x', onZero: false, lineStyle: { color: LIGHT.axis } },
    axisTick: { show: side === 'x', lineStyle: { color: LIGHT.axis } },
    splitLine: { show: side === 'y', lineStyle: { color: LIGHT.grid } },
    minorTick: { show: false },
  };
}

function endLabels(
  lines: readonly Line[],
  { x, y }: { x: Axis; y: Axis },
  box: { width: number; height: number; right: number },
): object[] {
  const labelled = lines.flatMap((line) => {
    const end = line.points.findLast(([, value]) => value !== null);
    return line.label && line.colour && end ? [{ line, x: end[0], y: end[1]! }] : [];
  });
  const [top, bottom] = [MARGIN.top, box.height - MARGIN.bottom];
  const wanted = labelled.map((end) => bottom - fraction(end.y, y) * (bottom - top));
  const placed = spread(wanted, LABEL_HEIGHT, top, bottom);
  const edge = box.width - box.right;
  const names = shortNames(
    labelled.map(({ line }) => line.label),
    Math.floor((box.right - 34) / 6.9),
  );
  return labelled.flatMap(({ line, x: endX }, index) => {
    const from = MARGIN.left + fraction(endX, x) * (edge - MARGIN.left);
    return [
      {
        type: 'polyline',
        silent: true,
        shape: {
          points: [
            [from + 3, wanted[index]!],
            [Math.max(edge, from) + 8, wanted[index]!],
            [edge + 20, placed[index]!],
            [edge + 24, placed[index]!],
          ],
        },
        style: { stroke: line.colour, lineWidth: 1, fill: 'none', opacity: 0.7 },
      },
      {
        type: 'text',
        silent: true,
        x: edge + 28,
        y: placed[index]!,
        style: { text: names[index]!, fill: line.colour, fontSize: 12, fontWeight: 600, verticalAlign: 'middle' },
      },
    ];
  });
}

function fraction(value: number, { scale, min, max }: Axis): number {
  const shape = scale === 'linear' ? (each: number) => each : (each: number) => Math.log(Math.max(each, min));
  return max > min ? clamp((shape(value) - shape(min)) / (shape(max) - shape(min)), 0, 1) : 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/**
 * Positions at least `gap` apart within [low, high], in the order of the wanted ones and as near to them as pushing
 * neighbours apart evenly gives. If there is not enough room, the gap shrinks.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const step = Math.min(gap, order.length > 1 ? (high - low) / (order.length - 1) : gap);
  // Groups of touching labels, each centred on the mean of what its members want, merged while they overlap.
  const groups: { members: number[]; start: number }[] = [];
  const startOf = (members: readonly number[]) => {
    const mean = members.reduce((sum, member, rank) => sum + wanted[member]! - rank * step, 0) / members.length;
    return clamp(mean, low, Math.max(low, high - (members.length - 1) * step));
  };
  for (const index of order) {
    let group = { members: [index], start: startOf([index]) };
    for (
      let last = groups.at(-1);
      last && last.start + last.members.length * step > group.start;
      last = groups.at(-1)
    ) {
      groups.pop();
      const members = [...last.members, ...group.members];
      group = { members, start: startOf(members) };
    }
    groups.push(group);
  }
  const placed = new Array<number>(wanted.length);
  for (const { members, start } of groups) {
    for (const [rank, index] of members.entries()) placed[index] = start + rank * step;
  }
  return placed;
}
