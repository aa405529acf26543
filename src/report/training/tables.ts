import type { TrainResult } from '../../linear/train-result.js';
import { type Cell, numberCell, type Table } from '../../results/table.js';
import { compact, count, decimal, percent } from '../../text/format.js';

const STOPPED = { finished: 'finished', paused: 'paused', diverged: 'diverged' } as const;

/** The last measures of every run. */
export function runsTable(results: readonly TrainResult[]): Table {
  const budgets = [...new Set(results.flatMap(({ N }) => N))].sort((a, b) => a - b);
  const last = (result: TrainResult) => result.history.at(-1);
  const columns: { label: string; title?: string; cell: (result: TrainResult) => Cell }[] = [
    { label: 'steps', cell: ({ step }) => numberCell(step, count) },
    {
      label: 'stopped',
      cell: ({ stopped }) => ({ text: STOPPED[stopped], ...(stopped === 'diverged' && { tone: 'caution' as const }) }),
    },
    { label: 'step size', title: 'Chosen by theory', cell: (result) => known(result.theory?.stepSize, compact) },
    { label: 'cross-entropy', cell: (result) => known(last(result)?.crossEntropy, decimal) },
    { label: 'KL', cell: (result) => known(last(result)?.kl, decimal) },
    ...budgets.map((N) => ({
      label: `Cov_${compact(N)}`,
      cell: (result: TrainResult) => known(last(result)?.coverage?.[result.N.indexOf(N)], share),
    })),
    { label: 'exact KL', cell: (result) => known(last(result)?.exact?.kl, decimal) },
    ...budgets.map((N) => ({
      label: `exact Cov_${compact(N)}`,
      cell: (result: TrainResult) => known(last(result)?.exact?.coverage[result.N.indexOf(N)], share),
    })),
  ];
  const shown = columns.filter(({ cell }) => results.some((result) => cell(result).text !== '–'));
  return {
    caption: 'Where the runs ended',
    columns: [
      { label: 'run', name: true },
      ...shown.map(({ label, title }) => ({ label, align: 'right' as const, ...(title && { title }) })),
    ],
    rows: results.map((result) => [{ text: result.name || 'run' }, ...shown.map(({ cell }) => cell(result))]),
  };
}

function known(value: number | null | undefined, text: (value: number) => string): Cell {
  return numberCell(value ?? null, (number) => text(number));
}

function share(value: number): string {
  return percent(value, 10_000);
}
