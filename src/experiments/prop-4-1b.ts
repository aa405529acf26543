import { experiment } from './declare.js';
import { geometric, thinned } from './series.js';

/** Proposition 4.1(b): the fine rate d/(n log N) of maximum likelihood over a class that is not convex. */
export const prop41b = experiment({
  name: 'prop-4.1b',
  title: 'The fine rate of maximum likelihood',
  source: 'Proposition 4.1(b)',
  sweeps: (quick) => {
    const replicates = quick ? 1000 : 4000;
    return [
      {
        variable: 'n',
        replicates,
        points: thinned(geometric(2000, 2, 7), quick).map((responses) => ({
          x: responses,
          problem: { name: 'prop-4.1b', responses, dim: 100 },
        })),
      },
      {
        variable: 'd',
        replicates,
        points: thinned(geometric(50, 2, 7), quick).map((dim) => ({
          x: dim,
          problem: { name: 'prop-4.1b', responses: 100_000, dim },
        })),
      },
      {
        variable: 'log N',
        replicates,
        points: [2, 4, 16, 256, 65_536].map((N) => ({
          x: Math.log(N),
          problem: { name: 'prop-4.1b', responses: 20_000, dim: 200, N },
        })),
      },
    ];
  },
});
