import { allBudgets, measureColumns } from '../../linear/measure-columns.js';
import type { TrainResult } from '../../linear/train-result.js';
import { type Cell, numberCell, type Table } from '../../results/table.js';
import { compact, count, decimal, percent } from '../../text/format.js';
import type { Sheet } from '../report.js';

/** The last measures of every run. */
export function runsTable(results: readonly TrainResult[]): Table {
  const columns: { label: string; title?: string; cell: (result: TrainResult) => Cell }[] = [
    { label: 'steps', cell: ({ step }) => numberCell(step, count) },
    {
      label: 'stopped',
      cell: ({ stopped }) => ({ text: stopped, ...(stopped === 'diverged' && { tone: 'caution' as const }) }),
    },
    {
      label: 'step size',
      title: 'Chosen by theory',
      cell: ({ theory }) => numberCell(theory?.stepSize ?? null, (value) => compact(value)),
    },
    ...measureColumns(allBudgets(results)).map(({ label, share, value }) => ({
      label,
      cell: ({ N, history }: TrainResult) => {
        const last = history.at(-1);
        return numberCell(last ? value(last, N) : null, (each) => (share ? percent(each, 10_000) : decimal(each)));
      },
    })),
  ];
  const known = columns.filter(({ cell }) => results.some((result) => cell(result).text !== '–'));
  return {
    caption: 'Where the runs ended',
    columns: [
      { label: 'run', name: true },
      ...known.map(({ label, title }) => ({ label, align: 'right' as const, ...(title && { title }) })),
    ],
    rows: results.map((result) => [{ text: result.name || 'run' }, ...known.map(({ cell }) => cell(result))]),
  };
}

/** The histories of all runs: one row a run and validation. */
export function historiesSheet(results: readonly TrainResult[]): Sheet {
  const columns = measureColumns(allBudgets(results));
  return {
    columns: ['run', 'step', ...columns.map(({ name }) => name)],
    rows: results.flatMap(({ name, N, history }) =>
      history.map((record) => [name || 'run', record.step, ...columns.map(({ value }) => value(record, N))]),
    ),
  };
}
