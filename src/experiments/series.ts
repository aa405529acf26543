import type { Series } from '../results/plot.js';
import { numberCell, type Table } from '../results/table.js';
import { compact } from '../text/format.js';

/** Series in numbers. */
export function seriesTable(caption: string, variable: string, series: readonly Series[]): Table {
  return {
    caption,
    columns: [
      { label: 'series', name: true },
      { label: variable, align: 'right' },
      { label: 'mean', align: 'right' },
      { label: 'standard error', align: 'right' },
    ],
    rows: series.flatMap(({ name, points }) =>
      points.map(({ x, value, standardError }) => [
        { text: name },
        numberCell(x, compact),
        numberCell(value, compact),
        numberCell(standardError, compact),
      ]),
    ),
  };
}

/** The first and the last value of a series, in words. */
export function ends({ points }: Series): string {
  if (points.length === 0) return 'not known';
  const show = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(2));
  return `${show(points[0]!.value)} and ${show(points.at(-1)!.value)}`;
}

/** `count` values from `first` on, each `ratio` times the one before; rounded to whole numbers. */
export function geometric(first: number, ratio: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.round(first * ratio ** index));
}

/** The values of a sweep, or in the quick version every `stride`th. */
export function thinned<T>(values: readonly T[], quick: boolean, stride = 2): readonly T[] {
  return quick ? values.filter((_, index) => index % stride === 0) : values;
}

/** Numbers that go geometrically from `first` to `last`. */
export function ladder(first: number, last: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first * (last / first) ** (index / Math.max(1, count - 1)));
}
