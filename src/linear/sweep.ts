import { answer, CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import { type CsvValue, csv } from '../text/csv.js';
import * as z from '../zod.js';
import { allBudgets, measureColumns } from './measure-columns.js';
import { Training, type TrainRunOptions } from './train.js';
import type { TrainResult } from './train-result.js';

/** A value of an axis. */
export type AxisValue = number | string | boolean;

/** The axes of a sweep by name, each with the values it takes. */
export type Axes = Readonly<Record<string, readonly AxisValue[]>>;

/** One point of the grid: a value of every axis. */
export type Point<A extends Axes> = { readonly [Name in keyof A]: A[Name][number] };

/** Options of {@link sweep}. */
export interface SweepOptions<A extends Axes> extends JobOptions {
  /** What is varied: every combination is a run. The last axis varies fastest. */
  readonly axes: A;
  /** The run of a point; its name, if it has none, says the point. */
  readonly run: (point: Point<A>) => TrainRunOptions;
}

/** One run of a sweep. */
export interface SweepRow<A extends Axes = Axes> {
  readonly point: Point<A>;
  readonly result: TrainResult;
}

const schema = z.strictObject({
  ...jobOptionsShape,
  axes: z
    .record(z.string(), z.array(z.union([z.number(), z.string(), z.boolean()])).min(1, 'give at least one value'))
    .refine((axes) => Object.keys(axes).length > 0, 'give at least one axis'),
  run: z.custom((value) => typeof value === 'function', 'must be a function'),
});

/** Every combination of the values of the axes, the last axis varying fastest. */
export function grid<A extends Axes>(axes: A): Point<A>[] {
  return answer('grid()', () => {
    return Object.entries(axes).reduce<Record<string, AxisValue>[]>(
      (points, [name, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
      [{}],
    ) as Point<A>[];
  });
}

/** A point in words: `stepSize=0.1,seed=3`. */
export function pointName(point: Readonly<Record<string, AxisValue>>): string {
  return answer('pointName()', () => {
    return Object.entries(point)
      .map(([name, value]) => `${name}=${typeof value === 'number' ? String(value) : value}`)
      .join(',');
  });
}

/**
 * Trains a run at every point of a grid, one a thread; the same results at any number of threads. All runs are checked
 * before the first begins.
 *
 * @throws CoverageError as {@link Training.create}; the signal's reason when aborted
 */
export async function sweep<const A extends Axes>(options: SweepOptions<A>): Promise<SweepRow<A>[]> {
  checkOptions('sweep', schema, options);
  const { axes, run, signal, onProgress, threads } = options;
  const points = grid(axes);
  const runs = points.map((point) => {
    const settings = run(point);
    if (typeof settings !== 'object' || settings === null) {
      throw new CoverageError('ERR_INVALID_OPTION', `run(${pointName(point)}) returned no run.`, {
        place: { field: 'run' },
      });
    }
    return { ...settings, name: settings.name ?? pointName(point) };
  });
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const training = await Training.create(runs, job);
  const results = await training.run({ ...job, ...(onProgress && { onProgress }) });
  return points.map((point, index) => ({ point, result: results[index]! }));
}

/** A sweep as a table: one row a run, the axes first, then what the last validation measured. */
export interface SweepTable {
  readonly columns: readonly string[];
  /** `null` where a value is not known. */
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

/**
 * The table of a sweep: columns `axis…, step, stopped, stepSize` (where theory chose it), `crossEntropy, kl, Cov_N…` as
 * estimated on held-out responses and the same with `exact` before them; a column that no run has is left out, an
 * unknown value is empty.
 */
export function sweepTable(rows: readonly SweepRow[]): SweepTable {
  return answer('sweepTable()', () => {
    const axes = Object.keys(rows[0]?.point ?? {});
    const last = ({ result }: SweepRow) => result.history.at(-1);
    const columns: { label: string; value: (row: SweepRow) => CsvValue }[] = [
      ...axes.map((axis) => ({ label: axis, value: (row: SweepRow) => row.point[axis] })),
      { label: 'step', value: ({ result }) => result.step },
      { label: 'stopped', value: ({ result }) => result.stopped },
      { label: 'chosen stepSize', value: ({ result }) => result.theory?.stepSize },
      ...measureColumns(allBudgets(rows.map(({ result }) => result))).map(({ name, value }) => ({
        label: name,
        value: (row: SweepRow) => last(row) && value(last(row)!, row.result.N),
      })),
    ];
    const known = columns.filter(({ value }) => rows.some((row) => (value(row) ?? null) !== null));
    return {
      columns: known.map(({ label }) => label),
      rows: rows.map((row) => known.map(({ value }) => value(row) ?? null)),
    };
  });
}

/** The table of a sweep as CSV. */
export function sweepCsv(rows: readonly SweepRow[]): string {
  return answer('sweepCsv()', () => {
    const { columns, rows: values } = sweepTable(rows);
    return csv(columns, values);
  });
}
