import { experiment, type Point } from './declare.js';
import { certainLogit } from './families.js';
import { geometric, thinned } from './series.js';

const SOURCE = 'Theorem 6.1';
const LOWER = 'Proposition 3.2';

/** σ*² and B are fixed: the longer the responses, the nearer to certain their tokens. */
const NOISE = 64;
const BOUND = 4.5;
const STEPS = 200;

const KL = { quantity: 'kl' } as const;
const SERIES = {
  MLE: { estimator: 'mle', ...KL, choice: { key: 1 } },
  'SGD, best step': { estimator: 'sgd', ...KL, choice: 'least' },
  'token SGD, best step': { estimator: 'token-sgd', ...KL, choice: 'least' },
  'test-time training': { estimator: 'test-time', ...KL, choice: { key: 1 } },
  'the same, best step': { estimator: 'test-time', ...KL, choice: 'least' },
} as const;

/**
 * Theorem 6.1: token SGD with test-time training has a KL of order √(σ*²/T) + B²/T, whatever H is, and a Cov_N of that over
 * log N. On the instance of Proposition 3.2 every proper estimator's KL is of order H/T: test-time training is improper,
 * and beats it.
 */
export const theorem61 = experiment({
  name: 'theorem-6.1',
  title: 'Test-time training beats every proper estimator',
  source: SOURCE,
  sweeps: (quick) => {
    // Each instance at several step sizes around those of the theorems.
    const point = (x: number, problem: object): Point => ({
      x,
      N: [16],
      problem: (quick ? [0.25, 1, 8] : [0.25, 1, 4, 16, 64]).map((key) => ({
        key,
        problem: { name: 'rare-prompts', paths: quick ? 2 : 4, stepFactor: key, ...problem },
      })),
    });
    const rare = { replicates: quick ? 60 : 200, series: SERIES, quantity: 'mean KL (nats)', values: true };
    const proper = (name: string, series: string) => ({
      claim: `KL of ${name}, being proper, grows like H at fixed σ*², B and T: exponent in H`,
      ...{ source: LOWER, series, exponent: 1, relation: 'atLeast' as const },
    });
    return [
      {
        ...rare,
        variable: 'H',
        title: 'KL against H at fixed σ*², B and T',
        points: thinned(geometric(512, 2, 7), quick).map((horizon) =>
          point(horizon, { responses: STEPS, horizon, bound: BOUND, logit: certainLogit(horizon, NOISE) }),
        ),
        claims: [
          {
            claim:
              'KL of token SGD with test-time training does not grow with H at fixed σ*², B and T (step size of the theorem; exponent in H)',
            ...{ source: SOURCE, series: 'test-time training', exponent: 0, relation: 'atMost' },
          },
          proper('the MLE', 'MLE'),
          proper('SGD at its best step size', 'SGD, best step'),
          proper('token SGD at its best step size', 'token SGD, best step'),
        ],
      },
      {
        ...rare,
        variable: 'T',
        title: 'KL against T at fixed σ*² and B, H = 4T',
        // H grows like T, for the rare prompt's share is 1/(2T).
        points: thinned(geometric(64, 2, 7), quick).map((responses) =>
          point(responses, { responses, horizon: 4 * responses, logit: 3 }),
        ),
        claims: [
          {
            claim:
              'KL of token SGD with test-time training falls like T^{-1/2} at fixed σ*² and B (step size of the theorem; H = 4T; exponent in T)',
            ...{ source: SOURCE, series: 'test-time training', exponent: -0.5, relation: 'atMost' },
          },
          {
            claim: 'KL of token SGD without it does not fall with T there, at its best step size (exponent in T)',
            ...{ source: LOWER, series: 'token SGD, best step', exponent: 0, relation: 'atLeast' },
          },
        ],
      },
      {
        variable: 'log N',
        id: 'log-n-budget',
        title: 'Greatest mean Cov_N over instances of one B against log N, at T = 64',
        quantity: 'greatest mean Cov_N',
        replicates: quick ? 60 : 200,
        series: { 'test-time training': { estimator: 'test-time', choice: 'greatest' } },
        // d rare prompts share the unit ball: z = 2B/√d, and the fewer there are, the more each can cost.
        points: [4, 16, 64, 256, 4096, 65_536].map((N) => ({
          x: Math.log(N),
          N: [N],
          problem: thinned(geometric(2, Math.SQRT2, 14), quick).map((prompts) => ({
            key: prompts,
            problem: {
              name: 'rare-prompts',
              ...{ responses: 512, prompts, visits: 0.5, horizon: 64, bound: 12, paths: 16, stepFactor: 1 },
              logit: 24 / Math.sqrt(prompts),
            },
          })),
        })),
        claims: [
          {
            claim:
              'Greatest Cov_N of token SGD with test-time training over instances of one B falls at least like 1/log N (step size of the theorem; exponent in log N)',
            ...{ source: SOURCE, series: 'test-time training', exponent: -1, relation: 'atMost' },
          },
        ],
      },
      {
        variable: 'T',
        id: 'general',
        title: 'Exact KL against T on random classes',
        quantity: 'mean KL (nats)',
        replicates: quick ? 48 : 128,
        series: {
          'test-time training': { estimator: 'test-time', ...KL },
          without: { estimator: 'trained', ...KL },
        },
        points: thinned(geometric(512, 2, 7), quick, 2).map((steps) => ({
          x: steps,
          N: [16],
          problem: {
            name: 'random-class',
            ...{
              rule: 'tokenSgd',
              steps,
              heldOut: 0,
              vocabulary: 3,
              horizon: 5,
              prompts: 4,
              dim: 64,
              window: 2,
              bound: 4,
            },
          },
        })),
        claims: [
          {
            claim:
              'KL of token SGD with test-time training falls like T^{-1/2} on random classes of d = 64, exactly (step size of the theorem; exponent in T)',
            ...{ source: SOURCE, series: 'test-time training', exponent: -0.5, relation: 'atMost' },
          },
        ],
      },
    ];
  },
  summary: () => [
    'A prompt is so rare that most runs never see it. Without test-time training nothing helps: the KL of the MLE, of SGD and of token SGD grows with H at any step size. With it the model learns the prompt while it responds, and its KL stays where it is. A smaller step than the theorem’s is better still for short responses, but not for long ones.',
  ],
});
