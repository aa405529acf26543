import type { EChartsOption } from 'echarts';
import { percent, roughPercent, shortName } from '../../text/format.js';
import { axisOption, namesOption } from './axis.js';
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

/** The option of a chart of shares and the height it needs. */
export function shareBars({ width, label, rows, names, highlighted }: ShareBars): {
  option: EChartsOption;
  height: number;
} {
  const own = highlighted
    .map((name, index) => ({ name, position: names.indexOf(name), colour: LIGHT.series[index]! }))
    .filter(({ position }) => position >= 0 && rows.some(({ shares }) => shares[position]! > 0));
  const rest = rows.map(({ shares }) => 1 - own.reduce((sum, { position }) => sum + shares[position]!, 0));
  const parts = [
    ...own.map(({ name, position, colour }) => ({ name, colour, values: rows.map(({ shares }) => shares[position]!) })),
    ...(rest.some((share) => share > 1e-9) ? [{ name: 'all others', colour: LIGHT.faint, values: rest }] : []),
  ];
  const top = 12 + Math.ceil(parts.length / KEY_COLUMNS) * KEY_ROW;
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
      const x = LEFT + (index % KEY_COLUMNS) * ((width - LEFT - 16) / KEY_COLUMNS);
      const y = 12 + Math.floor(index / KEY_COLUMNS) * KEY_ROW;
      return [boxAt(x, y - 6, 12, 12, colour), textAt(x + 18, y, shortName(name, 34))];
    }),
  } as EChartsOption;
  return { option, height: top + rows.length * ROW + 56 };
}
