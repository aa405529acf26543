import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition I.1: where the inherent variance grows with H, so does Cov_N of every proper estimator. */
export const propI1 = instanceExperiment({
  name: 'prop-i.1',
  title: 'The dependence on the inherent variance is real',
  source: 'Proposition I.1',
  replicates: [400, 100],
  sweeps: [
    {
      variable: 'H',
      points: geometric(16, 2, 6).map((horizon) => ({ x: horizon, problem: { horizon, responses: 20_000 } })),
      quickPoints: [0, 1, 2, 3],
    },
    {
      variable: 'n',
      points: geometric(2000, 2, 6).map((responses) => ({ x: responses, problem: { horizon: 64, responses } })),
    },
  ],
});
