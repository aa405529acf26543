import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition E.1: under misspecification maximum likelihood picks the model that does not cover, the tournament not. */
export const propE1 = instanceExperiment({
  name: 'prop-e.1',
  title: 'Misspecification: maximum likelihood against the tournament',
  source: 'Proposition E.1',
  replicates: [4000, 1000],
  sweeps: [
    {
      variable: 'alpha',
      points: [0.1, 0.2, 0.3, 0.5, 0.7, 1].map((alpha) => ({ x: alpha, problem: { alpha, responses: 1_000_000 } })),
      quickPoints: [0, 1, 3, 5],
    },
    {
      variable: 'log M',
      points: geometric(10, 10, 6).map((M) => ({ x: Math.log(M), problem: { M, responses: 1_000_000 } })),
      quickPoints: [0, 1, 3, 5],
    },
  ],
});
