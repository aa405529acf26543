import { experiment, type Point } from './declare.js';
import { hiddenSignsOf, probabilities } from './families.js';
import { geometric, thinned } from './series.js';

const SOURCE = 'Theorem 4.1';
const LOW = 'Corollary 4.2';

/** Rare prompts that are seen a few times or never: what the coarse part is about. */
const COARSE = { responses: 2000, prompts: 16, horizon: 256 };

/** Instances that differ in how rare the rare prompts are: together 1, 1/√2, … of all. B is enough for the greatest d. */
function rarities(x: number, change: Partial<typeof COARSE>, quick: boolean, N = 4): Point {
  const sizes = { ...COARSE, ...change };
  return {
    x,
    N: [N],
    problem: probabilities(26, quick).map((rare) => ({
      key: rare,
      problem: { name: 'rare-prompts', ...sizes, logit: 1, bound: 8, visits: (rare * sizes.responses) / sizes.prompts },
    })),
  };
}

/** d = H of the fine part's instances, those of Proposition I.1: enough for Bε ≤ 1, and B is enough, for N up to 64. */
const SIGNS = 136;
const SIGNS_BOUND = Math.sqrt(32 * Math.log(64)) * 1.001;

function signs(x: number, responses: number, N: number, quick: boolean): Point {
  const family = { responses, N, bound: SIGNS_BOUND };
  const problem = probabilities(26, quick).map((rare) => ({ key: rare, ...hiddenSignsOf(family, SIGNS, rare) }));
  return { x, N: [N], problem: problem.map(({ key, problem: each }) => ({ key, problem: each })) };
}

const MLE = { estimator: 'mle', choice: 'greatest' } as const;
const WORST = { MLE, untrained: { estimator: 'untrained', choice: 'greatest' } } as const;
const COV = 'greatest mean Cov_N';

const claim = (part: string, variable: string, exponent: number, source = LOW) => ({
  claim: `${part} of Cov_N of the MLE, at the worst probability of the rare prompts: exponent in ${variable}`,
  ...{ source, series: 'MLE', exponent, relation: 'atMost' as const },
});

/**
 * Theorem 4.1 in low dimension (Corollary 4.2): Cov_N of the MLE is at most of order
 * d([log(BH/log N)]_+ + log(BHn)/log N)/n: a coarse part d/n that no N helps against, and a fine one that falls like
 * 1/log N; H enters by a logarithm. At each point the greatest mean over how rare the rare prompts are is measured.
 */
export const theorem41 = experiment({
  name: 'theorem-4.1',
  title: 'Maximum likelihood in low dimension',
  source: `${SOURCE}, ${LOW}`,
  sweeps: (quick) => {
    const coarse = { replicates: quick ? 80 : 600, series: WORST, quantity: COV };
    const fine = { replicates: quick ? 40 : 120, series: WORST, quantity: COV };
    return [
      {
        ...coarse,
        variable: 'n',
        title: 'Coarse part: greatest mean Cov_4 against n',
        points: thinned(geometric(125, 2, 7), quick).map((responses) => rarities(responses, { responses }, quick)),
        claims: [claim('Coarse part', 'n', -1)],
      },
      {
        ...coarse,
        variable: 'd',
        title: 'Coarse part: greatest mean Cov_4 against d',
        points: thinned(geometric(4, 2, 7), quick).map((prompts) => rarities(prompts, { prompts }, quick)),
        claims: [claim('Coarse part', 'd', 1)],
      },
      {
        ...coarse,
        variable: 'H',
        title: 'Greatest mean Cov_4 and KL against H',
        quantity: 'greatest mean',
        series: { 'Cov_4 of the MLE': MLE, 'KL of the MLE (nats)': { ...MLE, quantity: 'kl' } },
        points: thinned(geometric(64, 2, 7), quick).map((horizon) => rarities(horizon, { horizon }, quick)),
        claims: [
          { ...claim('Coarse part', 'H', 0), series: 'Cov_4 of the MLE' },
          {
            claim: 'KL of the same MLE grows like H: exponent in H',
            ...{ source: 'Proposition 3.2', series: 'KL of the MLE (nats)', exponent: 1, relation: 'atLeast' },
          },
        ],
      },
      {
        ...coarse,
        variable: 'log N',
        id: 'log-n-budget',
        title: 'Coarse part: greatest mean Cov_N against log N',
        points: geometric(4, 4, 7).map((N) => rarities(Math.log(N), {}, quick, N)),
        claims: [claim('Coarse part', 'log N', 0, SOURCE)],
      },
      {
        ...fine,
        variable: 'n',
        id: 'fine-n',
        title: 'Fine part: greatest mean Cov_4 against n',
        points: thinned(geometric(250, 2, 6), quick).map((n) => signs(n, n, 4, quick)),
        claims: [claim('Fine part', 'n', -1)],
      },
      {
        ...fine,
        variable: 'log N',
        id: 'fine-log-n-budget',
        title: 'Fine part: greatest mean Cov_N against log N',
        points: thinned([2, 4, 8, 16, 32, 64], quick).map((N) => signs(Math.log(N), 1000, N, quick)),
        claims: [claim('Fine part', 'log N', -1, SOURCE)],
      },
    ];
  },
  summary: () => [
    'Prompts that were not seen are not covered whatever N is (below e^{cH}), which costs d/n; signs that were not learned are covered at larger N, which costs d/(n log N). Longer responses do not change the share of prompts that are not covered, but each of them costs KL in proportion to H.',
  ],
});
