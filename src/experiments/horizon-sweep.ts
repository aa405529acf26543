import type { ExperimentContext } from './experiment.js';
import { geometric } from './geometric.js';
import { BOUND, BUDGET, type Contestant, onConstructions } from './sgd-constructions.js';
import { meanWithError } from './statistics.js';
import type { Series } from './sweep.js';
import type { Rule } from './update-rules.js';

/** Step sizes of SGD in units of 1/(HB); it is tried with a step of 1, too. */
const PULLS = [0.5, 1, 2, 4, 16];
/** Step sizes of the rules whose steps have a length of their own. */
const LENGTHS = [1 / 80, 1 / 40, 1 / 20, 1 / 10, 1 / 5, 1];
/** Responses to a prompt at most: at the best step size, and with theory's constants. */
const MOST = { quick: 72, full: 256, theory: 1400 };

/** What a curve of {@link promptsNeeded} is about: a rule at its best step size, or Theorem 5.1's own constants. */
export type Entry = Rule | 'theory';

/** What {@link promptsNeeded} measures, and how, for captions. */
export const NEEDED_CAPTION = `The construction of Proposition 5.1 with B = ${BOUND}. A step size counts only if it also comes to rest on the prompts on which large steps jump for ever. Both axes are logarithmic.`;
export const NEEDED_TITLE = `Prompts + until Cov_${BUDGET} on + is 0, against H`;

/**
 * How many responses to + each entry needs until Cov_N on + is 0 for good, against H, on the instance of Proposition
 * 5.1: at the best of the step sizes that also settle where large steps oscillate.
 */
export async function promptsNeeded(entries: readonly Entry[], context: ExperimentContext): Promise<Series[]> {
  const horizons = context.quick ? geometric(1024, Math.SQRT2, 5) : geometric(1024, 2, 5);
  const replicates = context.quick ? 1 : 2;
  const rules = entries.filter((entry) => entry !== 'theory');
  const points = entries.map((): Series['points'][number][] => []);
  for (const [index, horizon] of horizons.entries()) {
    const needed = entries.map((): number[] => []);
    for (let replicate = 0; replicate < replicates; replicate += 1) {
      context.progress(
        (2 ** index + (2 ** index * replicate) / replicates - 1) / 2 ** horizons.length,
        `H = ${horizon}`,
      );
      const settings = { ...context, replicate };
      const contestants = rules.flatMap((rule) => contestantsOf(rule, horizon));
      const steps = context.quick ? MOST.quick : MOST.full;
      const standings = await onConstructions(contestants, horizon, steps, settings);
      for (const [at, entry] of entries.entries()) {
        if (entry === 'theory') {
          const byTheory = { rule: 'normalized SGD', stepSize: 'theory' } as const;
          const [standing] = await onConstructions([byTheory], horizon, MOST.theory, settings);
          needed[at]!.push(standing!.needed);
        } else {
          const settled = standings.filter(({ rule, settles }) => rule === entry && settles);
          needed[at]!.push(Math.min(...settled.map((each) => each.needed)));
        }
      }
    }
    for (const [at, values] of needed.entries()) points[at]!.push({ x: horizon, ...meanWithError(values) });
  }
  return entries.map((entry, at) => ({
    name: entry === 'theory' ? "normalized SGD with theory's η and λ" : `${entry} at its best step`,
    points: points[at]!,
  }));
}

/** The work of horizons, in tokens but for a factor. */
function _work(horizons: readonly number[]): number {
  return horizons.reduce((sum, horizon) => sum + horizon, 0);
}

function contestantsOf(rule: Rule, horizon: number): Contestant[] {
  const sizes = rule === 'SGD' ? [...PULLS.map((pull) => pull / (horizon * BOUND)), 1] : LENGTHS;
  return sizes.map((stepSize) => ({ rule, stepSize }));
}
