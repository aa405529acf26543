import type { EChartsOption } from 'echarts';
import { shortNames } from '../../text/format.js';
import { type Axis, axisOption, MOST_SLIM } from './axis.js';
import { boxAt, symbolOf, textAt } from './marks.js';
import { LIGHT } from './theme.js';

/** One line of a line chart. */
export interface Line {
  /** Label at its right end; empty for none. */
  readonly label: string;
  /** A colour of the light theme; `null` draws the line faint, as background. */
  readonly colour: string | null;
  /** Points by rising x; `null` leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  readonly dashed?: boolean;
  /** Whether each y holds from just after the x before it up to its own, as in an empirical tail. */
  readonly steps?: boolean;
  /** Points to mark, with what hovering says of them. */
  readonly marks?: readonly { readonly x: number; readonly y: number; readonly tip: string }[];
  /** A band around the line: x, lower and upper end. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

/** What a line chart shows; sizes in pixels. */
export interface LineChart {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  /** Later lines lie above earlier ones. */
  readonly lines: readonly Line[];
  /** Room for the labels at the right; default 190. */
  readonly labelRoom?: number;
  /** Whether the labels stand above the plot instead, one below the other, as where there is no room beside it. */
  readonly labelsAbove?: boolean;
}

const MARGIN = { left: 72, top: 18, bottom: 52 };
const LABEL_HEIGHT = 16;
const KEY_ROW = 19;

/**
 * The option of a line chart with labels at the ends of the lines instead of a legend, moved apart where they would
 * overlap. What lies outside the y axis is drawn on its end: zero has no other place on a logarithmic axis.
 */
export function lineChart({ labelsAbove = false, labelRoom = 190, ...chart }: LineChart): EChartsOption {
  const { width, height, x, y, lines } = chart;
  const place = (value: number) => clamp(value, y.min, y.max);
  const top = MARGIN.top + (labelsAbove ? keyHeight(lines) : 0);
  const right = labelsAbove ? 18 : labelRoom;
  return {
    grid: { ...MARGIN, top, right, containLabel: false },
    xAxis: axisOption(x, 'x', labelsAbove ? { most: MOST_SLIM } : {}),
    yAxis: axisOption(y, 'y'),
    series: [
      ...faintSeries(lines.filter(isPlainFaint), place),
      ...lines.filter((line) => !isPlainFaint(line)).flatMap((line) => lineSeries(line, place)),
    ],
    graphic: labelsAbove ? keyAbove(lines, width) : endLabels(lines, { x, y }, { width, height, right }),
  } as EChartsOption;
}

/** Height of the labels above a plot. */
export function keyHeight(lines: readonly Pick<Line, 'label' | 'colour'>[]): number {
  return lines.filter(({ label, colour }) => label && colour).length * KEY_ROW;
}

function keyAbove(lines: readonly Line[], width: number): object[] {
  // The line on top, which is the last, is named first.
  const labelled = lines.filter(({ label, colour }) => label && colour).reverse();
  const names = shortNames(
    labelled.map(({ label }) => label),
    // Bold letters are about 8 wide.
    Math.floor((width - 40) / 8),
  );
  return labelled.flatMap(({ colour }, index) => {
    const y = 10 + index * KEY_ROW;
    return [boxAt(8, y - 2, 16, 4, colour!), textAt(32, y, names[index]!, { fill: colour!, bold: true })];
  });
}

function lineSeries(line: Line, place: (y: number) => number): object[] {
  const colour = line.colour ?? LIGHT.faint;
  const z = line.colour ? 4 : 2;
  const { marks = [], band = [] } = line;
  return [
    ...(band.length > 1 ? [bandSeries(band, colour, place)] : []),
    {
      type: 'line',
      silent: true,
      symbol: 'none',
      z,
      ...(line.steps && { step: 'start' }),
      data: line.points.map(([x, y]) => [x, y === null ? null : place(y)]),
      lineStyle: { color: colour, width: line.colour ? 2.2 : 1, type: line.dashed ? [6, 4] : 'solid' },
    },
    ...(marks.length > 0
      ? [
          {
            type: 'scatter',
            z: z + 1,
            symbol: symbolOf(colour),
            symbolSize: 9,
            data: marks.map(({ x, y, tip }) => ({ value: [x, place(y)], tip })),
            itemStyle: { color: colour, opacity: 1, borderColor: LIGHT.surface, borderWidth: 1 },
          },
        ]
      : []),
  ];
}

/** Whether a line is background and nothing else. */
function isPlainFaint({ colour, dashed = false, marks = [], band = [] }: Line): boolean {
  return colour === null && !dashed && marks.length === 0 && band.length === 0;
}

/** The lines of the background as one path: hundreds of series would take most of the time that a page does. */
function faintSeries(lines: readonly Line[], place: (y: number) => number): object[] {
  if (lines.length === 0) return [];
  return [
    {
      type: 'custom',
      silent: true,
      clip: true,
      z: 2,
      data: [0],
      renderItem: (_: unknown, { coord }: { coord(point: readonly [number, number]): [number, number] }) => {
        const pixels = (stretch: [x: number, y: number][]) => stretch.map(([x, y]) => coord([x, place(y)]));
        const pathOf = (line: Line) =>
          stretches(line)
            .map((stretch) => polyline(pixels(stretch), line.steps))
            .join('');
        const style = { stroke: LIGHT.faint, lineWidth: 1, lineJoin: 'bevel', fill: 'none' };
        return { type: 'path', shape: { pathData: lines.map(pathOf).join('') }, style };
      },
    },
  ];
}

/** The points between the gaps of a line; where steps are drawn, the first y after a gap holds from the gap on. */
function stretches({ points, steps = false }: Line): [x: number, y: number][][] {
  const all: [number, number][][] = [[]];
  let gap: number | null = null;
  for (const [x, y] of points) {
    if (y === null) {
      all.push([]);
      gap = x;
    } else {
      if (steps && gap !== null) all.at(-1)!.push([gap, y]);
      all.at(-1)!.push([x, y]);
      gap = null;
    }
  }
  return all.filter((stretch) => stretch.length > 1);
}

/** A path through pixels, to a tenth, without points in the middle of a level stretch. */
function polyline(pixels: readonly (readonly [number, number])[], steps = false): string {
  const rounded = pixels.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10] as const);
  return rounded
    .map(([x, y], at) => {
      if (at === 0) return `M${x} ${y}`;
      const before = rounded[at - 1]![1];
      if (before === y) return rounded[at + 1]?.[1] === y ? '' : `H${x}`;
      return steps ? `V${y}H${x}` : `L${x} ${y}`;
    })
    .join('');
}

