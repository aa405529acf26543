import type { SelectionResult } from '../../selection/result.js';
import type { CsvValue } from '../../text/csv.js';
import type { Sheet } from '../report.js';
import { answerColumns, answerValues } from './answers.js';
import { byN, positions, winShare } from './facts.js';

const COLUMNS = [
  'bestOf',
  'N',
  'model',
  'rank',
  'winner',
  'recommended',
  'possible',
  'verdict',
  'score',
  'scoreCount',
  'responses',
  'scoreLow',
  'scoreHigh',
  'rival',
  'reach',
  'winShare',
  'crossEntropy',
  'crossEntropyLow',
  'crossEntropyHigh',
  'infinite',
  'kl',
  'klLow',
  'klHigh',
  'passAtK',
  'passAtKLow',
  'passAtKHigh',
];

/** One row for each N and model, models in input order. */
export function selectionSheet(result: SelectionResult): Sheet {
  return { columns: [...COLUMNS, ...answerColumns(result)], rows: [...rowsOf(result)] };
}

function* rowsOf(result: SelectionResult): Generator<CsvValue[]> {
  const { crossEntropy, kl, passAtK } = result;
  for (const tournament of byN(result)) {
    const { bestOf, N, possibleWinners, verdict } = tournament;
    const possible = new Set(possibleWinners);
    const rank = positions(tournament.ranking);
    const pass = passAtK?.picks.find((pick) => pick.N === N);
    for (const [index, model] of result.models.entries()) {
      yield [
        bestOf,
        N,
        model,
        rank.get(model)! + 1,
        model === tournament.winner,
        model === tournament.recommendation.model,
        possible.has(model),
        verdict,
        tournament.scores[index],
        tournament.scoreCounts[index],
        result.responses,
        ...(tournament.scoreIntervals[index] ?? [null, null]),
        tournament.rivals[index],
        tournament.reach[index],
        winShare(tournament, model),
        crossEntropy.values[index],
        ...(crossEntropy.intervals[index] ?? [null, null]),
        crossEntropy.infinite[index],
        kl?.values[index]?.value,
        ...(kl?.values[index]?.interval ?? [null, null]),
        pass?.values[index]?.value,
        ...(pass?.values[index]?.interval ?? [null, null]),
        ...answerValues(result, model, N),
      ];
    }
  }
}
