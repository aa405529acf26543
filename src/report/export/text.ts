import type { Phrase } from '../../results/phrase.js';
import type { Verdict } from '../../results/verdict.js';
import { build, reportGiven } from '../fault.js';
import type { Block, Report } from '../report.js';
import { verdictFigures, verdictWord } from '../verdicts.js';
import { printable, styled, type TerminalOptions, terminalParagraph, terminalTable } from './terminal.js';

/** How `reportText` sets a report. */
export interface ReportTextOptions extends TerminalOptions {
  /** Rows of a table; default 20. */
  readonly rows?: number;
}

const MOST_ROWS = 20;
const MORE = '--csv FILE, --json and --report FILE hold all of them';

/** A report for a terminal: its sentences and tables; figures and what one looks up are left to the page. */
export function reportText(report: Report, options: ReportTextOptions = {}): string {
  return build('reportText()', reportGiven(report), () => {
    const { color = false } = options;
    const parts = [
      `${styled('bold', printable(report.title), color)}\n${terminalParagraph([report.subtitle], options)}`,
    ];
    for (const { heading, blocks, lookUp = false } of report.sections) {
      const set = lookUp ? [] : blocks.map((block) => blockText(block, options)).filter((text) => text !== '');
      if (set.length > 0) parts.push(`${styled(['bold', 'underline'], printable(heading), color)}\n${set.join('\n')}`);
    }
    return parts.join('\n');
  });
}

function blockText(block: Block, options: ReportTextOptions): string {
  const bullets = (items: readonly Phrase[], bullet: string) =>
    items.map((item) => terminalParagraph(item, options, { bullet })).join('');
  switch (block.kind) {
    case 'paragraph':
      return terminalParagraph(block.text, options);
    case 'list':
      return bullets(block.items, '• ');
    case 'advice':
      return bullets(
        block.items.map(({ text }) => text),
        '• ',
      );
    case 'warnings':
      return bullets(
        block.warnings.map(({ message }) => [message]),
        '! ',
      );
    case 'verdicts':
      return bullets(block.verdicts.map(verdictPhrase), '• ');
    case 'table':
      return terminalTable(block.table, options, { rows: options.rows ?? MOST_ROWS, more: MORE });
    case 'figures':
    case 'details':
    case 'verbatim':
      return '';
  }
}

/** A verdict as a sentence: claims are too long for a column. */
function verdictPhrase(verdict: Verdict): Phrase {
  const { claim, source, reason } = verdict;
  const figures = verdictFigures(verdict);
  const tail = figures.length > 0 ? `: ${figures.join(', ')}` : '';
  return [
    { stress: verdictWord(verdict) },
    `: ${claim} (${source})${tail}${reason === undefined ? '' : `; ${reason}`}`,
  ];
}
