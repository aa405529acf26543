import type { ProblemOptions } from '../problems/problem-options.js';
import type { Point } from './declare.js';

/** c1 of Proposition I.1, the problem's default. */
const C1 = 1 / 8;

/** What members of the family of {@link hiddenSigns} have in common. */
export interface HiddenSignsFamily {
  /** n = T. */
  readonly responses: number;
  readonly N: number;
  /** B, at least √(4 log N/c1) = √(32 log N). */
  readonly bound: number;
}

/** A member of a family of instances: the rare prompt's probability and the problem. */
export interface Member {
  readonly rare: number;
  readonly problem: ProblemOptions;
}

/**
 * Instances of Proposition I.1 with this σ*², one for each probability of the prompt +: the rarer it is, the more signs H
 * there are to learn from its responses. The hardest is neither the most nor the least frequent.
 */
function hiddenSigns(family: HiddenSignsFamily, inherentVariance: number, rare: readonly number[]): Member[] {
  // σ*² = μ(+)·H·B²/4, all but the factor 4p(1 − p).
  return rare.map((plus) =>
    hiddenSignsOf(family, Math.max(1, Math.round((4 * inherentVariance) / (plus * family.bound ** 2))), plus),
  );
}

/** The instance of Proposition I.1 with these H = d and μ(+). */
export function hiddenSignsOf({ responses, N, bound }: HiddenSignsFamily, horizon: number, plus: number): Member {
  const squaredLogit = (4 * Math.log(N)) / (C1 * horizon);
  return {
    rare: plus,
    problem: { name: 'prop-i.1', responses, horizon, N, bound, c0: plus * responses * squaredLogit },
  };
}

/** Log odds of the likelier token with 4p(1 − p)·H = `noise`: then σ*² does not change with H. */
export function certainLogit(horizon: number, noise: number): number {
  const p = (1 + Math.sqrt(1 - noise / horizon)) / 2;
  return Math.log(p / (1 - p));
}

/** 1, 1/√2, 1/2, … 2^{−(count−1)/2}; in the quick version every second. */
export function probabilities(count: number, quick: boolean): number[] {
  const all = Array.from({ length: count }, (_, index) => 2 ** (-index / 2));
  return all.filter((_, index) => !quick || index % 2 === 0);
}

/** A point at which the worst counts of `count` instances of {@link hiddenSigns}, each with all `steps` (step factors). */
export function atWorst(
  x: number,
  family: HiddenSignsFamily,
  inherentVariance: number,
  count: number,
  quick: boolean,
  steps: readonly (number | null)[] = [null],
): Point {
  const members = hiddenSigns(family, inherentVariance, probabilities(count, quick));
  const problem = steps.flatMap((step) =>
    members.map(({ problem: each }) => ({
      key: step ?? 0,
      problem: step === null ? each : { ...each, stepFactor: step },
    })),
  );
  return { x, N: [family.N], problem };
}
