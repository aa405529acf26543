import type { ProblemOptions } from '../problems/problem.js';
import { type EstimatorTrials, type ProblemTrials, problemTrials, type TrialSummary } from '../problems/trials.js';
import type { Table } from '../report/table.js';
import type { ExperimentContext } from './experiment.js';
import type { SweepPlot } from './plot.js';
import { type Series, sweepTable } from './sweep.js';

/** One value of a sweep's variable, with the instances (strengths, step sizes) that are tried there. */
export interface RatePoint<C> {
  readonly x: number;
  readonly candidates: readonly (C & { readonly problem: ProblemOptions })[];
}

/** A figure of an estimator over the trials of an instance. */
export type Quantity = (estimator: EstimatorTrials) => TrialSummary;

/** KL in nats. */
export const kl: Quantity = ({ kl: summary }) => summary!;

/** Cov_N of N number `index` asked for. */
export const covAt =
  (index: number): Quantity =>
  ({ cov: summaries }) =>
    summaries[index]!;

/** Cov_N of the first N asked for. */
export const cov = covAt(0);

/** What a trial reports by name; trials without it are left out. */
export const detail =
  (name: string): Quantity =>
  ({ details }) =>
    details[name]!;

interface Measured<C> {
  readonly candidate: C;
  readonly trials: ProblemTrials;
}

/** The trials of a sweep. */
export interface Rates<C> {
  readonly points: readonly { readonly x: number; readonly measured: readonly Measured<C>[] }[];
}

/** How trials are run. */
export interface RateOptions {
  readonly N: readonly number[];
  readonly replicates: number;
  /** Told the share of trials done. */
  readonly progress: (share: number) => void;
}

/** Runs the trials of all candidates at all points in one call, in parallel over them. */
export async function measureRates<C>(
  { seed, threads, signal }: ExperimentContext,
  points: readonly RatePoint<C>[],
  { N, replicates, progress }: RateOptions,
): Promise<Rates<C>> {
  const trials = await problemTrials({
    problems: points.flatMap(({ candidates }) => candidates.map(({ problem }) => problem)),
    N,
    replicates,
    seed,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0),
  });
  const remaining = trials.values();
  const next = () => remaining.next().value!;
  return {
    points: points.map(({ x, candidates }) => ({
      x,
      measured: candidates.map((candidate) => ({ candidate, trials: next() })),
    })),
  };
}

/** Which of the candidates at a point is shown. */
export type Choice<C> = (measured: readonly { readonly candidate: C; readonly value: TrialSummary }[]) => TrialSummary;

/** The candidate with the least mean: an estimator's best step size in hindsight. */
export const least: Choice<unknown> = (measured) =>
  measured.map(({ value }) => value).reduce((best, value) => (value.mean < best.mean ? value : best));

/** The candidate with the greatest mean: the worst instance. */
export const greatest: Choice<unknown> = (measured) =>
  measured.map(({ value }) => value).reduce((worst, value) => (value.mean > worst.mean ? value : worst));

/** The first candidate that `is` picks. */
export const where =
  <C>(is: (candidate: C) => boolean): Choice<C> =>
  (measured) =>
    measured.find(({ candidate }) => is(candidate))!.value;

/** An estimator's quantity along a sweep; points at which no trial has it are left out. */
export function rateSeries<C>(
  { points }: Rates<C>,
  name: string,
  estimator: string,
  quantity: Quantity,
  choice: Choice<C>,
): Series {
  return {
    name,
    points: points.flatMap(({ x, measured }) => {
      const values = measured.flatMap(({ candidate, trials }) => {
        const value = quantity(trials.estimators.find((each) => each.estimator === estimator)!);
        return value ? [{ candidate, value }] : [];
      });
      if (values.length === 0) return [];
      const { mean, standardError } = choice(values);
      return [{ x, value: mean, standardError: standardError ?? 0 }];
    }),
  };
}

/** The best candidates of `key` by their worst: the least, over values of `key`, of the greatest mean. */
export const leastGreatest =
  <C>(key: (candidate: C) => number): Choice<C> =>
  (measured) => {
    const groups = new Map<number, { candidate: C; value: TrialSummary }[]>();
    for (const each of measured) groups.set(key(each.candidate), [...(groups.get(key(each.candidate)) ?? []), each]);
    return [...groups.values()].map(greatest).reduce((best, value) => (value.mean < best.mean ? value : best));
  };

/** Series as a figure and in numbers. */
export function shown(
  id: string,
  title: string,
  variable: string,
  quantity: string,
  series: readonly Series[],
): { readonly plot: SweepPlot; readonly table: Table } {
  const caption = 'Both axes are logarithmic; bands are two standard errors of the mean over runs.';
  return {
    plot: { kind: 'sweep', id, title, caption, variable, quantity, series },
    table: sweepTable(title, variable, series),
  };
}

/** The points of a sweep; the quick version takes every `stride`th. */
export function chosen(values: readonly number[], quick: boolean, stride = 2): number[] {
  return values.filter((_, index) => !quick || index % stride === 0);
}
