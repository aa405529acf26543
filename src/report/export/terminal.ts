import { styleText } from 'node:util';
import { answer } from '../../error.js';
import { type Phrase, phraseText } from '../../results/phrase.js';
import type { Cell, Column, Table, Tone } from '../../results/table.js';
import { count, shortName } from '../../text/format.js';
import { displayWidth } from '../../text/width.js';

/** How text for a terminal is set. */
export interface TerminalOptions {
  /** Width in columns; default 80. */
  readonly columns?: number;
  /** Whether to use colour; default no. `terminalOptions` finds it out. */
  readonly color?: boolean;
}

/** Width and colour for a stream: colour only on a terminal, never against NO_COLOR or TERM=dumb. */
export function terminalOptions(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: NodeJS.ProcessEnv = process.env,
): Required<TerminalOptions> {
  return answer('terminalOptions()', () => {
    const { NO_COLOR, FORCE_COLOR, TERM, COLUMNS } = environment;
    const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
    const color = !NO_COLOR && (forced || (stream.isTTY === true && TERM !== 'dumb' && FORCE_COLOR === undefined));
    const width = stream.columns ?? Number(COLUMNS);
    return { columns: Number.isInteger(width) && width > 0 ? width : 80, color };
  });
}

type Style = Parameters<typeof styleText>[0];

const TONES: Readonly<Record<Tone, Style>> = { strong: 'bold', good: 'green', caution: 'yellow', muted: 'dim' };

/** Sets text in a style if colour is wanted; the stream was looked at before, so `styleText` need not. */
export function styled(style: Style, text: string, color: boolean): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}

/**
 * Text that a terminal shows as it is: control characters and bidirectional overrides, with which a name could move the
 * cursor or pose as another, become visible.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Surrogate}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? blanks + text : text + blanks;
}

const GAP = 2;
/** Names are cut to no fewer characters than this. */
const LEAST_NAME = 20;

/**
 * Sets a table in padded columns. Names are cut in the middle to make it fit; what still does not fit goes into further
 * blocks below, each with the first column again. Only the first `rows` rows are set; a last line says how many are
 * left and, by `more`, how to see them.
 */
export function terminalTable(
  table: Table,
  { columns: width = 80, color = false }: TerminalOptions = {},
  { rows: limit = Number.POSITIVE_INFINITY, more = '' }: { readonly rows?: number; readonly more?: string } = {},
): string {
  const shown = table.rows.slice(0, limit).map((row) => row.map((cell) => ({ ...cell, text: printable(cell.text) })));
  const natural = table.columns.map((column, index) =>
    Math.max(displayWidth(column.label), ...shown.map((row) => displayWidth(row[index]!.text))),
  );
  const widths = fitNames(natural, table.columns, width);
  const lines = [styled('bold', table.caption, color)];
  for (const block of blocks(widths, table.columns, width)) {
    if (lines.length > 1) lines.push('');
    const header = block.map((index) => pad(table.columns[index]!.label, widths[index]!, table.columns[index]!.align));
    lines.push(styled('underline', header.join(' '.repeat(GAP)).trimEnd(), color));
    for (const row of shown) {
      lines.push(
        block
          .map((index) => cellText(row[index]!, widths[index]!, table.columns[index]!, color))
          .join(' '.repeat(GAP))
          .trimEnd(),
      );
    }
  }
  const left = table.rows.length - shown.length;
  const rest = left > 0 ? terminalParagraph([`… ${count(left)} more${more && `; ${more}`}`], { columns: width }) : '';
  return `${lines.join('\n')}\n${rest && styled('dim', rest, color)}`;
}

function cellText(cell: Cell, width: number, column: Column, color: boolean): string {
  const text = displayWidth(cell.text) > width ? cutToWidth(cell.text, width) : cell.text;
  const padded = pad(text, width, column.align);
  return cell.tone && color ? padded.replace(text, () => styled(TONES[cell.tone!], text, color)) : padded;
}

function cutToWidth(text: string, width: number): string {
  let length = width;
  while (length > 1 && displayWidth(shortName(text, length)) > width) length -= 1;
  return shortName(text, length);
}

/**
 * Shares the missing room among the columns of names, down to `LEAST_NAME` each. Where that is not enough the table is
 * split anyway, and names keep up to half of the width.
 */
function fitNames(natural: readonly number[], columns: readonly Column[], width: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP * (widths.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      if (column.name && widths[index]! > LEAST_NAME && (widest < 0 || widths[index]! > widths[widest]!))
        widest = index;
    }
    if (widest < 0) {
      const cut = natural.map((each, index) => (columns[index]!.name && index > 0 ? Math.min(each, LEAST_NAME) : each));
      const widest = Math.max(0, ...groups(columns).map((group) => blockWidth(group, cut)));
      const most = Math.max(LEAST_NAME, Math.min(Math.floor(width / 2), width - widest));
      return natural.map((each, index) => (columns[index]!.name ? Math.min(each, most) : each));
    }
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

/** All columns but the first, those that belong together in one group. */
function groups(columns: readonly Column[]): number[][] {
  const result: number[][] = [];
  for (let index = 1; index < columns.length; index += 1) {
    if (columns[index]!.withPrevious && result.length > 0) result.at(-1)!.push(index);
    else result.push([index]);
  }
  return result;
}

function blockWidth(group: readonly number[], widths: readonly number[]): number {
  return group.reduce((sum, index) => sum + GAP + widths[index]!, 0);
}

/** Splits the columns into blocks that fit; each begins with the first column. */
function blocks(widths: readonly number[], columns: readonly Column[], width: number): number[][] {
  const result: number[][] = [[0]];
  let used = widths[0]!;
  for (const group of groups(columns)) {
    const wanted = blockWidth(group, widths);
    if (used + wanted > width && result.at(-1)!.length > 1) {
      result.push([0]);
      used = widths[0]!;
    }
    result.at(-1)!.push(...group);
    used += wanted;
  }
  return result;
}

/** Sets a paragraph: words wrapped to the width, names of models bold. */
export function terminalParagraph(
  phrase: Phrase,
  { columns: width = 80, color = false }: TerminalOptions = {},
  { bullet = '' }: { readonly bullet?: string } = {},
): string {
  const bold = (text: string) => styled('bold', printable(text), color);
  // Blanks within a name or a stressed text must not be places to break, or styles would run over line ends.
  const fixed = (text: string) => bold(text.replaceAll(' ', '\u00a0'));
  const words = phraseText(
    phrase.map((part) => {
      if (typeof part === 'string') return printable(part);
      return 'code' in part ? { code: printable(part.code) } : part;
    }),
    fixed,
    fixed,
  ).split(' ');
  const indent = ' '.repeat(displayWidth(bullet));
  const lines: string[] = [];
  let line = bullet;
  let empty = true;
  for (const word of words) {
    if (!empty && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return `${lines.join('\n').replaceAll('\u00a0', ' ')}\n`;
}
