import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import type { Estimate } from '../../results/estimate.js';
import { type Cell, type Column, numberCell, type Table } from '../../results/table.js';
import { csv } from '../../text/csv.js';
import { compact, confidencePercent, count, decimal, percent, percentInterval, plural } from '../../text/format.js';
import { styled, type TerminalOptions, terminalParagraph, terminalTable } from '../terminal.js';
import { budgetsOf, byMeanRank, coverageAt, rankingAt } from './facts.js';
import { coverageProfileSummary } from './summary.js';

/** One row a model, best mean rank first: Cov_N at each N, KL divergence, cross-entropy. */
export function profilesTable(result: CoverageProfiles): Table {
  const n = result.responses;
  const budgets = budgetsOf(result);
  const leaders = new Map(budgets.map((N) => [N, rankingAt(result, N)[0]]));
  const number = (label: string, title: string): Column => ({ label, align: 'right', title });
  return {
    caption: `Cov_N against ${result.reference}, by mean rank`,
    columns: [
      { label: 'model', name: true },
      ...budgets.flatMap((N) => [
        number(`N = ${compact(N)}`, `Cov_N at N = ${compact(N)}`),
        {
          ...number('interval', `Exact binomial interval, ${confidencePercent(result.confidence)}`),
          withPrevious: true,
        },
      ]),
      number('KL', 'KL divergence in nats'),
      number('cross-entropy', 'Mean of −log probability, in nats'),
    ],
    rows: byMeanRank(result).map((profile): Cell[] => [
      { text: profile.model },
      ...budgets.flatMap((N): Cell[] => {
        const { value, count: cases, interval, band, klBound } = coverageAt(profile, N);
        const bound = klBound === null ? '' : `; KL bound ${percent(klBound, n)}`;
        return [
          {
            text: percent(value, n),
            sort: value,
            title: `${count(cases)} of ${count(n)}; band for all N ${percentInterval(band, n)}${bound}`,
            ...(leaders.get(N) === profile && { tone: 'strong' as const }),
          },
          { text: percentInterval(interval, n), sort: interval[1], tone: 'muted' },
        ];
      }),
      estimate(profile.kl),
      estimate(profile.crossEntropy),
    ]),
  };
}

function estimate({ value, interval, reason }: Estimate): Cell {
  return {
    ...numberCell(value, (each) => decimal(each), reason),
    ...(interval && { title: `${decimal(interval[0])} to ${decimal(interval[1])}` }),
  };
}

const MOST_ROWS = 20;

/** How `coverageProfileTables` sets its text. */
export interface CoverageProfileTablesOptions extends TerminalOptions {
  /** Rows of the table; default 20. */
  readonly rows?: number;
}

/** Coverage profiles for a terminal: summary and table. */
export function coverageProfileTables(result: CoverageProfiles, options: CoverageProfileTablesOptions = {}): string {
  const { color = false, rows = MOST_ROWS } = options;
  const { best, notes } = coverageProfileSummary(result);
  const bullet = { bullet: '• ' };
  return [
    `${plural(result.models.length, 'model')} against ${result.reference}, ${plural(result.responses, 'response')}\n\n`,
    ...best.map((text) => terminalParagraph(text, options, bullet)),
    '\n',
    terminalTable(profilesTable(result), options, {
      rows,
      more: '--csv FILE, --json and --report FILE hold all of them',
    }),
    `\n${styled(['bold', 'underline'], 'To bear in mind', color)}\n`,
    ...notes.map((text) => terminalParagraph(text, options, bullet)),
  ].join('');
}

const HEADER = [
  'N',
  'model',
  'reference',
  'coverage',
  'count',
  'responses',
  'low',
  'high',
  'bandLow',
  'bandHigh',
  'klBound',
  'kl',
  'klLow',
  'klHigh',
  'crossEntropy',
  'crossEntropyLow',
  'crossEntropyHigh',
  'hellinger',
  'infinite',
];

/** Coverage profiles as CSV (RFC 4180): one row for each N and model, models in input order. */
export function coverageProfileCsv(result: CoverageProfiles): string {
  const none = [null, null] as const;
  const rows = budgetsOf(result).flatMap((N) =>
    result.models.map((profile) => {
      const at = coverageAt(profile, N);
      return [
        N,
        profile.model,
        result.reference,
        at.value,
        at.count,
        result.responses,
        ...at.interval,
        ...at.band,
        at.klBound,
        profile.kl.value,
        ...(profile.kl.interval ?? none),
        profile.crossEntropy.value,
        ...(profile.crossEntropy.interval ?? none),
        profile.hellinger.value,
        profile.infinite,
      ];
    }),
  );
  return csv(HEADER, rows);
}
