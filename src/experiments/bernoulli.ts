import { experiment } from './declare.js';
import { geometric, thinned } from './series.js';

/** §3: the MLE of a coin has infinite KL whenever it saw no 1, and a Cov_N of order log(1/δ)/n all the same. */
export const bernoulli = experiment({
  name: 'bernoulli',
  title: 'Bernoulli missing mass',
  source: '§3',
  sweeps: (quick) => [
    {
      variable: 'n',
      replicates: quick ? 4000 : 20_000,
      // p* = 1/n, where missing the token is likely at every n.
      points: thinned(geometric(25, 2, 9), quick).map((responses) => ({
        x: responses,
        problem: { name: 'bernoulli', responses },
      })),
    },
  ],
});
