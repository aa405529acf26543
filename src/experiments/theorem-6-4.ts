import { experiment } from './declare.js';
import { ends, geometric, ladder } from './series.js';
import { BOLD_FAILS, DELTA, tournamentClass } from './tournament-class.js';

const SOURCE = 'Theorem 6.4';
const A = 0.25;
const BOTH = {
  'simple tournament': { estimator: 'tournament' },
  'offset tournament': { estimator: 'offset-tournament' },
} as const;
const AT = 'mean Cov at 2N^{1+a}';
const AXES = 'Both axes are logarithmic; zeros are not drawn; bands are two standard errors.';
/** Cov_{2N^{1+a}} at N. */
const threshold = (N: number) => 2 * N ** (1 + A);

/** Theorem 6.4: the offset tournament does without the term N^-(1-a) of the simple one. */
export const theorem64 = experiment({
  name: 'theorem-6.4',
  title: 'The offset tournament sheds the term N^-(1-a)',
  source: SOURCE,
  sweeps: (quick) => {
    const counts = quick ? geometric(6, 2, 3) : geometric(6, 2, 4);
    return [
      {
        variable: 'n',
        title: 'Mean Cov at 2N^{1+a} of the winner against n',
        quantity: AT,
        caption: `N = 256, a = 1/4, 12 models of which one is within N^a of π_D everywhere, one is bold and ten are wrong with probability 0.3 down to N^-(1-a)/5. ${AXES}`,
        replicates: quick ? 160 : 400,
        values: true,
        series: BOTH,
        points: (quick ? geometric(32, 2, 6) : geometric(32, 2, 7)).map((n) => {
          const wrong = ladder(0.3, BOLD_FAILS * 256 ** (A - 1), 10);
          return tournamentClass(n, { N: 256, a: A, responses: n, wrong, bold: true, onPolicy: 4 }, threshold(256));
        }),
        claims: [
          {
            claim: 'Cov at 2N^{1+a} of the offset winner falls at least like 1/n: exponent in n',
            ...{ source: SOURCE, series: 'offset tournament', exponent: -1, relation: 'atMost' },
          },
        ],
      },
      {
        // n is far above N^{1−a}: two models that fail much less often than what the bold one costs the flat.
        variable: 'N',
        id: 'budget',
        title: 'Mean Cov at 2N^{1+a} of the winner against N, with n far above N^{1-a}',
        quantity: AT,
        caption: `Three models: one within N^a of π_D everywhere, a bold one and a wrong one; both fail with probability N^-(1-a)/5; a = 1/4, n = 60·N^{1-a}. ${AXES}`,
        replicates: quick ? 80 : 100,
        values: true,
        series: BOTH,
        points: (quick ? geometric(64, 2, 5) : geometric(64, 4, 5)).map((N) => {
          const responses = Math.round(60 * N ** (1 - A));
          const wrong = [BOLD_FAILS * N ** (A - 1)];
          const onPolicy = Math.ceil(N ** A / 2);
          return tournamentClass(N, { N, a: A, responses, wrong, bold: true, onPolicy }, threshold(N));
        }),
        claims: [
          {
            claim:
              'Check of the construction: however many responses there are, the simple winner keeps a Cov of the order of N^-(1-a) on this class: exponent in N',
            ...{ source: 'Theorem 6.3', series: 'simple tournament', exponent: A - 1, construction: true },
          },
        ],
      },
      {
        // Models wrong on independent sets of one size: as great as still wins one time in 1/δ.
        variable: 'log(M/δ)',
        id: 'm',
        title: 'Cov at 2N^{1+a} that the offset winner exceeds with probability δ, against log(M/δ)',
        quantity: 'Cov at 2N^{1+a}',
        caption: `N = 64, a = 1/4, n = 48, δ = ${DELTA}, M from ${counts[0]} to ${counts.at(-1)}; all but two models are wrong on independent sets of one size. ${AXES}`,
        replicates: quick ? 600 : 2000,
        series: {
          'offset tournament': {
            ...{ estimator: 'offset-tournament', quantity: { detail: 'wrong' }, choice: { crossing: DELTA } },
          },
        },
        points: counts.map((M) =>
          tournamentClass(
            Math.log(M / DELTA),
            ladder(1 / 48, 16 / 48, 12).map((fails) => ({
              ...{
                key: fails,
                N: 64,
                a: A,
                responses: 48,
                wrong: new Array(M - 2).fill(fails),
                bold: true,
                onPolicy: 4,
              },
            })),
            threshold(64),
          ),
        ),
        claims: [
          {
            claim:
              'The number of models enters by its logarithm: exponent in log(M/δ) of the Cov that wins with probability δ',
            ...{ source: SOURCE, series: 'offset tournament', exponent: 1, relation: 'atMost', tolerance: 0.3 },
          },
        ],
      },
    ];
  },
  summary: (measured) => [
    `Both tournaments improve with n at first; then the simple one stays where it is, since a bold model makes the good one look worse than one that fails with probability N^-(1-a)/5. Cov at 2N^{1+a} is ${ends(measured('n', 'offset tournament'))} at the least and the greatest n for the offset one, ${ends(measured('n', 'simple tournament'))} for the simple one.`,
    `A model that claims much for what the good model gives little makes the good one lose the simple tournament, for good: its winner's Cov is ${ends(measured('budget', 'simple tournament'))} at the least and the greatest N. The offset takes just that back: ${ends(measured('budget', 'offset tournament'))}.`,
    `From the least to the greatest M the Cov that wins with probability δ goes from ${ends(measured('m', 'offset tournament')).replace(' and ', ' to ')}.`,
  ],
});
