import type { LearningPlot } from '../../results/plot.js';
import { compact, count, listed, percent, plural } from '../../text/format.js';
import { build, plotGiven } from '../fault.js';
import { type Axis, linearAxis, range, shareAxis } from './axis.js';
import { type Curve, colourNote, curveChart } from './curve-chart.js';
import type { Figure } from './figure.js';
import { LIGHT } from './theme.js';

/** A quantity over steps, each curve at steps of its own. */
export interface StepCurve extends Pick<Curve, 'name' | 'points' | 'dashed' | 'band'> {}

/** What a figure of curves over the steps of training shows. */
export interface StepFigure
  extends Pick<LearningPlot, 'id' | 'title' | 'caption' | 'label' | 'stepLabel' | 'stepScale' | 'narrow'> {
  readonly curves: readonly StepCurve[];
  /** What the curves are of, for the caption; default `curve`. */
  readonly noun?: string;
  /** Default: what the curves come to at the end. */
  readonly description?: string;
  /** Default linear; `log10` leaves out what is not positive; `share` is logarithmic, too, with zero at its lower end. */
  readonly scale?: 'linear' | 'log10' | 'share';
  /** Cases that a share is of: zero is drawn as half of one. Default: more than held-out responses ever are. */
  readonly total?: number;
  /** How values are written; default four significant digits, shares in percent. */
  readonly format?: (value: number) => string;
}

const WIDE = { width: 900, height: 420, labelRoom: 220 };
const NARROW = { width: 560, height: 400, labelRoom: 116 };
/** A single curve is named by the title. */
const NO_LABELS = 40;
/** More marks than this would hide the line. */
const MOST_MARKED = 60;
/** Below any share that held-out responses can show. */
const RESOLUTION = 100_000;
/** Curves whose ends a description tells. */
const MOST_TOLD = 8;

/** What `learningCurveFigure` draws: a plot as plain data, and how its values are written. */
export interface LearningCurves extends Omit<LearningPlot, 'kind'>, Pick<StepFigure, 'format'> {}

/** A figure of learning curves; as many of them as there are colours are coloured. */
export function learningCurveFigure(input: LearningCurves): Figure {
  return build('learningCurveFigure()', plotGiven(input, { kind: 'learning', format: undefined }), () => {
    const { steps, curves, ...plot } = input;
    return stepFigure({
      ...plot,
      curves: curves.map(({ name, values, intervals, dashed = false }) => ({
        name,
        dashed,
        points: steps.map((step, at) => [step, values[at] ?? null] as const),
        ...(intervals && {
          band: steps.flatMap((step, at): [number, number, number][] => {
            const interval = intervals[at];
            return interval ? [[step, ...interval]] : [];
          }),
        }),
      })),
    });
  });
}

/** A figure of curves over steps. */
export function stepFigure(figure: StepFigure): Figure {
  const {
    id,
    title,
    label,
    total = RESOLUTION,
    stepLabel = 'step',
    scale = 'linear',
    stepScale = 'linear',
    narrow = false,
  } = figure;
  const { format = scale === 'share' ? (value) => percent(value, total) : (value) => compact(value) } = figure;
  const drawable = (value: number | null) => value !== null && (scale !== 'log10' || value > 0);
  const hasPlace = ([step]: readonly [number, ...unknown[]]) => stepScale === 'linear' || step > 0;
  const curves = figure.curves.map(({ name, points, dashed = false, band }): Curve => {
    const placed = points.filter(hasPlace).map(([step, value]) => [step, drawable(value) ? value : null] as const);
    return {
      name,
      points: placed,
      dashed,
      marks:
        placed.length > MOST_MARKED
          ? []
          : placed.flatMap(([x, y]) =>
              y === null ? [] : [{ x, y, tip: `${name}, ${stepLabel} ${stepText(x)}: ${format(y)}` }],
            ),
      ...(band && { band: band.filter(hasPlace) }),
    };
  });
  const { labelRoom, ...size } = narrow ? NARROW : WIDE;
  const values = curves.flatMap(({ points, band = [] }) => [
    ...points.flatMap(([, value]) => value ?? []),
    ...band.flatMap(([, low, high]) => [low, high]).filter(drawable),
  ]);
  const steps = curves.flatMap(({ points }) => points.flatMap(([step, value]) => (value === null ? [] : [step])));
  const single = curves.length === 1;
  return {
    id,
    title,
    caption:
      figure.caption +
      (scale === 'share' && values.some((value) => value <= 0)
        ? ' Lines that reach the bottom edge are at zero.'
        : '') +
      colourNote(curves.length, Math.min(curves.length, LIGHT.series.length), figure.noun ?? 'curve'),
    description: figure.description ?? describe(curves, range(steps), format),
    ...curveChart({
      ...size,
      labelRoom: single ? NO_LABELS : labelRoom,
      labels: !single,
      x: { ...stepAxis(stepLabel, steps, stepScale), format: stepLabelText },
      y: scale === 'share' ? shareAxis(label, values, total) : valueAxis(label, values, scale, format),
      curves,
    }),
  };
}

function describe(curves: readonly Curve[], [first, last]: [number, number], format: (value: number) => string) {
  const ends = curves.flatMap(({ name, points }) => {
    const end = points.findLast(([, value]) => value !== null);
    return end ? [`${name} ${format(end[1]!)}`] : [];
  });
  const told = `${listed(ends.slice(0, MOST_TOLD))}${ends.length > MOST_TOLD ? ', …' : ''}`;
  return `${plural(curves.length, 'curve')} over steps ${stepText(first)} to ${stepText(last)}; at the end ${told}.`;
}

function stepText(step: number): string {
  return Number.isInteger(step) ? count(step) : compact(step, 8);
}

/** A step as a label of an axis, where there is little room: `20k`. */
function stepLabelText(step: number): string {
  return step >= 10_000 && step % 1000 === 0 ? `${count(step / 1000)}k` : stepText(step);
}

function stepAxis(label: string, steps: readonly number[], scale: 'linear' | 'log10'): Axis {
  const [min, max] = range(steps);
  if (scale === 'linear') return { label, scale, min, max: max > min ? max : min + 1 };
  return steps.length > 0 ? { label, scale, min, max: Math.max(max, 4 * min) } : { label, scale, min: 1, max: 4 };
}

function valueAxis(
  label: string,
  values: readonly number[],
  scale: 'linear' | 'log10',
  format: (value: number) => string,
): Axis {
  if (scale === 'linear') return linearAxis(label, values, format);
  const [low, high] = range(values.filter((value) => value > 0));
  return { label, scale, min: (low || 0.12) / 1.2, max: high * 1.2, format };
}
