/** Values of any shape that JSON can have. */
export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Strings come first, so that what looks like a number inside one is left alone.
const STRING_OR_NON_FINITE = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/g;

/**
 * Parses JSON as Python writes it: bare `NaN`, `Infinity` and `-Infinity`, which JSON does not have, become strings,
 * which {@link toNumber} understands.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(text.replace(STRING_OR_NON_FINITE, (match) => (match.startsWith('"') ? match : `"${match}"`)));
  }
}

/** Python's and JavaScript's spellings. */
const NON_FINITE = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/** Decimal numbers; `Number` would also read hexadecimal, octal, binary and the empty string. */
const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

const MISSING = new Set(['', 'null', 'none', 'na', 'n/a']);

/** The number that a JSON value or a table cell stands for; `null` if it is missing, `undefined` if it is no number. */
export function toNumber(value: unknown): number | null | undefined {
  if (typeof value === 'number') return value;
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (DECIMAL.test(text)) return Number(text);
  const word = text.toLowerCase();
  if (MISSING.has(word)) return null;
  return NON_FINITE.get(word);
}

/** A text or a number as an id; `undefined` for anything else. */
export function toId(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}

/** `Log-Prob`, `log_prob` and `logProb` are the same name. */
export function normalise(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]/g, '');
}

/** A value in a few words, for messages. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
