import { compact } from '../../text/format.js';
import { LIGHT } from './theme.js';

/** An axis of a figure. */
export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log2' | 'log10';
  readonly min: number;
  readonly max: number;
  readonly format?: (value: number) => string;
}

/** A linear axis around values: its ends are round, so that no odd number labels them. */
export function linearAxis(label: string, values: readonly number[], format?: (value: number) => string): Axis {
  const [low, high] = range(values);
  const step = roundStep((high - low || Math.abs(high) || 1) / 5);
  const ends = {
    min: Number((Math.floor(low / step + 1e-9) * step).toPrecision(12)),
    max: Number((Math.ceil(high / step - 1e-9) * step).toPrecision(12)),
  };
  if (ends.min === ends.max) ends.max += step;
  return { label, scale: 'linear', ...ends, ...(format && { format }) };
}

/** Least and greatest of values, without spreading long lists into arguments; [0, 1] of none. */
export function range(values: readonly number[]): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

/** A logarithmic axis spans at least this factor, or there would be no round value to label. */
const LEAST_RATIO = 4;

/**
 * A logarithmic axis for shares, on which small ones do not crowd together. Zero, which has no place on it, is drawn at
 * its lower end, half a case of `total`.
 */
export function shareAxis(label: string, shares: readonly number[], total: number): Axis {
  const positive = shares.filter((share) => share > 0);
  const [low, high] = positive.length > 0 ? range(positive) : [1 / total, 1];
  const max = Math.min(1, high * 1.15);
  const min = positive.length < shares.length ? Math.min(0.5 / total, low / 1.5) : low / 1.25;
  return { label, scale: 'log10', min: Math.min(min, max / LEAST_RATIO), max, format: shareLabel };
}

/** A share as a label of an axis: `0.2%`. */
export function shareLabel(share: number): string {
  return `${compact(share * 100, 3)}%`;
}

/** The least of 1, 2, 5 times a power of ten that is at least `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10);
}

/** Round places to label between the ends of an axis, rising: at most about `most`. */
export function ticks({ scale, min, max }: Axis, most = 8): number[] {
  if (scale === 'linear') {
    const step = roundStep((max - min) / most);
    const first = Math.ceil(min / step - 1e-9);
    const last = Math.floor(max / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  }
  if (scale === 'log2') return powers(2, min, max, [1], most);
  for (const factors of [
    [1, 2, 5],
    [1, 3],
  ]) {
    const fine = powers(10, min, max, factors, Number.POSITIVE_INFINITY);
    if (fine.length <= most) return fine;
  }
  return powers(10, min, max, [1], most);
}

/** Factors times powers of the base within [min, max]; every second, third, … power if there are more than `most`. */
function powers(base: number, min: number, max: number, factors: readonly number[], most: number): number[] {
  const low = Math.floor(Math.log(min) / Math.log(base) - 1e-9);
  const high = Math.ceil(Math.log(max) / Math.log(base) + 1e-9);
  const stride = Math.max(1, Math.ceil((high - low) / most));
  const result: number[] = [];
  for (let power = Math.ceil(low / stride) * stride; power <= high; power += stride) {
    for (const factor of factors) {
      const value = Number((factor * base ** power).toPrecision(12));
      if (value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)) result.push(value);
    }
  }
  return result;
}

/** The ECharts option of an axis in the style of all figures; `most` labels. */
export function axisOption(
  axis: Axis,
  side: 'x' | 'y',
  { gridLines = side === 'y', most = side === 'x' ? 11 : 8 } = {},
): object {
  const { label, scale, min, max, format = (value) => compact(value) } = axis;
  const customValues = ticks(axis, most);
  return {
    type: scale === 'linear' ? 'value' : 'log',
    ...(scale !== 'linear' && { logBase: scale === 'log2' ? 2 : 10 }),
    min,
    max,
    name: label,
    nameLocation: 'middle',
    nameGap: side === 'x' ? 32 : 50,
    nameTextStyle: { color: LIGHT.muted, fontSize: 12.5 },
    axisLabel: {
      color: LIGHT.muted,
      fontSize: 12,
      formatter: (value: number) => format(value),
      customValues,
      hideOverlap: true,
    },
    axisLine: { show: side === 'x', onZero: false, lineStyle: { color: LIGHT.axis } },
    axisTick: { show: side === 'x', lineStyle: { color: LIGHT.axis }, customValues },
    splitLine: { show: gridLines, lineStyle: { color: LIGHT.grid } },
    minorTick: { show: false },
  };
}

/** Labels that the x axis of a slim figure has room for. */
export const MOST_SLIM = 6;

/** The option of an axis of names, first at the top or left. */
export function namesOption(names: readonly string[], side: 'x' | 'y', fontSize = 12.5): object {
  return {
    type: 'category',
    inverse: side === 'y',
    data: [...names],
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: LIGHT.ink, fontSize, interval: 0, ...(side === 'y' && { margin: 12 }) },
  };
}
