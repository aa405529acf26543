import { fitPowerLaw, type PowerLaw } from '../problems/power-law.js';
import type { Verdict } from '../report/experiment/verdict.js';
import { compact } from '../report/format.js';
import { numberCell, type Table } from '../report/table.js';
import type { Series } from '../results/plot.js';

export type { Series } from '../results/plot.js';

/** How close an exponent measured at finite size must come to the predicted one. */
const EXPONENT_TOLERANCE = 0.15;
/** An interval wider than this on either side decides nothing. */
const WIDEST_HALF = 0.3;

/** What a claim predicts of an exponent: its value, or a bound on it. */
export interface ExponentClaim {
  readonly claim: string;
  readonly source: string;
  readonly exponent: number;
  /** `equal`, or a bound: `atMost` for an upper bound of the paper (the quantity may fall faster or grow slower). */
  readonly relation?: 'equal' | 'atMost' | 'atLeast';
}

/**
 * The verdict on a predicted exponent. It holds if the measured one is on the right side of, or within
 * {@link EXPONENT_TOLERANCE} of, the predicted one (rates are asymptotic, sizes are finite), or if its interval reaches
 * there. An interval too wide to tell decides nothing, unless all of it is on the right side of a bound.
 */
export function exponentVerdict(prediction: ExponentClaim, { points }: Series): Verdict {
  const { claim, source, exponent, relation = 'equal' } = prediction;
  const base = { claim, source, predicted: relationText(relation, exponent) };
  if (points.some(({ value }) => !Number.isFinite(value))) {
    const reason = 'the quantity is infinite at some point: no exponent can be fitted';
    return { ...base, measured: null, interval: null, holds: null, reason };
  }
  const usable = points.filter(({ value }) => value > 0);
  if (usable.length < 3 || usable.length < points.length / 2) {
    const reason = `only ${usable.length} of ${points.length} points are above zero: no exponent can be fitted at these sizes`;
    return { ...base, measured: null, interval: null, holds: null, reason };
  }
  const law = fitPowerLaw(usable);
  const half = (law.interval[1] - law.interval[0]) / 2;
  const agrees = accepts(law, exponent, relation);
  const tooWide = half > WIDEST_HALF;
  const decided = tooWide && !isBeyondDoubt(law, exponent, relation) ? null : agrees;
  return {
    ...base,
    measured: law.exponent,
    interval: law.interval,
    holds: decided,
    ...(decided === null && { reason: 'the interval of the exponent is too wide to tell' }),
  };
}

function accepts(law: PowerLaw, exponent: number, relation: 'equal' | 'atMost' | 'atLeast'): boolean {
  const above = law.interval[0] > exponent && law.exponent > exponent + EXPONENT_TOLERANCE;
  const below = law.interval[1] < exponent && law.exponent < exponent - EXPONENT_TOLERANCE;
  if (relation === 'atMost') return !above;
  return relation === 'atLeast' ? !below : !above && !below;
}

/** Whether the whole interval is on the right side of a bound. */
function isBeyondDoubt({ interval }: PowerLaw, exponent: number, relation: 'equal' | 'atMost' | 'atLeast'): boolean {
  if (relation === 'equal') return false;
  return relation === 'atMost'
    ? interval[1] <= exponent + EXPONENT_TOLERANCE
    : interval[0] >= exponent - EXPONENT_TOLERANCE;
}

function relationText(relation: 'equal' | 'atMost' | 'atLeast', value: number): number | string {
  if (relation === 'equal') return value;
  return `${relation === 'atMost' ? '≤' : '≥'} ${compact(value)}`;
}

/** Series in numbers. */
export function sweepTable(caption: string, variable: string, series: readonly Series[]): Table {
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
