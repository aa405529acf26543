import { experiment } from './declare.js';
import { atWorst, certainLogit } from './families.js';
import { geometric, thinned } from './series.js';

const SOURCE = 'Theorem 4.2';
/** σ*² of the sweep of n; that of log N has three times as much. */
const VARIANCE = 518;

const SERIES = {
  MLE: { estimator: 'mle', choice: 'greatest' },
  'posterior mean': { estimator: 'posterior-mean', choice: 'greatest' },
  untrained: { estimator: 'untrained', choice: 'greatest' },
} as const;

const bound = (variable: string) => ({
  claim: `Greatest Cov_N of the MLE over instances of the same σ*² and B, d > n, is at most of order √(σ*²/(n log N)): exponent in ${variable}`,
  ...{ source: SOURCE, series: 'MLE', exponent: -0.5, relation: 'atMost' as const },
});

/**
 * Theorem 4.2: with more parameters than responses but ‖θ‖ ≤ 1, Cov_N of the MLE is of order
 * √(σ*²/(n log N)) + B²/n, whatever H is. It is a bound on the worst instance: what is measured is the greatest mean over
 * a family of the same σ*² and B that holds hard ones, those of Proposition I.1.
 */
export const theorem42 = experiment({
  name: 'theorem-4.2',
  title: 'Maximum likelihood with more parameters than responses',
  source: SOURCE,
  sweeps: (quick) => [
    {
      variable: 'n',
      title: 'Greatest mean Cov_4 over instances of one σ*² and B against n',
      quantity: 'greatest mean Cov_N',
      replicates: quick ? 24 : 80,
      series: SERIES,
      points: geometric(16, 2, quick ? 5 : 6).map((responses) =>
        atWorst(responses, { responses, N: 4, bound: 6.7 }, VARIANCE, quick ? 9 : 12, quick),
      ),
      claims: [
        bound('n'),
        {
          claim: 'The bound cannot be improved in n: the posterior mean, which knows the size of θ*, has it too',
          ...{ source: 'Proposition I.1', series: 'posterior mean', exponent: -0.5, relation: 'atLeast' },
        },
      ],
    },
    {
      variable: 'log N',
      id: 'log-n-budget',
      title: 'The same against log N, at n = 128',
      quantity: 'greatest mean Cov_N',
      replicates: quick ? 24 : 80,
      series: SERIES,
      // B is large enough for the greatest N; each N has its own instances.
      points: thinned(geometric(2, 2, 7), quick, 3).map((N) => {
        const family = { responses: 128, N, bound: Math.sqrt(32 * Math.log(128)) * 1.001 };
        return atWorst(Math.log(N), family, 3 * VARIANCE, quick ? 9 : 11, quick);
      }),
      claims: [bound('log N')],
    },
    {
      variable: 'H',
      title: 'Cov_16 and KL of the MLE against H at fixed σ*², B and n',
      quantity: 'mean',
      replicates: quick ? 2000 : 20_000,
      series: {
        'Cov_16 of the MLE': { estimator: 'mle' },
        'KL of the MLE (nats)': { estimator: 'mle', quantity: 'kl' },
      },
      points: thinned(geometric(512, 2, 7), quick).map((horizon) => ({
        x: horizon,
        N: [16],
        problem: { name: 'rare-prompts', responses: 200, horizon, bound: 4.5, logit: certainLogit(horizon, 64) },
      })),
      claims: [
        {
          claim: 'Cov_16 of the MLE does not grow with H at fixed σ*², B and n: exponent in H',
          ...{ source: SOURCE, series: 'Cov_16 of the MLE', exponent: 0, relation: 'atMost' },
        },
        {
          claim: 'KL of the same MLE grows like H there: exponent in H',
          ...{ source: 'Proposition 3.2', series: 'KL of the MLE (nats)', exponent: 1, relation: 'atLeast' },
        },
      ],
    },
  ],
  summary: () => [
    'At the worst instance for each n there are more parameters than responses, and still Cov_N of the MLE falls like n^{-1/2}, no slower than that of an estimator that is told how large the parameters are; the untrained model stays near 1. Where only tokens get surer as responses get longer, Cov_N stays and KL grows.',
  ],
});
