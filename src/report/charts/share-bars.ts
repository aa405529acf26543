import type { EChartsOption } from 'echarts';
import { percent, roughPercent, shortName } from '../../text/format.js';
import { axisOption, namesOption } from './axis.js';
import { atBothWidths } from './figure.js';
import { boxAt, textAt } from './marks.js';
import { LIGHT } from './theme.js';

/** What a chart of shares shows: one bar for each row, divided among names. */
export interface ShareBars {
  readonly width: number;
  /** What a full bar is, e.g. `share of 1,000 resamples won`. */
  readonly label: string;
  readonly rows: readonly { readonly label: string; readonly shares: readonly number[] }[];
  /** One name for each share of a row. */
  readonly names: readonly string[];
  /** Names with a colour of their own; the others are summed up. */
  readonly highlighted: readonly string[];
}

const ROW = 42;
const LEFT = 84;
const KEY_COLUMNS = 3;
const KEY_ROW = 24;
const LEAST_WITH_TEXT = 0.06;

/** A chart of shares, at its own width and at that of a phone, where the names stand one below the other. */
export function shareBars({ width, ...chart }: ShareBars) {
  return atBothWidths(width, (wide) => drawing({ ...chart, width: wide }, wide === width ? KEY_COLUMNS : 1));
}

function drawing(
  { width, label, rows, names, highlighted }: ShareBars,
  keyColumns: number,
): { option: EChartsOption; height: number } {
  const own = highlighted
    .map((name, index) => ({ name, position: names.indexOf(name), colour: LIGHT.series[index]! }))
    .filter(({ position }) => position >= 0 && rows.some(({ shares }) => shares[position]! > 0));
  const rest = rows.map(({ shares }) => 1 - own.reduce((sum, { position }) => sum + shares[position]!, 0));
  const parts = [
    ...own.map(({ name, position, colour }) => ({ name, colour, values: rows.map(({ shares }) => shares[position]!) })),
    ...(rest.some((share) => share > 1e-9) ? [{ name: 'all others', colour: LIGHT.faint, values: rest }] : []),
  ];
  const top = 12 + Math.ceil(parts.length / keyColumns) * KEY_ROW;
  const option = {
    grid: { left: LEFT, right: 24, top, bottom: 50, containLabel: false },
    xAxis: axisOption({ label, scale: 'linear', min: 0, max: 1, format: (value) => percent(value, 100) }, 'x', {
      gridLines: true,
    }),
    yAxis: namesOption(
      rows.map((row) => row.label),
      'y',
    ),
    series: parts.map(({ name, values, colour }) => ({
      type: 'bar',
      stack: 'shares',
      barWidth: 24,
      itemStyle: { color: colour, borderColor: LIGHT.surface, borderWidth: 1.5 },
      label: { show: true, fontSize: 11.5, fontWeight: 600, color: LIGHT.surface, textBorderWidth: 0 },
      data: values.map((value, row) => ({
        value,
        tip: `${rows[row]!.label}: ${name} ${roughPercent(value)}`,
        label: { show: value >= LEAST_WITH_TEXT, formatter: roughPercent(value) },
      })),
    })),
    graphic: parts.flatMap(({ name, colour }, index) => {
      const x = (keyColumns === 1 ? 12 : LEFT) + (index % keyColumns) * ((width - LEFT - 16) / keyColumns);
      const y = 12 + Math.floor(index / keyColumns) * KEY_ROW;
      return [boxAt(x, y - 6, 12, 12, colour), textAt(x + 18, y, shortName(name, 34))];
    }),
  } as EChartsOption;
  return { option, height: top + rows.length * ROW + 56 };
}
