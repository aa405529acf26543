import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition 3.2: a proper estimator's KL grows with H on an instance where its Cov_N does not. */
export const prop32 = instanceExperiment({
  name: 'prop-3.2',
  title: 'KL of proper estimators grows with the horizon',
  source: 'Proposition 3.2',
  replicates: [2000, 400],
  sweeps: [
    {
      variable: 'H',
      points: geometric(4, 2, 9).map((horizon) => ({ x: horizon, problem: { horizon, responses: 200 } })),
    },
    {
      variable: 'n',
      points: geometric(50, 2, 7).map((responses) => ({ x: responses, problem: { horizon: 64, responses } })),
    },
  ],
});
