import type { Provenance, Warning } from '../../results/estimate.js';
import type { Phrase } from '../../results/phrase.js';
import type { Cell, Table, Tone } from '../../results/table.js';
import { compact, plural } from '../../text/format.js';
import type { Figure } from '../figure.js';
import { html } from '../html.js';
import { htmlTable } from '../html-table.js';
import { figuresHtml, pageHtml, provenanceHtml, section, summaryHtml, warningsHtml } from '../page.js';
import { styled, type TerminalOptions, terminalParagraph, terminalTable } from '../terminal.js';
import { type Verdict, verdictsTable } from './verdict.js';

/** One of several experiments in a report. */
export interface ExperimentPart
  extends Pick<ExperimentReport, 'title' | 'summary' | 'verdicts' | 'tables' | 'figures'> {
  /** Distinct within a report and fit for an anchor. */
  readonly name: string;
  /** Where in the paper the claims are. */
  readonly source: string;
}

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
  /** Several experiments in one report, each with a section of its own instead of the common ones. */
  readonly parts?: readonly ExperimentPart[];
  readonly warnings?: readonly Warning[];
  readonly provenance?: Provenance;
  /** The result as data, kept in the page for programs. */
  readonly result: unknown;
}

/** The report as one self-contained HTML file that opens offline. */
export function experimentHtml(report: ExperimentReport): string {
  const { title, subtitle, parts, summary, verdicts, tables, figures, warnings = [], provenance, result } = report;
  if (parts) return partsHtml(report, parts);
  return pageHtml({
    title,
    subtitle,
    sections: [
      ...(verdicts.length > 0
        ? [section('verdicts', held(verdicts), htmlTable(verdictsTable(verdicts), { whole: true }))]
        : []),
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

/** Verdicts on all experiments first, then each by itself. */
function partsHtml(
  { title, subtitle, verdicts, warnings = [], provenance, result }: ExperimentReport,
  parts: readonly ExperimentPart[],
): string {
  return pageHtml({
    title,
    subtitle,
    sections: [
      section(
        'verdicts',
        held(verdicts),
        warningsHtml(warnings),
        htmlTable(partsTable(parts), { whole: true }),
        htmlTable(verdictsTable(verdicts), { whole: true }),
      ),
      ...parts.map(({ name, source, title: heading, summary, tables, figures }) =>
        section(
          name,
          `${source}: ${heading}`,
          summaryHtml(summary),
          figuresHtml(figures),
          tables.length > 0
            ? html`<details><summary>In numbers</summary>
${tables.map((each) => htmlTable(each))}</details>
`
            : [],
        ),
      ),
      ...(provenance ? [provenanceHtml(provenance, [], [])] : []),
    ],
    result,
  });
}

/** One row an experiment: how many of its claims held. */
function partsTable(parts: readonly ExperimentPart[]): Table {
  const count = (verdicts: readonly Verdict[], holds: boolean | null) =>
    verdicts.filter((each) => each.holds === holds).length;
  const cell = (value: number, tone: Tone): Cell =>
    value === 0 ? { text: '–', sort: 0, tone: 'muted' } : { text: String(value), sort: value, tone };
  return {
    caption: 'Experiments',
    columns: [
      { label: 'experiment', name: true },
      { label: 'source' },
      { label: 'what it shows', name: true },
      { label: 'held', align: 'right' },
      { label: 'failed', align: 'right' },
      { label: 'undecided', align: 'right' },
    ],
    rows: parts.map(({ name, source, title, verdicts }) => [
      { text: name },
      { text: source },
      { text: title },
      cell(count(verdicts, true), 'good'),
      cell(count(verdicts, false), 'caution'),
      cell(count(verdicts, null), 'muted'),
    ]),
  };
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
  { claim, source, predicted, measured, interval, holds, reason }: Verdict,
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
  const why = reason === undefined ? '' : `; ${reason}`;
  return terminalParagraph([{ stress: word }, `: ${claim} (${source})${tail}${why}`], options, { bullet: '• ' });
}

function held(verdicts: readonly Verdict[]): string {
  const count = verdicts.filter(({ holds }) => holds === true).length;
  const undecided = verdicts.filter(({ holds }) => holds === null).length;
  return `${count} of ${plural(verdicts.length, 'claim')} held${undecided > 0 ? `, ${undecided} undecided` : ''}`;
}
