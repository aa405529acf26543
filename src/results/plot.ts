import type { Interval } from './estimate.js';

/** A measured quantity at one value of a variable. */
export interface Measurement {
  /** The variable; positive. */
  readonly x: number;
  /** The quantity; positive. */
  readonly value: number;
  /** Standard error of the quantity; 0 if it is exact. */
  readonly standardError: number;
}

/** A quantity measured along a sweep of one variable. */
export interface Series {
  readonly name: string;
  readonly points: readonly Measurement[];
}

/** What every plot says of itself. */
interface PlotText {
  /** Distinct within a report and fit for a file name. */
  readonly id: string;
  readonly title: string;
  readonly caption: string;
}

/** Series against a variable on logarithmic axes, with bands of two standard errors. */
export interface SweepPlot extends PlotText {
  readonly kind: 'sweep';
  /** The variable, e.g. `n` or `H`. */
  readonly variable: string;
  /** The quantity, with its unit. */
  readonly quantity: string;
  readonly series: readonly Series[];
}

/** A quantity over the steps of training, e.g. KL divergence or Cov_4 of one run. */
export interface LearningCurve {
  readonly name: string;
  /** `null` where it is not known. */
  readonly values: readonly (number | null)[];
  /** One interval a value, drawn as a band. */
  readonly intervals?: readonly (Interval | null)[];
  readonly dashed?: boolean;
}

/** Quantities over the steps of training. */
export interface LearningPlot extends PlotText {
  readonly kind: 'learning';
  /** What it shows, for someone who does not see it. */
  readonly description: string;
  /** Rising; one for each value of every curve. */
  readonly steps: readonly number[];
  readonly curves: readonly LearningCurve[];
  /** Label of the y axis, with its unit. */
  readonly label: string;
  /** Label of the x axis; default `step`. */
  readonly stepLabel?: string;
  /** Default linear; a logarithmic one leaves out what is not positive. */
  readonly scale?: 'linear' | 'log10';
  /** Default linear; a logarithmic axis of steps leaves out step 0. */
  readonly stepScale?: 'linear' | 'log10';
  /** Half as wide, so that two stand side by side in a page. */
  readonly narrow?: boolean;
}

/** One point a checkpoint, some of them marked. */
export interface ScatterPlot extends PlotText {
  readonly kind: 'scatter';
  readonly x: string;
  readonly y: string;
  readonly points: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  /** Points to mark, by what picks them; at most three different ones. */
  readonly picks: readonly { readonly criterion: string; readonly name: string }[];
}

/** A figure as plain data; `plotFigure` draws it. */
export type Plot = SweepPlot | LearningPlot | ScatterPlot;
