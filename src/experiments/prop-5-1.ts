import { geometric } from './geometric.js';
import { instanceExperiment } from './instance-experiment.js';

/** Proposition 5.1: no constant step works for SGD at every prompt; normalised gradients do not feel the horizon. */
export const prop51 = instanceExperiment({
  name: 'prop-5.1',
  title: 'SGD needs steps in proportion to the horizon, normalised SGD does not',
  source: 'Proposition 5.1',
  replicates: [50, 10],
  sweeps: [
    {
      variable: 'H',
      // From where more than a handful of prompts are needed at all.
      points: geometric(4096, 2, 7).map((horizon) => ({ x: horizon, problem: { branch: 'slow', horizon } })),
      quickPoints: [0, 1, 2, 3, 4],
    },
  ],
});
