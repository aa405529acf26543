import type { Phrase } from '../../results/phrase.js';
import type { Cell, Table } from '../../results/table.js';
import { count } from '../../text/format.js';
import { build, reportGiven } from '../fault.js';
import type { Block, Report } from '../report.js';
import { verdictsTable } from '../verdicts.js';

/** Rows of a table in Markdown, which is read in a review or a log; CSV and JSON hold all. */
const MOST_ROWS = 50;

/**
 * A report in GitHub's Markdown, as for a comment on a change or the summary of a job: its sentences and tables, a line
 * for each figure. What one looks up is left to the page.
 */
export function reportMarkdown(report: Report): string {
  return build('reportMarkdown()', reportGiven(report), () => {
    const { title, subtitle, sections } = report;
    const parts = [`# ${inline(title)}`, inline(subtitle)];
    for (const { heading, blocks, lookUp = false } of sections) {
      const set = lookUp ? [] : blocks.flatMap((block) => blockMarkdown(block, heading));
      if (set.length > 0) parts.push(`## ${inline(heading)}`, ...set);
    }
    return `${parts.join('\n\n')}\n`;
  });
}

/** What a block comes to, paragraph by paragraph. */
function blockMarkdown(block: Block, heading: string): string[] {
  switch (block.kind) {
    case 'paragraph':
      return [phraseMarkdown(block.text)];
    case 'list':
      return listMarkdown(block.items);
    case 'advice':
      return listMarkdown(block.items.map(({ text }) => text));
    case 'warnings':
      return block.warnings.length === 0
        ? []
        : [['> [!WARNING]', ...block.warnings.map(({ message }) => `> ${inline(message)}`)].join('\n')];
    case 'verdicts':
      return tableMarkdown(verdictsTable(block.verdicts));
    case 'table':
      return tableMarkdown(block.table);
    case 'figures':
      return block.figures.map(
        ({ title, description }) => (title === heading ? '' : `*${inline(title)}:* `) + inline(description),
      );
    case 'details':
    case 'verbatim':
      return [];
  }
}

function listMarkdown(items: readonly Phrase[]): string[] {
  return items.length === 0 ? [] : [items.map((item) => `- ${phraseMarkdown(item)}`).join('\n')];
}

function phraseMarkdown(phrase: Phrase): string {
  return phrase
    .map((part) => {
      if (typeof part === 'string') return inline(part);
      if ('code' in part) return code(part.code);
      return bold('model' in part ? part.model : part.stress);
    })
    .join('');
}

/** Blanks at the ends would keep the stars from being read as stress. */
function bold(text: string): string {
  const [, before, inner, after] = /^(\s*)(.*?)(\s*)$/s.exec(text)!;
  return inner === '' ? text : `${before}**${inline(inner!)}**${after}`;
}

/** A span of code between more backticks than it holds in a row. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const edge = /^`|`$/.test(text) ? ' ' : '';
  return `${fence}${edge}${oneLine(text)}${edge}${fence}`;
}

function tableMarkdown({ caption, columns, rows }: Table): string[] {
  const shown = rows.slice(0, MOST_ROWS);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const left = rows.length - shown.length;
  return [
    `**${inline(caption)}**`,
    [
      line(columns.map(({ label }) => inline(label))),
      line(columns.map(({ align }) => (align === 'right' ? '--:' : ':--'))),
      ...shown.map((row) => line(row.map(cellMarkdown))),
    ].join('\n'),
    ...(left > 0 ? [`… ${count(left)} more`] : []),
  ];
}

function cellMarkdown({ text, tone, note }: Cell): string {
  const set = tone === 'strong' ? bold(text) : inline(text);
  return note === undefined ? set : `${set}<br>${inline(note)}`;
}

/**
 * Text that Markdown shows as it is: what could begin markup, an entity or a formula is escaped; an invisible blank keeps
 * names from becoming links, mentions of people or references to issues. Control characters and what reverses text, with
 * which a name could pose as another, become the replacement character.
 */
function inline(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_[\]|~$<]|&(?=#?\w+;)/g, (mark) => ({ '<': '&lt;', '&': '&amp;' })[mark] ?? `\\${mark}`)
    .replace(/^[#>+-]|(?<=^\d+)[.)](?=\s|$)/, '\\$&')
    .replace(/[@#](?=\w)|:(?=\/\/)|\bwww(?=\.)/gi, '$&\u2060');
}

function oneLine(text: string): string {
  return text
    .replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
    .replace(/[\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
