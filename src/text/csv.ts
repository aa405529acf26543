import { exact } from './format.js';

/** What may stand in a field: numbers keep full precision, nothing known is an empty field. */
export type CsvValue = string | number | boolean | null | undefined;

/**
 * CSV after RFC 4180: a header line, lines ended by CR LF, fields quoted where they hold a comma, a quote or a line
 * break (or blanks at an end, which some readers strip).
 *
 * A spreadsheet takes a text that begins like a formula for one and runs it, quoted or not. Names come from files, so
 * such a text gets an apostrophe before it, which spreadsheets take for "this is text". Numbers are left alone.
 */
export function csv(header: readonly string[], rows: Iterable<readonly CsvValue[]>): string {
  const lines = [header.map(field).join(',')];
  for (const row of rows) lines.push(row.map(field).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

const FORMULA = /^[\s'"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]/;
const NUMBER = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)$/i;

function field(value: CsvValue): string {
  const plain = typeof value === 'number' ? exact(value) : String(value ?? '');
  const text = typeof value === 'string' && FORMULA.test(plain) && !NUMBER.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
