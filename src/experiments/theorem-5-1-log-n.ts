import { experiment } from './declare.js';
import { atWorst } from './families.js';
import { geometric, thinned } from './series.js';

const SOURCE = 'Theorem 5.1';

/**
 * Theorem 5.1 in log N: its term √(σ*²/(T log N)), on the worst of a family of one σ*² and B, the instances of Proposition
 * I.1, with normalized SGD at the best of the step sizes around the theorem's and the theorem's λ.
 */
export const theorem51LogN = experiment({
  name: 'theorem-5.1-log-n',
  title: 'Normalized SGD gains from a larger N as maximum likelihood does',
  source: SOURCE,
  sweeps: (quick) => [
    {
      variable: 'log N',
      id: 'budget',
      title: 'Greatest mean Cov_N over instances of one σ*² and B against log N, at T = 128',
      quantity: 'greatest mean Cov_N',
      replicates: quick ? 32 : 80,
      series: {
        'normalized SGD': { estimator: 'normalized-sgd', choice: 'leastGreatest' },
        MLE: { estimator: 'mle', choice: 'greatest' },
        untrained: { estimator: 'untrained', choice: 'greatest' },
      },
      points: thinned(geometric(2, 2, 7), quick).map((N) => {
        const family = { responses: 128, N, bound: Math.sqrt(32 * Math.log(128)) * 1.001 };
        return atWorst(Math.log(N), family, 1554, quick ? 9 : 11, quick, quick ? [16, 64] : [4, 16, 64, 256]);
      }),
      claims: [
        {
          claim:
            'Greatest Cov_N of normalized SGD over instances of the same σ*² and B is at most of order √(σ*²/(T log N)) (best step size; exponent in log N)',
          ...{ source: SOURCE, series: 'normalized SGD', exponent: -0.5, relation: 'atMost' },
        },
      ],
    },
  ],
  summary: () => [
    'At each N the worst instance of one σ*² and B counts: Cov_N of normalized SGD falls with log N as that of maximum likelihood does, while the untrained model stays near 1.',
  ],
});
