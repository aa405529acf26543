import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** §3: the MLE of a coin has infinite KL whenever it saw no 1, and a Cov_N of order log(1/δ)/n all the same. */
export const bernoulli = instanceExperiment({
  name: 'bernoulli',
  title: 'Bernoulli missing mass',
  source: '§3',
  replicates: [20_000, 4000],
  sweeps: [
    {
      variable: 'n',
      // p* = 1/n, where missing the token is likely at every n.
      points: geometric(25, 2, 9).map((responses) => ({ x: responses, problem: { responses } })),
    },
  ],
});
