import type { Estimate } from '../../results/estimate.js';
import { type Cell, type Column, numberCell, numberColumn, type Table } from '../../results/table.js';
import type { Disagreement, SelectionResult } from '../../selection/result.js';
import {
  compact,
  confidencePercent,
  count,
  decimal,
  decimalInterval,
  percent,
  percentInterval,
  roughPercent,
} from '../../text/format.js';
import { byN, meanRanking, positions, VERDICT_TONES, VERDICT_WORDS, winShare } from './facts.js';

/** One row for each N: winner, how sure, runner-up, and the cross-entropy pick beside it. */
export function picksTable(result: SelectionResult): Table {
  const n = result.responses;
  const position = positions(result.models);
  const sampled = result.tournaments.some(({ winShares }) => winShares !== null);
  const budgets = result.tournaments.some(({ bestOf }) => bestOf !== null);
  const held = result.tournaments.some(({ winner, recommendation }) => winner !== recommendation.model);
  const disagree = result.tournaments.some(({ winner }) => winner !== result.crossEntropy.winner);
  return {
    caption: 'The picks',
    columns: [
      ...(budgets ? [numberColumn('K', 'Budget: samples a prompt')] : []),
      numberColumn('N', 'Ratio at which the tournament is held'),
      ...(held
        ? [{ label: 'take', name: true, title: 'Closest to the least scores of all N that the budget is about' }]
        : []),
      { label: 'winner', name: true },
      { label: 'verdict' },
      numberColumn('may be best', 'Number of models that may be best'),
      numberColumn('score', 'Share of the responses on which its worst rival gives at least N times its probability'),
      numberColumn(
        `${confidencePercent(result.confidence)} interval`,
        'Interval of the score, valid at this number of responses',
        true,
      ),
      ...(sampled ? [numberColumn('wins', 'Share of the bootstrap resamples that it wins')] : []),
      { label: 'runner-up', name: true },
      numberColumn('margin, points', 'Score of the runner-up less that of the winner, in percentage points'),
      ...(disagree
        ? [
            numberColumn(
              'loss pick’s score',
              `Score of ${result.crossEntropy.winner}, the pick of cross-entropy (validation loss)`,
            ),
          ]
        : []),
    ],
    rows: byN(result).map((tournament): Cell[] => {
      const winner = position.get(tournament.winner)!;
      const { verdict } = tournament;
      const share = winShare(tournament, tournament.winner);
      const other = tournament.scores[position.get(result.crossEntropy.winner)!]!;
      return [
        ...(budgets ? [numberCell(tournament.bestOf, count)] : []),
        { text: compact(tournament.N), sort: tournament.N },
        ...(held ? [{ text: tournament.recommendation.model, tone: 'strong' as const }] : []),
        { text: tournament.winner, ...(!held && { tone: 'strong' as const }) },
        {
          text: VERDICT_WORDS[verdict],
          title: tournament.explanation,
          tone: VERDICT_TONES[verdict],
        },
        numberCell(tournament.possibleWinners.length, count),
        numberCell(tournament.scores[winner]!, (score) => percent(score, n)),
        { text: percentInterval(tournament.scoreIntervals[winner]!, n), sort: tournament.scoreIntervals[winner]![1] },
        ...(sampled ? [numberCell(share, (value) => roughPercent(value))] : []),
        { text: tournament.ranking[1] ?? '–' },
        numberCell(tournament.margin, (value) => bare(value, n)),
        ...(disagree ? [numberCell(other, (score) => percent(score, n))] : []),
      ];
    }),
  };
}

/** Percentage points without the unit. */
function bare(difference: number, total: number): string {
  return percent(difference, total).slice(0, -1);
}

