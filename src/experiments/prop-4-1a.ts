import { experiment } from './declare.js';
import { geometric, thinned } from './series.js';

/** Proposition 4.1(a): the coarse rate d/n of maximum likelihood, for every N up to e^B. */
export const prop41a = experiment({
  name: 'prop-4.1a',
  title: 'The coarse rate of maximum likelihood',
  source: 'Proposition 4.1(a)',
  sweeps: (quick) => {
    const replicates = quick ? 100 : 400;
    const problem = (responses: number, dim: number) => ({ name: 'prop-4.1a' as const, responses, dim });
    return [
      {
        variable: 'n',
        replicates,
        points: thinned(geometric(500, 2, 8), quick).map((n) => ({ x: n, problem: problem(n, 200) })),
      },
      {
        variable: 'd',
        replicates,
        points: thinned(geometric(25, 2, 7), quick).map((d) => ({ x: d, problem: problem(8000, d) })),
      },
      {
        variable: 'log N',
        replicates,
        // e^B is 5n = 40,000 here.
        points: [16, 64, 256, 1024, 4096, 32_768].map((N) => ({ x: Math.log(N), N: [N], problem: problem(8000, 200) })),
        caption: 'N from 16, where ratios to tokens seen once no longer reach it, to nearly e^B = 5n = 40,000.',
      },
    ];
  },
});
