import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Theorem E.1: over a convex class Cov_N of the MLE falls like 1/N, not like 1/log N. */
export const theoremE1 = instanceExperiment({
  name: 'theorem-e.1',
  title: 'Convex classes: Cov_N falls like 1/N',
  source: 'Theorem E.1',
  replicates: [400, 100],
  sweeps: [
    {
      variable: 'N',
      points: [4, 8, 16, 32, 64].map((N) => ({ x: N, problem: { N, responses: 20_000, dim: 200 } })),
      quickPoints: [0, 1, 2, 3],
    },
    {
      variable: 'd',
      points: geometric(50, 2, 6).map((dim) => ({ x: dim, problem: { dim, responses: 50_000 } })),
    },
    {
      variable: 'n',
      points: geometric(5000, 2, 6).map((responses) => ({ x: responses, problem: { dim: 200, responses } })),
    },
  ],
});
