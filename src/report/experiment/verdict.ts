import type { Interval } from '../../result.js';
import { compact } from '../format.js';
import type { Cell, Table } from '../table.js';

/** Whether a claim of the paper was seen to hold. */
export interface Verdict {
  /** What is claimed, in one sentence. */
  readonly claim: string;
  /** Where, e.g. `Theorem 4.2`. */
  readonly source: string;
  /** What the claim predicts; text where it is not a number. */
  readonly predicted: number | string | null;
  /** What was measured. */
  readonly measured: number | string | null;
  /** Interval of what was measured. */
  readonly interval: Interval | null;
  /** Whether it holds; `null` if that could not be decided. */
  readonly holds: boolean | null;
  /** Why it could not be decided, or what falls short. */
  readonly reason?: string;
}

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
