import { experiment } from './declare.js';
import { geometric } from './series.js';

/** Proposition E.1: under misspecification maximum likelihood picks the model that does not cover, the tournament not. */
export const propE1 = experiment({
  name: 'prop-e.1',
  title: 'Misspecification: maximum likelihood against the tournament',
  source: 'Proposition E.1',
  sweeps: (quick) => {
    const replicates = quick ? 1000 : 4000;
    const some = <T>(values: readonly T[]) => (quick ? [0, 1, 3, 5].map((at) => values[at]!) : values);
    return [
      {
        variable: 'alpha',
        replicates,
        points: some([0.1, 0.2, 0.3, 0.5, 0.7, 1]).map((alpha) => ({
          x: alpha,
          problem: { name: 'prop-e.1', alpha, responses: 1_000_000 },
        })),
      },
      {
        variable: 'log M',
        replicates,
        points: some(geometric(10, 10, 6)).map((M) => ({
          x: Math.log(M),
          problem: { name: 'prop-e.1', M, responses: 1_000_000 },
        })),
      },
    ];
  },
});
