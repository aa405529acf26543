import type { LearningPlot } from '../../results/plot.js';
import { compact } from '../../text/format.js';
import { type Axis, linearAxis } from '../axis.js';
import { type Curve, colourNote, curveChart } from '../curve-chart.js';
import type { Figure } from '../figure.js';

/** What a figure of learning curves shows. */
export interface LearningCurves extends Omit<LearningPlot, 'kind'> {
  /** How values are written; default four significant digits. */
  readonly format?: (value: number) => string;
}

const WIDE = { width: 900, height: 420, labelRoom: 220 };
const NARROW = { width: 560, height: 400, labelRoom: 116 };
/** More marks than this would hide the line. */
const MOST_MARKED = 40;

/** A figure of quantities over the steps of training; up to seven curves are coloured. */
export function learningCurveFigure(input: LearningCurves): Figure {
  const {
    id,
    title,
    caption,
    description,
    steps,
    label,
    stepLabel = 'step',
    scale = 'linear',
    format = compact,
    stepScale = 'linear',
    narrow = false,
  } = input;
  const { labelRoom, ...size } = narrow ? NARROW : WIDE;
  const drawable = (value: number | null) => value !== null && (scale === 'linear' || value > 0);
  const curves = input.curves.map(({ name, values, intervals, dashed = false }): Curve => {
    const points = steps
      .map((step, at) => [step, drawable(values[at] ?? null) ? values[at]! : null] as const)
      .filter(([step]) => stepScale === 'linear' || step > 0);
    return {
      name,
      points,
      dashed,
      marks:
        points.length > MOST_MARKED
          ? []
          : points.flatMap(([x, y]) =>
              y === null ? [] : [{ x, y, tip: `${name}, ${stepLabel} ${compact(x, 8)}: ${format(y)}` }],
            ),
      ...(intervals && {
        band: steps.flatMap((step, at): [number, number, number][] => {
          const interval = intervals[at];
          return interval && (stepScale === 'linear' || step > 0) ? [[step, interval[0], interval[1]]] : [];
        }),
      }),
    };
  });
  const values = curves.flatMap(({ points, band = [] }) => [
    ...points.flatMap(([, y]) => y ?? []),
    ...band.flatMap(([, low, high]) => [low, high]).filter(drawable),
  ]);
  return {
    id,
    title,
    caption: caption + colourNote(curves.length, Math.min(curves.length, 7)),
    description,
    ...size,
    option: curveChart({
      ...size,
      labelRoom,
      x: { ...stepAxis(stepLabel, steps, stepScale), format: (value) => compact(value, 8) },
      y: valueAxis(label, values, scale, format),
      curves,
    }),
  };
}

function stepAxis(label: string, steps: readonly number[], scale: 'linear' | 'log10'): Axis {
  const positive = steps.filter((step) => step > 0);
  if (scale === 'linear' || positive.length === 0) return linearAxis(label, steps);
  return { label, scale, min: positive[0]!, max: Math.max(positive.at(-1)!, 4 * positive[0]!) };
}

function valueAxis(
  label: string,
  values: readonly number[],
  scale: 'linear' | 'log10',
  format: (value: number) => string,
): Axis {
  if (scale === 'linear') return linearAxis(label, values, format);
  const positive = values.filter((value) => value > 0);
  const low = positive.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = positive.reduce((greatest, value) => Math.max(greatest, value), 0);
  return positive.length > 0
    ? { label, scale, min: low / 1.2, max: high * 1.2, format }
    : { label, scale, min: 0.1, max: 1, format };
}
