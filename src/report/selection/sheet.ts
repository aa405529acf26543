import type { SelectionResult } from '../../selection/result.js';
import type { CsvValue } from '../../text/csv.js';
import type { Sheet } from '../report.js';
import { byN, positions } from './facts.js';

const COLUMNS = [
  'N',
  'model',
  'rank',
  'winner',
  'score',
  'scoreCount',
  'responses',
  'scoreLow',
  'scoreHigh',
  'rival',
  'winShare',
  'bootstrapLow',
  'bootstrapHigh',
  'crossEntropy',
  'crossEntropyLow',
  'crossEntropyHigh',
  'infinite',
  'kl',
  'klLow',
  'klHigh',
  'passAtN',
  'passAtNLow',
  'passAtNHigh',
];

/** One row for each N and model, models in input order. */
export function selectionSheet(result: SelectionResult): Sheet {
  return { columns: COLUMNS, rows: [...rowsOf(result)] };
}

function* rowsOf(result: SelectionResult): Generator<CsvValue[]> {
  const { crossEntropy, kl, passAtN } = result;
  for (const tournament of byN(result)) {
    const { N, bootstrap } = tournament;
    const rank = positions(tournament.ranking);
    const pass = passAtN?.picks.find((pick) => pick.N === N);
    for (const [index, model] of result.models.entries()) {
      yield [
        N,
        model,
        rank.get(model)! + 1,
        model === tournament.winner,
        tournament.scores[index],
        tournament.scoreCounts[index],
        result.responses,
        ...(tournament.scoreIntervals[index] ?? [null, null]),
        tournament.rivals[index],
        bootstrap?.winShares[index],
        ...(bootstrap?.scoreIntervals[index] ?? [null, null]),
        crossEntropy.values[index],
        ...(crossEntropy.intervals[index] ?? [null, null]),
        crossEntropy.infinite[index],
        kl?.values[index]?.value,
        ...(kl?.values[index]?.interval ?? [null, null]),
        pass?.values[index]?.value,
        ...(pass?.values[index]?.interval ?? [null, null]),
      ];
    }
  }
}
