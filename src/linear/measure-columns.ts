import { compact } from '../text/format.js';
import type { HistoryRecord } from './train-result.js';

/** One measure of an iterate, as a column of a table or a file. */
export interface MeasureColumn {
  /** What a file calls it, e.g. `exact Cov_4`. */
  readonly name: string;
  /** What a reader calls it. */
  readonly label: string;
  /** Whether it is a share in [0, 1] rather than nats. */
  readonly share: boolean;
  /** Its value in a record of a run with these N; `null` where it was not measured. */
  readonly value: (record: HistoryRecord, N: readonly number[]) => number | null;
}

/** The measures that histories hold: estimates on held-out responses, then the same exactly. */
export function measureColumns(N: readonly number[]): MeasureColumn[] {
  type Source = Pick<HistoryRecord, 'crossEntropy' | 'kl' | 'coverage'> | null;
  const of = (prefix: string, source: (record: HistoryRecord) => Source): MeasureColumn[] => [
    {
      name: `${prefix}crossEntropy`,
      label: `${prefix}cross-entropy`,
      share: false,
      value: (record) => source(record)?.crossEntropy ?? null,
    },
    { name: `${prefix}kl`, label: `${prefix}KL`, share: false, value: (record) => source(record)?.kl ?? null },
    ...N.map((each) => ({
      name: `${prefix}Cov_${compact(each)}`,
      label: `${prefix}Cov_${compact(each)}`,
      share: true,
      value: (record: HistoryRecord, own: readonly number[]) => source(record)?.coverage?.[own.indexOf(each)] ?? null,
    })),
  ];
  return [...of('', (record) => record), ...of('exact ', ({ exact }) => exact)];
}

/** All N of some runs, rising. */
export function allBudgets(results: readonly { readonly N: readonly number[] }[]): number[] {
  return [...new Set(results.flatMap(({ N }) => N))].sort((a, b) => a - b);
}
