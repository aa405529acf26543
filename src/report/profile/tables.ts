import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import type { Estimate } from '../../results/estimate.js';
import { type Cell, numberCell, numberColumn, type Table } from '../../results/table.js';
import { compact, confidencePercent, count, decimal, percent, percentInterval } from '../../text/format.js';
import { budgetsOf, coverageAt, meanRanking, rankingAt } from './facts.js';

/** One row a model, best mean rank first: Cov_N at each N, KL divergence, cross-entropy. */
export function profilesTable(result: CoverageProfiles): Table {
  const n = result.responses;
  const budgets = budgetsOf(result);
  const leaders = new Map(budgets.map((N) => [N, rankingAt(result, N)[0]]));
  return {
    caption: `Cov_N against ${result.reference}, by mean rank`,
    columns: [
      { label: 'model', name: true },
      ...budgets.flatMap((N) => [
        numberColumn(`N = ${compact(N)}`, `Cov_N at N = ${compact(N)}`),
        numberColumn(
          'interval',
          `${result.prompts === null ? 'Exact binomial' : 'Betting'} interval, ${confidencePercent(result.confidence)}`,
          true,
        ),
      ]),
      numberColumn('KL', 'KL divergence in nats'),
      numberColumn('cross-entropy', 'Mean of −log probability, in nats'),
    ],
    rows: meanRanking(result).map((profile): Cell[] => [
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
      estimateCell(profile.kl),
      estimateCell(profile.crossEntropy),
    ]),
  };
}

/** A cell for an estimate, with its interval and warning on hovering. */
export function estimateCell({ value, interval, reason, warning }: Estimate): Cell {
  const range = interval && `${decimal(interval[0])} to ${decimal(interval[1])}`;
  return {
    ...numberCell(value, (each) => decimal(each), reason),
    ...((range || warning) && { title: [range, warning].filter(Boolean).join('; ') }),
  };
}
