import type { Provenance, Warning } from '../../result.js';
import type { Figure } from '../figure.js';
import { compact, plural } from '../format.js';
import { htmlTable } from '../html-table.js';
import { figuresHtml, pageHtml, provenanceHtml, section, summaryHtml, warningsHtml } from '../page.js';
import type { Phrase } from '../phrase.js';
import type { Table } from '../table.js';
import { styled, type TerminalOptions, terminalParagraph, terminalTable } from '../terminal.js';
import { type Verdict, verdictsTable } from './verdict.js';

/** A training run or a reproduced experiment, ready to be reported on: verdicts first, then what they rest on. */
export interface ExperimentReport {
  readonly title: string;
  /** One line under the title, e.g. sizes and seed. */
  readonly subtitle: string;
  /** What was done and seen, in plain words. */
  readonly summary: readonly Phrase[];
  /** Empty for a training run. */
  readonly verdicts: readonly Verdict[];
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  readonly warnings?: readonly Warning[];
  readonly provenance?: Provenance;
  /** The result as data, kept in the page for programs. */
  readonly result: unknown;
}

/** The report as one self-contained HTML file that opens offline. */
export function experimentHtml(report: ExperimentReport): string {
  const { title, subtitle, summary, verdicts, tables, figures, warnings = [], provenance, result } = report;
  return pageHtml({
    title,
    subtitle,
    sections: [
      ...(verdicts.length > 0 ? [section('verdicts', held(verdicts), htmlTable(verdictsTable(verdicts)))] : []),
      section('summary', 'Summary', summaryHtml(summary), warningsHtml(warnings)),
      ...(figures.length > 0 ? [section('figures', 'Figures', figuresHtml(figures))] : []),
      ...(tables.length > 0
        ? [
            section(
              'tables',
              'In numbers',
              tables.map((each) => htmlTable(each)),
            ),
          ]
        : []),
      ...(provenance ? [provenanceHtml(provenance, [], [])] : []),
    ],
    result,
  });
}

/** The report for a terminal. */
export function experimentText(report: ExperimentReport, options: TerminalOptions = {}): string {
  const { title, subtitle, summary, verdicts, tables, warnings = [] } = report;
  const { color = false } = options;
  return [
    `${styled('bold', title, color)}\n${subtitle}\n\n`,
    ...(verdicts.length > 0
      ? [`${held(verdicts)}\n`, ...verdicts.map((each) => verdictText(each, options)), '\n']
      : []),
    ...summary.map((text) => terminalParagraph(text, options, { bullet: '• ' })),
    ...tables.flatMap((table) => ['\n', terminalTable(table, options)]),
    ...warnings.map(({ message }) => terminalParagraph([message], options, { bullet: '! ' })),
  ].join('');
}

/** A verdict as a paragraph: claims are sentences, which a table would cut. */
function verdictText(
  { claim, source, predicted, measured, interval, holds }: Verdict,
  options: TerminalOptions,
): string {
  const word = holds === null ? 'undecided' : holds ? 'holds' : 'fails';
  const text = (value: number | string) => (typeof value === 'number' ? compact(value) : value);
  const figures = [
    predicted !== null && `predicted ${text(predicted)}`,
    measured !== null && `measured ${text(measured)}`,
    interval && `interval ${compact(interval[0])} to ${compact(interval[1])}`,
  ].filter(Boolean);
  const tail = figures.length > 0 ? `: ${figures.join(', ')}` : '';
  return terminalParagraph([{ stress: word }, `: ${claim} (${source})${tail}`], options, { bullet: '• ' });
}

function held(verdicts: readonly Verdict[]): string {
  const count = verdicts.filter(({ holds }) => holds === true).length;
  const undecided = verdicts.filter(({ holds }) => holds === null).length;
  return `${count} of ${plural(verdicts.length, 'claim')} held${undecided > 0 ? `, ${undecided} undecided` : ''}`;
}
