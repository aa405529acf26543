import { exact } from './format.js';

/** What may stand in a field: numbers keep full precision, nothing known is an empty field. */
export type CsvValue = string | number | boolean | null | undefined;

/**
 * CSV after RFC 4180: a header line, lines ended by CR LF, fields quoted where they hold a comma, a quote or a line
 * break (or blanks at an end, which some readers strip).
 */
export function csv(header: readonly string[], rows: Iterable<readonly CsvValue[]>): string {
  const lines = [header.map(field).join(',')];
  for (const row of rows) lines.push(row.map(field).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

function field(value: CsvValue): string {
  const text = typeof value === 'number' ? exact(value) : String(value ?? '');
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
