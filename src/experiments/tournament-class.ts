import type { Point } from './declare.js';

/** The probability under π_D that the bold model fails, in units of N^-(1-a), as the core has it. */
export const BOLD_FAILS = 0.2;
/** δ of the bounds, as the core has it. */
export const DELTA = 0.05;

/** What a class of the core's `tournament-class` is made of; `key` tells candidates apart. */
interface ClassOptions {
  readonly key?: number;
  readonly N: number;
  readonly a: number;
  readonly responses: number;
  readonly wrong: readonly number[];
  readonly bold?: boolean;
  readonly flat?: number;
  readonly onPolicy?: number;
}

/** A point at which tournaments are held on a class, or on several to choose from; Cov is measured at `threshold`. */
export function tournamentClass(x: number, classes: ClassOptions | readonly ClassOptions[], threshold: number): Point {
  const problem = [classes].flat().map(({ key = 0, ...options }) => ({
    key,
    problem: { name: 'tournament-class' as const, ...options },
  }));
  return { x, N: [threshold], problem };
}
