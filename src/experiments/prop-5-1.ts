import { experiment } from './declare.js';
import { atWorst } from './families.js';
import { geometric, thinned } from './series.js';

const SLOW = { name: 'prop-5.1', branch: 'slow' } as const;
/** B for sweeps in which it may not grow with T. */
const BOUND = 50;
/** Factors on the step size of the proposition. */
const STEPS = [16, 64, 256];
const UPPER = { source: 'Proposition 5.1', series: 'SGD, best step', relation: 'atMost' } as const;

/**
 * Proposition 5.1: no constant step works for SGD at every prompt; normalised gradients do not feel the horizon. Its upper
 * bound, (1/log N)(√(σ*²/T) + B²H/T), is measured at the best step size on the worst of a family of one σ*².
 */
export const prop51 = experiment({
  name: 'prop-5.1',
  title: 'SGD needs steps in proportion to the horizon, normalised SGD does not',
  source: 'Proposition 5.1',
  sweeps: (quick) => {
    const replicates = quick ? 10 : 50;
    const worst = (x: number, responses: number, N: number, bound: number) =>
      atWorst(x, { responses, N, bound }, 100, quick ? 9 : 13, quick, STEPS);
    const series = { 'SGD, best step': { estimator: 'sgd', choice: 'leastGreatest' } } as const;
    const upper = { series, replicates: quick ? 24 : 60, quantity: 'greatest mean Cov_N' } as const;
    return [
      {
        variable: 'H',
        replicates,
        // From where more than a handful of prompts are needed at all.
        points: geometric(4096, 2, quick ? 5 : 7).map((horizon) => ({ x: horizon, problem: { ...SLOW, horizon } })),
      },
      {
        variable: 'T',
        replicates,
        points: thinned(geometric(250, 2, 5), quick).map((steps) => ({
          x: steps,
          problem: { ...SLOW, horizon: 4096, bound: BOUND, steps },
        })),
      },
      {
        variable: 'log N',
        replicates,
        points: [2, 4, 16, 256].map((N) => ({
          x: Math.log(N),
          problem: { ...SLOW, horizon: 65_536, bound: BOUND, N },
        })),
      },
      {
        ...upper,
        id: 'upper-t',
        variable: 'T',
        title: 'Upper bound: greatest mean Cov_4 of SGD over instances of one σ*² and B against T',
        points: geometric(32, 2, quick ? 5 : 6).map((T) => worst(T, T, 4, 6.7)),
        claims: [
          {
            ...UPPER,
            claim:
              'Greatest Cov_N of SGD over instances of one σ*² and B is at most of order √(σ*²/T)/log N: exponent in T',
            exponent: -0.5,
          },
        ],
      },
      {
        ...upper,
        id: 'upper-log-n-budget',
        variable: 'log N',
        title: 'The same against log N at T = 128, B² growing like log N as it must',
        points: [2, 4, 16, 64, 256].map((N) => worst(Math.log(N), 128, N, Math.sqrt(32 * Math.log(N)) * 1.001)),
        claims: [
          {
            ...UPPER,
            claim:
              'Greatest Cov_N of SGD over instances of one σ*² is at most of order √(σ*²/T)/log N: exponent in log N',
            exponent: -1,
          },
        ],
      },
    ];
  },
});
