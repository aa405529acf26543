export type { Verdict } from '../../results/verdict.js';

import type { Cell, Table } from '../../results/table.js';
import type { Verdict } from '../../results/verdict.js';
import { compact } from '../../text/format.js';

/** One row a claim; the reason of a verdict, where there is one, below it. */
export function verdictsTable(verdicts: readonly Verdict[]): Table {
  const figure = (value: number | string | null): Cell =>
    value === null
      ? { text: '–', tone: 'muted' }
      : typeof value === 'number'
        ? { text: compact(value), sort: value }
        : { text: value };
  return {
    caption: 'Verdicts',
    columns: [
      { label: 'claim', name: true },
      { label: 'source' },
      { label: 'predicted', align: 'right' },
      { label: 'measured', align: 'right' },
      { label: 'interval', align: 'right' },
      { label: 'holds' },
    ],
    rows: verdicts.map(({ claim, source, predicted, measured, interval, holds, reason }): Cell[] => [
      { text: claim, ...(reason && { note: reason }) },
      { text: source },
      figure(predicted),
      figure(measured),
      interval
        ? { text: `${compact(interval[0])} to ${compact(interval[1])}`, sort: interval[0] }
        : { text: '–', tone: 'muted' },
      holds === null
        ? { text: 'undecided', tone: 'muted' }
        : holds
          ? { text: 'yes', tone: 'good' }
          : { text: 'no', tone: 'caution' },
    ]),
  };
}
