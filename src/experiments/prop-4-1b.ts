import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition 4.1(b): the fine rate d/(n log N) of maximum likelihood over a class that is not convex. */
export const prop41b = instanceExperiment({
  name: 'prop-4.1b',
  title: 'The fine rate of maximum likelihood',
  source: 'Proposition 4.1(b)',
  replicates: [4000, 1000],
  sweeps: [
    {
      variable: 'n',
      points: geometric(2000, 2, 7).map((responses) => ({ x: responses, problem: { responses, dim: 100 } })),
    },
    {
      variable: 'd',
      points: geometric(50, 2, 7).map((dim) => ({ x: dim, problem: { responses: 100_000, dim } })),
    },
    {
      variable: 'log N',
      points: [2, 4, 16, 256, 65_536].map((N) => ({ x: Math.log(N), problem: { responses: 20_000, dim: 200, N } })),
      quickPoints: [0, 2, 3, 4],
    },
  ],
});
