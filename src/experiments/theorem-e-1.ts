import { experiment, type Point } from './declare.js';
import { geometric, thinned } from './series.js';

const SOURCE = 'Theorem E.1';

/** The rare prompt's probability p is searched from this factor times d/(nN) up, in steps of √2. */
const LEAST_RARE = 1 / 64;
const RARE_STEPS = 28;

/** The problems of all p at one N, d and n. */
function rarities(x: number, change: { N?: number; d?: number; n?: number }): Point {
  const { N, d, n } = { N: 16, d: 200, n: 20_000, ...change };
  const base = (LEAST_RARE * d) / (n * N);
  // The component MLE gives the rare prompt up at a p that does not shrink with N: the grid reaches both.
  const rare = Array.from({ length: RARE_STEPS }, (_, step) => base * 2 ** (step / 2)).filter((p) => p < 0.05);
  const problem = (p: number) => ({ name: 'theorem-e.1' as const, N, dim: d, responses: n, rare: p });
  return { x, N: [N], problem: rare.map((p) => ({ key: p, problem: problem(p) })) };
}

/**
 * Theorem E.1: over a convex class Cov_N of the MLE falls like 1/N, not like 1/log N. The components are π_D and models
 * that are wrong at one rare prompt of probability p but fit the noise elsewhere; what p is worst depends on the
 * estimator and N, so the greatest mean Cov_N over p is what is measured.
 */
export const theoremE1 = experiment({
  name: 'theorem-e.1',
  title: 'Convex classes: Cov_N falls like 1/N',
  source: SOURCE,
  sweeps: (quick) => {
    const common = {
      replicates: quick ? 400 : 800,
      quantity: 'greatest mean Cov_N',
      series: {
        'MLE over mixtures': { estimator: 'mixture-mle', choice: 'greatest' },
        'MLE over components': { estimator: 'component-mle', choice: 'greatest' },
      },
    } as const;
    const claim = (variable: string, exponent: number) => ({
      claim: `Greatest Cov_N of the MLE over mixtures is of order d/(nN): exponent in ${variable}`,
      ...{ source: SOURCE, series: 'MLE over mixtures', exponent },
    });
    return [
      {
        ...common,
        variable: 'N',
        id: 'n-budget',
        title: 'Greatest mean Cov_N over p against N',
        points: [4, 8, 16, 32, 64, 128].map((N) => rarities(N, { N })),
        claims: [
          claim('N', -1),
          {
            claim:
              'Greatest Cov_N of the MLE over the components (not convex) does not fall with N up to M: exponent in N',
            ...{ source: 'Proposition 4.1(b)', series: 'MLE over components', exponent: 0 },
          },
        ],
      },
      {
        ...common,
        variable: 'd',
        title: 'Greatest mean Cov_N over p against d',
        points: thinned(geometric(50, 2, 6), quick).map((d) => rarities(d, { d })),
        claims: [claim('d', 1)],
      },
      {
        ...common,
        variable: 'n',
        title: 'Greatest mean Cov_N over p against n',
        points: thinned(geometric(5000, 2, 6), quick).map((n) => rarities(n, { n })),
        claims: [claim('n', -1)],
      },
      {
        // 1/N is well below p = α²/(32 log M), so that the bound 1/N on what convexity may cost says something.
        variable: 'N',
        id: 'misspecified',
        replicates: quick ? 200 : 1000,
        drawn: false,
        series: { mixtures: { estimator: 'mixture-mle' }, components: { estimator: 'component-mle' } },
        points: [
          {
            x: 1000,
            N: [1000],
            problem: {
              name: 'theorem-e.1',
              ...{ kind: 'misspecified', N: 1000, M: 1_000_000, alpha: 1, responses: 1_000_000 },
            },
          },
        ],
        claims: [
          {
            claim: 'Misspecified: Cov_1000 of the MLE over mixtures is that of the best mixture, 0, up to order 1/N',
            ...{ source: SOURCE, series: 'mixtures', level: 0, relation: 'atMost', tolerance: 0.001 },
          },
          {
            claim: 'There Cov_1000 of the MLE over the two components is at least p/4, p = α²/(32 log M)',
            ...{ source: 'Proposition E.1', series: 'components', relation: 'atLeast' },
            level: 1 / (32 * Math.log(1_000_000)) / 4,
          },
        ],
      },
    ];
  },
  summary: () => [
    'Over mixtures the greatest Cov_N of the MLE falls like 1/N; over the components alone it does not fall.',
  ],
});
