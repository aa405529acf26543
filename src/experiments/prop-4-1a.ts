import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition 4.1(a): the coarse rate d/n of maximum likelihood, for every N up to e^B. */
export const prop41a = instanceExperiment({
  name: 'prop-4.1a',
  title: 'The coarse rate of maximum likelihood',
  source: 'Proposition 4.1(a)',
  replicates: [400, 100],
  sweeps: [
    {
      variable: 'n',
      points: geometric(500, 2, 8).map((responses) => ({ x: responses, problem: { responses, dim: 200 } })),
    },
    {
      variable: 'd',
      points: geometric(25, 2, 7).map((dim) => ({ x: dim, problem: { responses: 8000, dim } })),
    },
  ],
});
