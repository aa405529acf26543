import type { SelectionResult } from '../../selection/result.js';
import { csv } from '../../text/csv.js';
import { confidencePercent, plural } from '../../text/format.js';
import { styled, type TerminalOptions, terminalParagraph, terminalTable } from '../terminal.js';
import { byN, positions } from './facts.js';
import { selectionSummary } from './summary.js';
import { modelsTable, picksTable } from './tables.js';

const MOST_ROWS = 20;

/** How `selectionTables` sets its text. */
export interface SelectionTablesOptions extends TerminalOptions {
  /** Rows of the table of models; default 20. */
  readonly rows?: number;
}

/** The selection for a terminal: summary, picks, models. */
export function selectionTables(result: SelectionResult, options: SelectionTablesOptions = {}): string {
  const { color = false, rows = MOST_ROWS } = options;
  const summary = selectionSummary(result);
  const heading = (text: string) => `\n${styled(['bold', 'underline'], text, color)}\n`;
  const bullet = { bullet: '• ' };
  return [
    `${plural(result.models.length, 'model')}, ${plural(result.responses, 'response')}, ${confidencePercent(result.confidence)} confidence\n`,
    heading('Which to take'),
    ...summary.advice.map(({ text }) => terminalParagraph(text, options, bullet)),
    ...summary.others.map((text) => terminalParagraph(text, options, bullet)),
    '\n',
    terminalTable(picksTable(result), options),
    '\n',
    terminalTable(modelsTable(result), options, {
      rows,
      more: '--csv FILE, --json and --report FILE hold all of them',
    }),
    ...(result.warnings.length > 0 ? [heading('Warnings')] : []),
    ...result.warnings.map(({ message }) => terminalParagraph([message], options, { bullet: '! ' })),
    heading('To bear in mind'),
    ...summary.caveats.map((text) => terminalParagraph(text, options, bullet)),
  ].join('');
}

const HEADER = [
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

/** The selection as CSV (RFC 4180): one row for each N and model, models in input order; unknown numbers are empty. */
export function selectionCsv(result: SelectionResult): string {
  return csv(HEADER, csvRows(result));
}

function* csvRows(result: SelectionResult): Generator<(string | number | boolean | null | undefined)[]> {
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
