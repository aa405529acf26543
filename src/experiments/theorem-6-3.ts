import { experiment } from './declare.js';
import { ends, geometric, ladder } from './series.js';
import { BOLD_FAILS, DELTA, tournamentClass } from './tournament-class.js';

const SOURCE = 'Theorem 6.3';
const WINNER = { winner: { estimator: 'tournament' }, 'most likely': { estimator: 'mle' } } as const;
const AT = 'mean Cov at N^{1+a}';
const AXES = 'Both axes are logarithmic; zeros are not drawn; bands are two standard errors.';

/** Theorem 6.3: the winner of the tournament covers about as well as the best model of the class, likely or not. */
export const theorem63 = experiment({
  name: 'theorem-6.3',
  title: 'The tournament finds a model of small Cov in a misspecified class',
  source: SOURCE,
  sweeps: (quick) => {
    const [N, a] = [1e6, 0.25];
    const at = N ** (1 + a);
    const counts = quick ? geometric(8, 4, 3) : geometric(8, 4, 4);
    return [
      {
        variable: 'n',
        title: 'Mean Cov at N^{1+a} of the winner against n',
        quantity: AT,
        caption: `40 models, N = 10^6, a = 1/4: one within N^a of π_D everywhere, the others wrong on sets of prompts from 0.2 down to 10^-5. ${AXES}`,
        replicates: quick ? 80 : 300,
        values: true,
        series: WINNER,
        points: (quick ? geometric(64, 4, 4) : geometric(64, 2, 8)).map((n) =>
          tournamentClass(n, { N, a, responses: n, wrong: ladder(0.2, 1e-5, 39) }, at),
        ),
        claims: [
          {
            claim: 'Cov at N^{1+a} of the winner falls at least like 1/n: exponent in n',
            ...{ source: SOURCE, series: 'winner', exponent: -1, relation: 'atMost' },
          },
        ],
      },
      {
        // Models wrong on independent sets of one size: as great as still wins one time in 1/δ.
        variable: 'log(M/δ)',
        id: 'm',
        title: 'Cov at N^{1+a} that the winner exceeds with probability δ, against log(M/δ)',
        quantity: 'Cov at N^{1+a}',
        caption: `n = 128, N = 10^6, a = 1/4, δ = ${DELTA}, M from ${counts[0]} to ${counts.at(-1)}; all models but one are wrong on independent sets of one size. ${AXES}`,
        replicates: quick ? 1500 : 4000,
        series: { winner: { estimator: 'tournament', quantity: { detail: 'wrong' }, choice: { crossing: DELTA } } },
        points: counts.map((M) => {
          const candidates = ladder(2 / 128, 24 / 128, 14);
          return tournamentClass(
            Math.log(M / DELTA),
            candidates.map((fails) => ({ key: fails, N, a, responses: 128, wrong: new Array(M - 1).fill(fails) })),
            at,
          );
        }),
        claims: [
          {
            claim:
              'The number of models enters by its logarithm: exponent in log(M/δ) of the Cov that wins with probability δ',
            ...{ source: SOURCE, series: 'winner', exponent: 1, relation: 'atMost', tolerance: 0.3 },
          },
        ],
      },
      ...[0.125, 0.25, 0.5].map((each) => ({
        // n is far above N^{1−a}: what the bold model costs.
        variable: 'N',
        id: `budget ${each}`,
        title: `Mean Cov at N^{1+a} of the winner against N, with n far above N^{1-a}, a = ${each}`,
        quantity: AT,
        caption: `Three models: one within N^a of π_D everywhere, a bold one that claims what the first gives little, and a wrong one; both fail with probability N^-(1-a)/5; n = 60·N^{1-a}. ${AXES}`,
        replicates: quick ? 80 : 100,
        values: true,
        series: WINNER,
        points: (quick ? geometric(512, 2, 4) : geometric(512, 4, 4)).map((budget) => {
          const wrong = [BOLD_FAILS * budget ** (each - 1)];
          const responses = Math.round(60 * budget ** (1 - each));
          return tournamentClass(budget, { N: budget, a: each, responses, wrong, bold: true }, budget ** (1 + each));
        }),
        claims: [
          {
            claim: `Check of the construction: the term N^-(1-a) is attained, at a = ${each}: exponent in N of the winner's Cov at N^{1+a} where n is far greater`,
            ...{ source: SOURCE, series: 'winner', exponent: each - 1, construction: true },
          },
        ],
      })),
      {
        // No model is right everywhere.
        variable: 'min Cov at N^a',
        id: 'best',
        title: 'Mean Cov at N^{1+a} of the winner against the least Cov at N^a of the class',
        quantity: AT,
        caption: `13 models, n = 4000, N = 10^6, a = 1/4: the least likely is wrong, too, but with the least probability; the others with 1.2 to 3 times that. ${AXES}`,
        replicates: quick ? 20 : 100,
        series: WINNER,
        points: (quick ? ladder(0.16, 0.01, 4) : ladder(0.16, 0.005, 6)).map((flat) =>
          tournamentClass(flat, { N, a, responses: 4000, wrong: ladder(3 * flat, 1.2 * flat, 12), flat }, at),
        ),
        claims: [
          {
            claim:
              'Where no model is right everywhere, the winner is no worse than the best by more than a factor: exponent in min Cov at N^a',
            ...{ source: SOURCE, series: 'winner', exponent: 1, relation: 'atLeast' },
          },
        ],
      },
    ];
  },
  summary: (measured) => [
    `π_D is in none of the classes. Where every model but the least likely is wrong somewhere, the winner's Cov is ${ends(measured('n', 'winner'))} at the least and the greatest n, that of the most likely model ${ends(measured('n', 'most likely'))}.`,
    `From the least to the greatest M the Cov that wins with probability δ goes from ${ends(measured('m', 'winner')).replace(' and ', ' to ')}.`,
    `The term N^-(1-a) cannot be done without: on a class of three models made for it the winner's Cov is ${[0.125, 0.25, 0.5].map((a) => `${ends(measured(`budget ${a}`, 'winner'))} (a = ${a})`).join(', ')} at the least and the greatest N, at any n.`,
    `Where every model is wrong somewhere, the winner's Cov is ${ends(measured('best', 'winner'))} for the worst and the best of the best models, that of the most likely model ${ends(measured('best', 'most likely'))}.`,
  ],
});
