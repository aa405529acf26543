import { InvalidArgumentError } from 'commander';
import { CoverageError } from '../error.js';

/** Parses `2,4,16` as ratios N ≥ 1. */
export function parseRatios(text: string): number[] {
  return parseNumbers(text, 'N', (value) => value >= 1, 'a number of at least 1');
}

/** Parses `4,16` as budgets K, whole numbers of at least 3. */
export function parseBudgets(text: string): number[] {
  return parseNumbers(
    text,
    'K',
    (value) => Number.isSafeInteger(value) && value >= 3,
    'a whole number of at least 3 samples a prompt',
  );
}

/** Fails unless a budget or a ratio was asked about. */
export function checkAsked({ bestOf, N }: { readonly bestOf?: number[]; readonly N?: number[] }): void {
  if (bestOf !== undefined || N !== undefined) return;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    'Say how many samples a prompt there will be, --best-of 4,16, or at which ratio to look, -N 4.',
    { place: { field: 'bestOf' } },
  );
}

/** Parses `1,4,16` as whole numbers k ≥ 1. */
export function parseWholeNumbers(text: string): number[] {
  return parseNumbers(text, 'k', (value) => Number.isSafeInteger(value) && value >= 1, 'a whole number of at least 1');
}

/** Parses a whole number of at least `least`. */
export function parseWholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = toNumber(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Give a whole number of at least ${least}.`);
  };
}

/** Parses a number above 0. */
export function parsePositive(text: string): number {
  const value = toNumber(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Give a number above 0.');
}

/** Parses a number strictly between 0 and 1. */
export function parseConfidence(text: string): number {
  const value = toNumber(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError('Give a number between 0 and 1, e.g. 0.95.');
}

/** Parses a number from 0 to 1. */
export function parseShare(text: string): number {
  const value = toNumber(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Give a number from 0 to 1.');
}

/** Parses a share below 1: `1%` or `0.01`. */
export function parseShareOrPercent(text: string): number {
  const [, number, percent] = /^(.*?)(%?)$/.exec(text.trim())!;
  const value = toNumber(number!) / (percent ? 100 : 1);
  if (value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Give a share of at least 0 and below 1, as 1% or 0.01.');
}

/** Parses a comma-separated list of names. */
export function parseNames(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/**
 * The names that are meant: as they are given, or all that a pattern stands for, in their order; `*` stands for any text.
 * A name that has a star in it is a name.
 *
 * @throws CoverageError `ERR_UNKNOWN_MODEL` for a pattern that stands for none
 */
export function matchNames(patterns: readonly string[], names: readonly string[]): string[] {
  const meant = patterns.flatMap((pattern) => {
    if (names.includes(pattern) || !pattern.includes('*')) return [pattern];
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const shape = new RegExp(`^${parts.join('.*')}$`, 's');
    const found = names.filter((name) => shape.test(name));
    if (found.length > 0) return found;
    throw new CoverageError(
      'ERR_UNKNOWN_MODEL',
      `No model is called like ${pattern}: there are ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}.`,
      { place: { model: pattern } },
    );
  });
  return [...new Set(meant)];
}

/** Parses `3/16`, a part and of how many. */
export function parseShard(text: string): [number, number] {
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (part === undefined || Number(part) < 1 || Number(part) > Number(of))
    throw new InvalidArgumentError('Give I/N with I from 1 to N, as 3/16.');
  return [Number(part), Number(of)];
}

/** Parses three weights, not negative and not all 0. */
export function parseWeights(text: string): [number, number, number] {
  const weights = text.split(',').map(toNumber);
  const [first, second, third] = weights;
  const legal = weights.length === 3 && weights.every((weight) => Number.isFinite(weight) && weight >= 0);
  if (!legal || weights.every((weight) => weight === 0)) {
    throw new InvalidArgumentError('Give three weights, not negative and not all 0, separated by commas: 0.9,0.1,0.');
  }
  return [first!, second!, third!];
}

function parseNumbers(text: string, name: string, legal: (value: number) => boolean, expected: string): number[] {
  const values = text.split(',').map((part) => {
    const value = toNumber(part);
    if (Number.isFinite(value) && legal(value)) return value;
    throw new InvalidArgumentError(
      `${name} must be ${expected}, not "${part.trim()}"; several are separated by commas.`,
    );
  });
  const repeated = values.find((value, index) => values.indexOf(value) !== index);
  if (repeated !== undefined) throw new InvalidArgumentError(`${name} = ${repeated} is given twice.`);
  return values;
}

function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}
