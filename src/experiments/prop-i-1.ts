import { experiment } from './declare.js';
import { geometric, thinned } from './series.js';

/** Proposition I.1: where the inherent variance grows with H, so does Cov_N of every proper estimator. */
export const propI1 = experiment({
  name: 'prop-i.1',
  title: 'The dependence on the inherent variance is real',
  source: 'Proposition I.1',
  sweeps: (quick) => {
    const replicates = quick ? 100 : 400;
    return [
      {
        variable: 'H',
        replicates,
        points: geometric(16, 2, quick ? 4 : 6).map((horizon) => ({
          x: horizon,
          problem: { name: 'prop-i.1', horizon, responses: 20_000 },
        })),
      },
      {
        variable: 'n',
        replicates,
        points: thinned(geometric(2000, 2, 6), quick).map((responses) => ({
          x: responses,
          problem: { name: 'prop-i.1', horizon: 64, responses },
        })),
      },
      {
        variable: 'log N',
        replicates,
        // H is enough for Bε ≤ 1, and B for θ* to be in the ball, at the greatest N.
        points: [2, 4, 16, 256].map((N) => ({
          x: Math.log(N),
          problem: { name: 'prop-i.1', horizon: 512, responses: 20_000, bound: 20, N },
        })),
      },
    ];
  },
});
