import type { Cell, Table } from '../results/table.js';
import type { Verdict } from '../results/verdict.js';
import { compact, plural } from '../text/format.js';

/** How many claims held; checks of a construction are counted apart. */
export function heldText(all: readonly Pick<Verdict, 'holds' | 'construction'>[]): string {
  const verdicts = all.filter(({ construction }) => !construction);
  const held = verdicts.filter(({ holds }) => holds === true).length;
  const undecided = verdicts.filter(({ holds }) => holds === null).length;
  const checks = all.length - verdicts.length;
  return `${held} of ${plural(verdicts.length, 'claim')} held${undecided > 0 ? `, ${undecided} undecided` : ''}${
    checks > 0 ? `; ${plural(checks, 'check')} of the construction beside them` : ''
  }`;
}

/** What a verdict comes to. */
export function verdictWord({ holds }: Verdict): string {
  if (holds === null) return 'undecided';
  return holds ? 'holds' : 'fails';
}

/** The figures of a verdict in words, those that are known. */
export function verdictFigures({ predicted, measured, interval }: Verdict): string[] {
  const text = (value: number | string) => (typeof value === 'number' ? compact(value) : value);
  return [
    ...(predicted === null ? [] : [`predicted ${text(predicted)}`]),
    ...(measured === null ? [] : [`measured ${text(measured)}`]),
    ...(interval ? [`interval ${compact(interval[0])} to ${compact(interval[1])}`] : []),
  ];
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