function bandSeries(band: NonNullable<Line['band']>, colour: string, place: (y: number) => number): object {
  return {
    type: 'custom',
    silent: true,
    z: 1,
    data: [0],
    renderItem: (_: unknown, { coord }: { coord(point: readonly [number, number]): [number, number] }) => ({
      type: 'polygon',
      shape: {
        points: [
          ...band.map(([x, low]) => coord([x, place(low)])),
          ...[...band].reverse().map(([x, , high]) => coord([x, place(high)])),
        ],
      },
      style: { fill: colour, opacity: 0.16 },
    }),
  };
}

function endLabels(
  lines: readonly Line[],
  { x, y }: { x: Axis; y: Axis },
  box: { width: number; height: number; right: number },
): object[] {
  const labelled = lines.flatMap(({ label, colour, points }) => {
    const end = points.findLast(([, value]) => value !== null);
    return label && colour && end ? [{ label, colour, x: end[0], y: end[1]! }] : [];
  });
  const [top, bottom] = [MARGIN.top, box.height - MARGIN.bottom];
  const wanted = labelled.map((end) => bottom - fraction(end.y, y) * (bottom - top));
  const placed = spread(wanted, LABEL_HEIGHT, top, bottom);
  const edge = box.width - box.right;
  const names = shortNames(
    labelled.map(({ label }) => label),
    Math.floor((box.right - 34) / 7.8),
  );
  return labelled.flatMap(({ colour, x: endX }, index) => {
    const from = MARGIN.left + fraction(endX, x) * (edge - MARGIN.left);
    return [
      {
        type: 'polyline',
        silent: true,
        shape: {
          points: [
            [from + 4, wanted[index]!],
            [Math.max(edge, from) + 8, wanted[index]!],
            [edge + 20, placed[index]!],
            [edge + 24, placed[index]!],
          ],
        },
        style: { stroke: colour, lineWidth: 1, fill: 'none', opacity: 0.7 },
      },
      textAt(edge + 28, placed[index]!, names[index]!, { fill: colour, bold: true }),
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
