import { experiment } from './declare.js';
import { geometric, thinned } from './series.js';

/** The paper's constant, KL ≥ H/(4n), needs B ≥ 1.5. */
const PROBLEM = { name: 'prop-3.2', bound: 1.5 } as const;

/** Proposition 3.2: a proper estimator's KL grows with H on an instance where its Cov_N does not. */
export const prop32 = experiment({
  name: 'prop-3.2',
  title: 'KL of proper estimators grows with the horizon',
  source: 'Proposition 3.2',
  sweeps: (quick) => [
    {
      variable: 'H',
      replicates: quick ? 1000 : 4000,
      points: geometric(4, 2, 9).map((horizon) => ({
        x: horizon,
        problem: { ...PROBLEM, horizon, responses: 200 },
      })),
    },
    {
      variable: 'n',
      replicates: quick ? 1000 : 4000,
      points: thinned(geometric(50, 2, 7), quick).map((responses) => ({
        x: responses,
        problem: { ...PROBLEM, horizon: 64, responses },
      })),
    },
  ],
});
