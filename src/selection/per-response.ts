import type { LogProbs } from '../log-probs/log-probs.js';
import { csv } from '../text/csv.js';
import { uncoveredResponses } from '../tournament/uncovered-responses.js';
import type { SelectionResult } from './result.js';

/**
 * CSV of the responses that the picks of other criteria fail to cover: for each disagreement, each response on which
 * the pick's worst rival is at least N times as likely, by falling log ratio, with what the winner says of it.
 */
export async function uncoveredCsv(result: SelectionResult, logProbs: LogProbs): Promise<string> {
  const rows: (string | number | null)[][] = [];
  for (const { N, criterion, pick, winner, rival } of result.disagreements) {
    const [ofPick, ofWinner, ofRival] = [pick, winner, rival].map((name) => logProbs.row(name));
    const uncovered = await uncoveredResponses(logProbs, { model: pick, rival, N });
    const added = uncovered.map(({ response, logRatio }) => [
      N,
      criterion,
      pick,
      rival,
      logProbs.responseId(response),
      logProbs.metadata.promptIds?.[response] ?? null,
      cell(logRatio),
      cell(ofPick![response]!),
      cell(ofRival![response]!),
      cell(ofWinner![response]!),
    ]);
    for (const row of added) rows.push(row);
  }
  return csv(HEADER, rows);
}

const HEADER = [
  'N',
  'criterion',
  'pick',
  'rival',
  'response',
  'prompt',
  'logRatio',
  'pickLogProb',
  'rivalLogProb',
  'winnerLogProb',
];

/** CSV has no spelling for infinities that every reader takes; this is Python's and NumPy's. */
function cell(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return value > 0 ? 'inf' : '-inf';
}
