import { experiment } from './declare.js';
import { atWorst } from './families.js';
import { ends, geometric, thinned } from './series.js';

const SOURCE = 'Theorem 6.2';
const LOWER = 'Proposition 5.1';
/** Steps that B is made for. */
const STEPS = 1000;
const NEEDED = { detail: 'promptsUntilCovered' };

const WORST = {
  MLE: { estimator: 'mle', choice: 'greatest' },
  'truncated SGD': { estimator: 'truncated-sgd', choice: 'leastGreatest' },
  SGD: { estimator: 'sgd', choice: 'leastGreatest' },
  untrained: { estimator: 'untrained', choice: 'greatest' },
} as const;

/**
 * Theorem 6.2: truncated SGD, told the teacher's token probabilities, does as well as the MLE whatever H is; plain SGD
 * has no constant step size that works for every prompt.
 */
export const theorem62 = experiment({
  name: 'theorem-6.2',
  title: 'Truncated SGD learns from a teacher as well as maximum likelihood',
  source: SOURCE,
  sweeps: (quick) => {
    const steps = quick ? [16, 64] : [4, 16, 64, 256];
    const bound = (variable: string) => ({
      claim: `Greatest Cov_N of truncated SGD over instances of the same σ*² and B is at most of order √(σ*²/(T log N)) (best step size; exponent in ${variable})`,
      ...{ source: SOURCE, series: 'truncated SGD', exponent: -0.5, relation: 'atMost' as const },
    });
    return [
      {
        variable: 'H',
        title: 'Rare prompts needed until Cov_N on them vanishes',
        quantity: 'prompts',
        replicates: quick ? 5 : 25,
        series: {
          'SGD, largest step': { estimator: 'sgd', quantity: NEEDED },
          'truncated SGD': { estimator: 'truncated-sgd', quantity: NEEDED },
        },
        // SGD at the border 8/(HB), from where on there is an instance on which it oscillates for ever.
        points: thinned(geometric(4096, 2, 7), quick).map((horizon) => {
          const B = 3 * Math.log(2 * STEPS * horizon);
          const stepSize = (0.999 * 8) / (horizon * B);
          return {
            x: horizon,
            problem: { name: 'prop-5.1', branch: 'slow', horizon, steps: STEPS, bound: B, stepSize },
          };
        }),
        claims: [
          {
            claim:
              'Rare prompts that truncated SGD needs until Cov_N on them vanishes do not grow with H (step size of the theorem; exponent in H)',
            ...{ source: SOURCE, series: 'truncated SGD', exponent: 0, relation: 'atMost' },
          },
          {
            claim:
              'SGD needs a number in proportion to H at the largest step size that does not oscillate (exponent in H)',
            ...{ source: LOWER, series: 'SGD, largest step', exponent: 1 },
          },
        ],
      },
      {
        variable: 'H',
        id: 'oscillating',
        drawn: false,
        series: {},
        values: true,
        replicates: quick ? 20 : 40,
        // B is large enough for all T responses to be the typical one, which is the claims' premise.
        points: [
          { x: 256, problem: { name: 'prop-5.1', branch: 'oscillating', horizon: 256, steps: 20_000, bound: 40 } },
        ],
      },
      {
        variable: 'T',
        title: 'Greatest mean Cov_N over instances of one σ*² and B against T',
        quantity: 'greatest mean Cov_N',
        replicates: quick ? 32 : 48,
        series: { ...WORST, 'truncated SGD over MLE': { ...WORST['truncated SGD'], over: 'MLE' } },
        points: thinned(geometric(32, 2, 6), quick).map((T) =>
          atWorst(T, { responses: T, N: 4, bound: 6.7 }, 100, quick ? 13 : 15, quick, steps),
        ),
        claims: [
          bound('T'),
          {
            claim: 'It stays within a constant of the MLE’s there: exponent of their ratio in T',
            ...{ source: SOURCE, series: 'truncated SGD over MLE', exponent: 0, relation: 'atMost' },
          },
        ],
      },
      {
        variable: 'log N',
        id: 'log-n-budget',
        title: 'Greatest mean Cov_N over instances of one σ*² and B against log N, at T = 128',
        quantity: 'greatest mean Cov_N',
        replicates: quick ? 32 : 48,
        series: WORST,
        points: thinned(geometric(2, 2, 7), quick, 2).map((N) => {
          const family = { responses: 128, N, bound: Math.sqrt(32 * Math.log(128)) * 1.001 };
          return atWorst(Math.log(N), family, 1554, quick ? 9 : 11, quick, steps);
        }),
        claims: [bound('log N')],
      },
    ];
  },
  summary: (measured) => [
    `Steps of SGD that do not oscillate on one prompt are too small by a factor of H on another; truncation bounds what a response may do and lets the step be large. Over the instances of Proposition I.1 truncated SGD and plain SGD, each at its best step, stay close to the MLE (truncated SGD over MLE: ${ends(measured('t', 'truncated SGD over MLE'))} at the least and the greatest T): these do not tell the two apart.`,
  ],
});
