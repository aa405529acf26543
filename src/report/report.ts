import type { Provenance, Warning } from '../results/estimate.js';
import type { Part, Phrase } from '../results/phrase.js';
import type { Table, Tone } from '../results/table.js';
import type { Verdict } from '../results/verdict.js';
import type { CsvValue } from '../text/csv.js';
import type { Figure } from './charts/figure.js';
import { build, reportGiven } from './fault.js';

/**
 * A report as data. Every result has one function that makes it (`selectionReport`, `passAtKReport`, …), and every
 * exporter takes every report: `reportText`, `reportMarkdown`, `reportHtml`, `reportCsv`, `reportJson`, and
 * `figureSvg` and `figurePng` of `reportFigures`.
 */
export interface Report {
  readonly title: string;
  /** One line under the title, e.g. sizes and seed. */
  readonly subtitle: string;
  readonly sections: readonly Section[];
  /** What was measured, in full precision: what CSV holds. */
  readonly sheet: Sheet;
  /** The result itself as plain data: what JSON holds, kept in a page for programs. */
  readonly result: unknown;
  /** What a page keeps of the result, where all of it would weigh more than the rest of the page. */
  readonly keptInPage?: unknown;
  /** How this report came about, which the result does not say; set by whoever writes it. */
  readonly made?: Made;
}

/** What a report may say besides its result. */
export interface ReportExtras {
  readonly warnings?: readonly Warning[];
  readonly provenance?: Provenance;
}

/** When and how a report was made. */
export interface Made {
  readonly date: Date;
  /** The command line, as typed. */
  readonly command?: string;
}

/** Rows of one kind, without any setting: numbers in full precision, nothing known is empty. */
export interface Sheet {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
}

/** A part of a report with its heading. */
export interface Section {
  /** Distinct within a report and fit for an anchor: lower-case letters, digits, hyphens. */
  readonly id: string;
  readonly heading: string;
  readonly blocks: readonly Block[];
  /** Whether only a page shows it: what is looked up rather than read. */
  readonly lookUp?: boolean;
}

/** What a section is made of. */
export type Block =
  | { readonly kind: 'paragraph'; readonly text: Phrase }
  /** Sentences as a list; `notes` are set small. */
  | { readonly kind: 'list'; readonly items: readonly Phrase[]; readonly notes: boolean }
  | { readonly kind: 'advice'; readonly items: readonly Advice[] }
  | { readonly kind: 'warnings'; readonly warnings: readonly Warning[] }
  | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
  /** `id` is its anchor in a page. */
  | { readonly kind: 'table'; readonly table: Table; readonly id?: string }
  /** Figures one after the other, narrow ones side by side; `unfolding`: all but the first fold away. */
  | { readonly kind: 'figures'; readonly figures: readonly Figure[]; readonly unfolding: boolean }
  /** What a page folds away and other exporters leave out. */
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] }
  /** Text to be kept as it is, such as a configuration. */
  | { readonly kind: 'verbatim'; readonly text: string };

/** One thing to do, with what speaks for it. */
export interface Advice {
  /** What it is for, e.g. `N = 4`. */
  readonly occasion: string;
  /** What to take. */
  readonly model: string;
  /** How sure that is, in a word or two. */
  readonly verdict?: string;
  readonly tone: Tone;
  /** The whole in sentences, complete without the rest. */
  readonly text: Phrase;
}

export const paragraph = (...text: Part[]): Block => ({ kind: 'paragraph', text });
export const list = (items: readonly Phrase[]): Block => ({ kind: 'list', items, notes: false });
export const notes = (items: readonly Phrase[]): Block => ({ kind: 'list', items, notes: true });
export const table = (each: Table, id?: string): Block => ({
  kind: 'table',
  table: each,
  ...(id !== undefined && { id }),
});
export const figures = (all: readonly Figure[]): Block => ({ kind: 'figures', figures: all, unfolding: false });
export const unfoldingFigures = (all: readonly Figure[]): Block => ({ kind: 'figures', figures: all, unfolding: true });
export const warnings = (all: readonly Warning[]): Block => ({ kind: 'warnings', warnings: all });

/** A section of one figure, whose title is the heading; none without a figure. */
export function figureSection(id: string, figure: Figure | null): Section[] {
  return figure ? [{ id, heading: figure.title, blocks: [figures([figure])] }] : [];
}

/** All figures of a report, in its order. */
export function reportFigures(report: Report): Figure[] {
  return build('reportFigures()', reportGiven(report), () => {
    const { sections } = report;
    const within = (blocks: readonly Block[]): Figure[] =>
      blocks.flatMap((block) => {
        if (block.kind === 'figures') return block.figures;
        return block.kind === 'details' ? within(block.blocks) : [];
      });
    return sections.flatMap(({ blocks }) => within(blocks));
  });
}
