/** How numbers, intervals and names are written in every report. */
import type { Interval } from '../results/estimate.js';

const MINUS = '−';

/** A share in [0, 1] as a percentage, with as many decimals as `total` cases can resolve. */
export function percent(share: number, total = 1000): string {
  return `${signed((share * 100).toFixed(percentDecimals(total)))}%`;
}

function percentDecimals(total: number): number {
  if (total < 200) return 0;
  return total < 2000 ? 1 : 2;
}

/** A difference of two shares, in percentage points. */
export function points(difference: number, total = 1000): string {
  return `${signed((difference * 100).toFixed(percentDecimals(total)))} points`;
}

/** An interval of shares: `1.2–3.4%`, or `−0.3% to 1.2%` where an end is negative. */
export function percentInterval(interval: Interval, total = 1000): string {
  const [low, high] = interval.map((end) => percent(end, total)) as [string, string];
  return interval[0] < 0 ? `${low} to ${high}` : `${low.slice(0, -1)}–${high}`;
}

/** A real number with `digits` decimals and a true minus sign. */
export function decimal(value: number, digits = 3): string {
  return signed(value.toFixed(digits));
}

/** An interval of real numbers. */
export function decimalInterval(interval: Interval, digits = 3): string {
  return `${decimal(interval[0], digits)} to ${decimal(interval[1], digits)}`;
}

/** A real number in the fewest characters that keep `digits` significant ones, as on an axis. */
export function compact(value: number, digits = 4): string {
  return signed(String(Number(value.toPrecision(digits))));
}

/** A number in full precision for a machine to read, as in CSV. */
export function exact(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

/** A count with thin separators: `1,000`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** With a capital at the beginning. */
export function capitalised(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** `1 response`, `2 responses`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The confidence of intervals: `95%`. */
export function confidencePercent(confidence: number): string {
  return `${compact(confidence * 100, 6)}%`;
}

function signed(text: string): string {
  if (/^-0(\.0*)?$/.test(text)) return text.slice(1);
  return text.startsWith('-') ? MINUS + text.slice(1) : text;
}

/**
 * A name cut in the middle to at most `length` characters. Control characters and unpaired surrogates, which a drawing
 * cannot hold, become the replacement character.
 */
export function shortName(name: string, length: number): string {
  const characters = [...name.replace(/[\p{Cc}\p{Surrogate}\u2028\u2029]/gu, '\ufffd')];
  if (characters.length <= length) return characters.join('');
  const head = Math.ceil((length - 1) / 2);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (length - 1 - head)).join('')}`;
}

const SHORTEST_PREFIX = 6;

/**
 * Names cut like `shortName` but kept distinct, so that what differs stays: parts that all share go first (`lr=1,seed=2`
 * of a sweep over `lr` becomes `lr=1,…`), then a beginning that all share; names that would still become equal are
 * numbered.
 */
export function shortNames(whole: readonly string[], length: number): string[] {
  const tooLong = whole.some((name) => [...name].length > length);
  const names = tooLong ? withoutCommonParts(whole) : whole;
  const prefix = tooLong ? commonPrefix(names) : '';
  const rest = prefix.length < SHORTEST_PREFIX ? names : names.map((name) => `…${name.slice(prefix.length)}`);
  const short = rest.map((name) => shortName(name, length));
  const seen = new Map<string, number>();
  for (const name of short) seen.set(name, (seen.get(name) ?? 0) + 1);
  return short.map((name, index) =>
    seen.get(name) === 1 ? name : `${isolated(shortName(rest[index]!, length - 5))} #${index + 1}`,
  );
}

/** Names in which each run of parts, set apart by commas or blanks, that all share has become `…`. */
function withoutCommonParts(names: readonly string[]): readonly string[] {
  const split = names.map((name) => name.split(/(?<=[,;]\s*|\s)(?=\S)/));
  const parts = split[0]?.length ?? 0;
  if (names.length < 2 || parts < 2 || split.some((each) => each.length !== parts)) return names;
  const bare = (part: string) => part.replace(/[,;\s]+$/, '');
  const shared = Array.from({ length: parts }, (_, at) =>
    split.every((each) => bare(each[at]!) === bare(split[0]![at]!)),
  );
  if (!shared.includes(true) || !shared.includes(false)) return names;
  return split.map((each) =>
    each
      .map((part, at) => {
        if (!shared[at]) return part;
        return at > 0 && shared[at - 1] ? '' : '…';
      })
      .join(''),
  );
}

/** What all names begin with, up to a separator; empty for a single name. */
function commonPrefix(names: readonly string[]): string {
  if (names.length < 2) return '';
  let prefix = names[0]!;
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix.slice(0, prefix.search(/[^-_/.: ]*$/));
}

/**
 * A name before other text on the same line: one that runs from right to left is closed by a mark, or what follows it,
 * such as its number, would be set on its other side.
 */
export function isolated(name: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u.test(name)
    ? `\u200e${name}\u200e`
    : name;
}

/** A share of replicates in whole percents, but never 100% for less than all or 0% for more than none. */
export function roughPercent(share: number): string {
  const whole = percent(share, 100);
  if (!((whole === '100%' && share < 1) || (whole === '0%' && share > 0))) return whole;
  const finer = percent(share);
  if (finer === '100.0%') return '> 99.9%';
  return finer === '0.0%' ? '< 0.1%' : finer;
}
