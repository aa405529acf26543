import type { ProblemOptions } from '../problems/problem-options.js';
import type { Candidate, SeriesDeclaration, Sweep } from './declare.js';
import { geometric } from './series.js';

/** The update rules that are held against each other, by name, as the core calls them. */
export const RULES = {
  SGD: 'sgd',
  'normalized SGD': 'normalizedSgd',
  SignSGD: 'signSgd',
  Adam: 'adam',
} as const;
export type Rule = keyof typeof RULES;

/** B of the constructions. */
const BOUND = 80;
/** Step sizes of SGD in units of 1/(HB); it is tried with a step of 1, too. */
const PULLS = [0.5, 1, 2, 4, 16];
/** Step sizes of the rules whose steps have a length of their own. */
const LENGTHS = [1 / 80, 1 / 40, 1 / 20, 1 / 10, 1 / 5, 1];

/** A curve of {@link promptsNeeded}: a rule at its best step size, or Theorem 5.1's own constants. */
export type Entry = Rule | 'theory';

/** What the curve of an entry is called. */
export function entryName(entry: Entry): string {
  return entry === 'theory' ? "normalized SGD with theory's η and λ" : `${entry} at its best step`;
}

/** One series an entry, at the best of its step sizes. */
function seriesOf(entries: readonly Entry[], series: Omit<SeriesDeclaration, 'group' | 'estimator' | 'choice'>) {
  return Object.fromEntries(
    entries.map((group) => [entryName(group), { ...series, group, estimator: 'trained', choice: 'least' as const }]),
  );
}

/**
 * How many responses to + each entry needs until Cov_N on + is 0 for good, against H, on the instance of Proposition 5.1:
 * at the best of the step sizes that also settle where large steps oscillate.
 */
export function promptsNeeded(entries: readonly Entry[], quick: boolean): Sweep {
  const horizons = quick ? geometric(2048, Math.SQRT2, 5) : geometric(1024, 2, 5);
  const candidates = (entry: Entry, horizon: number): readonly Candidate[] => {
    const problem = { name: 'step-sizes', horizon, bound: BOUND } as const;
    if (entry === 'theory')
      return [{ key: 0, group: entry, problem: { ...problem, rule: 'normalizedSgd', most: 1400 } }];
    const sizes = entry === 'SGD' ? [...PULLS.map((pull) => pull / (horizon * BOUND)), 1] : LENGTHS;
    const rule = { ...problem, rule: RULES[entry], most: quick ? 160 : 256 };
    return sizes.map((stepSize) => ({ key: stepSize, group: entry, problem: { ...rule, stepSize } }));
  };
  return {
    variable: 'H',
    title: 'Prompts + until Cov_4 on + is 0, against H',
    quantity: 'prompts + needed',
    caption: `The construction of Proposition 5.1 with B = ${BOUND}. A step size counts only if it also comes to rest on the prompts on which large steps jump for ever. Both axes are logarithmic.`,
    replicates: 2,
    series: seriesOf(entries, { quantity: { detail: 'promptsUntilCovered' } }),
    points: horizons.map((horizon) => ({
      x: horizon,
      problem: entries.flatMap((entry) => candidates(entry, horizon)),
    })),
  };
}

type RandomClass = Extract<ProblemOptions, { name: 'random-class' }>;

/** Step sizes a factor of √10 apart, from where every rule is too slow to where every rule is too coarse. */
const STEP_SIZES = [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2, 0.1];

/** The averaged Cov_4 of rules at their best step sizes on random classes along a sweep. */
export function onRandomClasses(
  rules: readonly Rule[],
  points: readonly { readonly x: number; readonly options: Omit<RandomClass, 'name' | 'rule' | 'stepSize'> }[],
): Pick<Sweep, 'quantity' | 'series' | 'points'> {
  return {
    quantity: 'averaged Cov_4',
    series: seriesOf(rules, {}),
    points: points.map(({ x, options }) => ({
      x,
      N: [4],
      problem: rules.flatMap((group) =>
        STEP_SIZES.map((stepSize) => ({
          ...{ key: stepSize, group },
          problem: { name: 'random-class' as const, rule: RULES[group], stepSize, ...options },
        })),
      ),
    })),
  };
}