/** One row for each model, best mean rank first: cross-entropy, score at each N, and what else is known. */
export function modelsTable(result: SelectionResult): Table {
  const n = result.responses;
  const position = positions(result.models);
  const tournaments = byN(result).map((each) => ({ ...each, possible: new Set(each.possibleWinners) }));
  const least = (values: readonly (number | null)[]) => Math.min(...values.map((value) => value ?? Infinity));
  const leastLoss = least(result.crossEntropy.values);
  const passes = result.passAtK?.picks ?? [];
  return {
    caption: 'All models, by mean rank; green scores: may be best',
    columns: [
      { label: 'model', name: true },
      ...tournaments.map(
        ({ N }): Column => ({ label: `N = ${compact(N)}`, align: 'right', title: `Score at N = ${compact(N)}` }),
      ),
      { label: 'cross-entropy', align: 'right', title: 'Mean of −log probability over the responses, in nats' },
      { label: `${confidencePercent(result.confidence)} interval`, align: 'right', withPrevious: true },
      ...(result.kl
        ? [{ label: 'KL', align: 'right', title: `KL divergence from ${result.kl.reference}, in nats` } as const]
        : []),
      ...passes.map(({ k }): Column => ({ label: `Pass@${k}`, align: 'right' })),
    ],
    rows: meanRanking(result).map((name): Cell[] => {
      const index = position.get(name)!;
      const loss = result.crossEntropy.values[index] ?? null;
      const interval = result.crossEntropy.intervals[index];
      const zero = result.crossEntropy.infinite[index]!;
      return [
        { text: name },
        ...tournaments.map(
          (tournament): Cell => ({
            ...numberCell(tournament.scores[index]!, (score) => percent(score, n)),
            title: `${count(tournament.scoreCounts[index]!)} of ${count(n)}, worst rival ${tournament.rivals[index]}${tournament.possible.has(name) ? '; may be best' : ''}`,
            ...(tournament.possible.has(name) && { tone: 'good' as const }),
            ...(tournament.winner === name && { tone: 'strong' as const }),
          }),
        ),
        loss === null
          ? { text: '∞', sort: Number.MAX_VALUE, tone: 'muted', title: `probability zero on ${count(zero)} responses` }
          : { text: decimal(loss), sort: loss, ...(loss === leastLoss && { tone: 'strong' as const }) },
        interval ? { text: decimalInterval(interval), sort: interval[0] } : numberCell(null, String),
        ...(result.kl
          ? [estimateCell(result.kl.values[index]!, (value) => decimal(value), result.kl.winner === name)]
          : []),
        ...passes.map((pick) => estimateCell(pick.values[index]!, (value) => percent(value), pick.winner === name)),
      ];
    }),
  };
}

function estimateCell({ value, interval, reason }: Estimate, text: (value: number) => string, best: boolean): Cell {
  return {
    ...numberCell(value, text, reason),
    ...(interval && { title: `${text(interval[0])} to ${text(interval[1])}` }),
    ...(best && { tone: 'strong' as const }),
  };
}

/** The responses that a criterion's pick fails to cover worst. */
export function worstTable(each: Disagreement): Table {
  return {
    caption: `N = ${compact(each.N)}: where ${each.pick} falls furthest behind ${each.rival}`,
    columns: [
      { label: 'response', name: true },
      { label: 'log ratio', align: 'right', title: 'log of the rival’s probability over the pick’s, in nats' },
      { label: 'times as likely', align: 'right' },
    ],
    rows: each.worst.map(({ response, logRatio }) => [
      { text: response },
      logRatio === null ? { text: '∞', sort: Number.MAX_VALUE } : numberCell(logRatio, (value) => decimal(value, 2)),
      logRatio === null
        ? { text: '∞', sort: Number.MAX_VALUE, title: 'the pick gives probability zero' }
        : numberCell(logRatio, factor),
    ]),
  };
}

/** e to a log ratio, short: `12.3`, `4,560`, `1.2e9`. */
function factor(logRatio: number): string {
  const value = Math.exp(logRatio);
  if (value < 100) return value.toFixed(1);
  return value < 1e6 ? count(Math.round(value)) : `10^${(logRatio / Math.LN10).toFixed(1)}`;
}
