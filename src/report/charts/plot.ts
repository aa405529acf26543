import type { Plot, ScatterPlot, SweepPlot } from '../../results/plot.js';
import { compact } from '../../text/format.js';
import type { Figure } from '../charts/figure.js';
import { build, plotGiven } from '../fault.js';
import { linearAxis } from './axis.js';
import { curveChart } from './curve-chart.js';
import { learningCurveFigure } from './learning-curve.js';
import { scatterChart } from './scatter-chart.js';

/** Draws a plot. */
export function plotFigure(plot: Plot): Figure {
  return build('plotFigure()', plotGiven(plot), () => {
    if (plot.kind === 'sweep') return sweepFigure(plot);
    if (plot.kind === 'scatter') return scatterFigure(plot);
    return learningCurveFigure(plot);
  });
}

const SIZE = { width: 900, height: 420 };
/** Scatters stand side by side, and sweeps whose series have short names. */
const NARROW = { width: 560, height: 400 };
const NARROW_LABELS = 136;
/** Names up to this length fit into the narrow one. */
const SHORT_NAME = 13;

function sweepFigure({ id, title, caption, variable, quantity, series }: SweepPlot): Figure {
  const positive = (value: number) => (value > 0 ? value : null);
  const curves = series.map(({ name, points }) => ({
    name,
    points: points.map(({ x, value }) => [x, positive(value)] as const),
    marks: points
      .filter(({ value }) => value > 0)
      .map(({ x, value }) => ({ x, y: value, tip: `${name}, ${variable} = ${compact(x)}: ${compact(value)}` })),
    band: points
      .filter(({ value, standardError }) => value - 2 * standardError > 0)
      .map(({ x, value, standardError }) => [x, value - 2 * standardError, value + 2 * standardError] as const),
  }));
  const narrow = series.every(({ name }) => name.length <= SHORT_NAME);
  const size = narrow ? NARROW : SIZE;
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
  const ys = series.flatMap(({ points }) => points.map(({ value }) => value)).filter((value) => value > 0);
  return {
    id,
    title,
    caption,
    description: `${quantity} against ${variable}: ${series.map(({ name }) => name).join(', ')}.`,
    ...curveChart({
      ...size,
      ...(narrow && { labelRoom: NARROW_LABELS }),
      x: logAxis(variable, xs),
      y: logAxis(quantity, ys),
      curves,
    }),
  };
}

function logAxis(label: string, values: readonly number[]) {
  if (values.length === 0) return linearAxis(label, [0, 1]);
  const low = Math.min(...values);
  const high = Math.max(...values);
  // At least a factor of 4 in all, or there would be no round value to label.
  const margin = Math.max(1.15, Math.sqrt((4 * low) / high));
  return { label, scale: 'log10' as const, min: low / margin, max: high * margin };
}

function scatterFigure({ id, title, caption, x, y, points, picks }: ScatterPlot): Figure {
  const tip = (name: string, atX: number, atY: number) => `${name}: ${x} ${compact(atX)}, ${y} ${compact(atY)}`;
  return {
    id,
    title,
    caption,
    description: `${y} against ${x}, ${points.length} points. ${picks.map(({ criterion, name }) => `${criterion}: ${name}.`).join(' ')}`,
    ...scatterChart({
      ...NARROW,
      x: linearAxis(
        x,
        points.map((point) => point.x),
      ),
      y: linearAxis(
        y,
        points.map((point) => point.y),
      ),
      points: points.map((point) => ({ ...point, tip: tip(point.name, point.x, point.y) })),
      picks,
    }),
  };
}
