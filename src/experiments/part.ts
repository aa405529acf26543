import type { Verdict } from '../report/experiment/verdict.js';
import type { ExperimentContext, Outcome } from './experiment.js';
import type { Plot } from './plot.js';
import { type Series, sweepTable } from './sweep.js';

/** A part of an experiment: a sweep, what is claimed of it, and what is seen, in plain words. */
export interface Part {
  readonly verdicts: readonly Verdict[];
  readonly plot: Extract<Plot, { kind: 'sweep' }>;
  readonly seen: string;
}

/** Runs parts one after the other, each with its share of the whole work, and puts them together. */
export async function runParts(
  context: ExperimentContext,
  parts: readonly (readonly [share: number, run: (context: ExperimentContext) => Promise<Part>])[],
): Promise<Outcome> {
  const done: Part[] = [];
  let before = 0;
  for (const [share, run] of parts) {
    context.signal?.throwIfAborted();
    const from = before;
    const part = await run({ ...context, progress: (within, doing) => context.progress(from + share * within, doing) });
    done.push({ ...part, plot: { ...part.plot, series: part.plot.series.map(finite) } });
    before += share;
  }
  return {
    verdicts: done.flatMap(({ verdicts }) => verdicts),
    tables: done.map(({ plot }) => sweepTable(plot.title, plot.variable, plot.series)),
    plots: done.map(({ plot }) => plot),
    summary: done.map(({ seen }) => [seen]),
  };
}

/** A series without the points that are infinite, which nothing can show. */
function finite({ name, points }: Series): Series {
  return { name, points: points.filter(({ value }) => Number.isFinite(value)) };
}

/** The context as the options of a job. */
export function jobOf({ signal, threads }: Pick<ExperimentContext, 'signal' | 'threads'>): {
  signal?: AbortSignal;
  threads?: number;
} {
  return { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
}

/** The first and the last value of a series, in words. */
export function ends({ points }: { readonly points: readonly { readonly value: number }[] }): string {
  const show = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(2));
  return `${show(points[0]!.value)} and ${show(points.at(-1)!.value)}`;
}
