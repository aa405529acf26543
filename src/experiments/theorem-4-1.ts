import type { ProblemOptions } from '../problems/problem.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { hiddenSignsOf, probabilities } from './families.js';
import { geometric } from './geometric.js';
import {
  chosen,
  cov,
  covAt,
  greatest,
  kl,
  measureRates,
  type Quantity,
  type RatePoint,
  type Rates,
  rateSeries,
  shown,
} from './rates.js';
import { exponentVerdict, type Series } from './sweep.js';

const SOURCE = 'Theorem 4.1';
const LOW = 'Corollary 4.2';

/**
 * Theorem 4.1 in low dimension (Corollary 4.2): Cov_N of the MLE is at most of order
 * d([log(BH/log N)]_+ + log(BHn)/log N)/n: a coarse part d/n that no N helps against, and a fine one that falls like
 * 1/log N; H enters by a logarithm. At each point the greatest mean over how rare the rare prompts are is measured.
 */
export const theorem41: Experiment = {
  name: 'theorem-4.1',
  title: 'Maximum likelihood in low dimension',
  source: `${SOURCE}, ${LOW}`,
  run,
};

/** Rare prompts that are seen a few times or never: what the coarse part is about. */
interface Coarse {
  readonly responses: number;
  readonly prompts: number;
  readonly horizon: number;
}

const BASE: Coarse = { responses: 2000, prompts: 16, horizon: 256 };
/** Log odds of the likelier token of a rare prompt. */
const LOGIT = 1;
/** B, enough for the greatest d. */
const BOUND = 8;

async function run(context: ExperimentContext): Promise<Outcome> {
  const coarse = {
    n: await coarseSweep(context, 'responses', geometric(125, 2, 7), 0),
    d: await coarseSweep(context, 'prompts', geometric(4, 2, 7), 0.2),
    H: await coarseSweep(context, 'horizon', geometric(64, 2, 7), 0.4),
  };
  const logN = await budgetSweep(context, 0.6);
  const fine = {
    n: await fineSweep(context, 'n', geometric(250, 2, 6), 0.7),
    logN: await fineSweep(context, 'log N', [2, 4, 8, 16, 32, 64], 0.85),
  };
  const mle = (rates: Rates<unknown>, quantity: Quantity = cov) => rateSeries(rates, 'MLE', 'mle', quantity, greatest);
  const untrained = (rates: Rates<unknown>) => rateSeries(rates, 'untrained', 'untrained', cov, greatest);
  const covOfH = { ...mle(coarse.H), name: 'Cov_4 of the MLE' };
  const klOfH = { ...mle(coarse.H, kl), name: 'KL of the MLE (nats)' };
  const figures = [
    shown('theorem-4-1-n', 'Coarse part: greatest mean Cov_4 against n', 'n', COV, [
      mle(coarse.n),
      untrained(coarse.n),
    ]),
    shown('theorem-4-1-d', 'Coarse part: greatest mean Cov_4 against d', 'd', COV, [
      mle(coarse.d),
      untrained(coarse.d),
    ]),
    shown('theorem-4-1-h', 'Greatest mean Cov_4 and KL against H', 'H', 'greatest mean', [covOfH, klOfH]),
    shown('theorem-4-1-log-n-budget', 'Coarse part: greatest mean Cov_N against log N', 'log N', COV, [logN]),
    shown('theorem-4-1-fine-n', 'Fine part: greatest mean Cov_4 against n', 'n', COV, [mle(fine.n), untrained(fine.n)]),
    shown('theorem-4-1-fine-log-n-budget', 'Fine part: greatest mean Cov_N against log N', 'log N', COV, [
      mle(fine.logN),
      untrained(fine.logN),
    ]),
  ];
  return {
    verdicts: verdicts({ ...coarse, logN }, { n: mle(fine.n), logN: mle(fine.logN) }, covOfH, klOfH, mle),
    tables: figures.map(({ table }) => table),
    plots: figures.map(({ plot }) => plot),
    summary: [
      [
        'Prompts that were not seen are not covered whatever N is (below e^{cH}), which costs d/n; signs that were not learned are covered at larger N, which costs d/(n log N). Longer responses do not change the share of prompts that are not covered, but each of them costs KL in proportion to H.',
      ],
    ],
  };
}

const COV = 'greatest mean Cov_N';

function verdicts(
  coarse: { n: Rates<unknown>; d: Rates<unknown>; logN: Series },
  fine: { n: Series; logN: Series },
  covOfH: Series,
  klOfH: Series,
  mle: (rates: Rates<unknown>) => Series,
): Outcome['verdicts'] {
  const claim = (part: string, variable: string) =>
    `${part} of Cov_N of the MLE, at the worst probability of the rare prompts: exponent in ${variable}`;
  const verdict = (text: string, source: string, exponent: number, series: Series, atLeast = false) =>
    exponentVerdict({ claim: text, source, exponent, relation: atLeast ? 'atLeast' : 'atMost' }, series);
  return [
    verdict(claim('Coarse part', 'n'), LOW, -1, mle(coarse.n)),
    verdict(claim('Coarse part', 'd'), LOW, 1, mle(coarse.d)),
    verdict(claim('Coarse part', 'H'), LOW, 0, covOfH),
    verdict('KL of the same MLE grows like H: exponent in H', 'Proposition 3.2', 1, klOfH, true),
    verdict(claim('Coarse part', 'log N'), SOURCE, 0, coarse.logN),
    verdict(claim('Fine part', 'n'), LOW, -1, fine.n),
    verdict(claim('Fine part', 'log N'), SOURCE, -1, fine.logN),
  ];
}

/** Instances that differ in how rare the rare prompts are: together 1, 1/√2, … of all. */
function coarseFamily({ responses, prompts, horizon }: Coarse, quick: boolean): { readonly problem: ProblemOptions }[] {
  return probabilities(26, quick).map((rare) => ({
    problem: {
      name: 'rare-prompts',
      responses,
      prompts,
      horizon,
      logit: LOGIT,
      bound: BOUND,
      visits: (rare * responses) / prompts,
    },
  }));
}

function coarseSweep(
  context: ExperimentContext,
  variable: keyof Coarse,
  values: readonly number[],
  from: number,
): Promise<Rates<unknown>> {
  const points = chosen(values, context.quick).map(
    (x): RatePoint<unknown> => ({ x, candidates: coarseFamily({ ...BASE, [variable]: x }, context.quick) }),
  );
  return measureRates(context, points, {
    N: [4],
    replicates: context.quick ? 40 : 300,
    progress: (share) => context.progress(from + 0.2 * share, `sweep of ${variable}`),
  });
}

/** One family, measured at many N. */
async function budgetSweep(context: ExperimentContext, from: number): Promise<Series> {
  const N = geometric(4, 4, 7);
  const rates = await measureRates(context, [{ x: 0, candidates: coarseFamily(BASE, context.quick) }], {
    N,
    replicates: context.quick ? 40 : 300,
    progress: (share) => context.progress(from + 0.1 * share, 'sweep of N'),
  });
  const at = (index: number) => rateSeries(rates, 'MLE', 'mle', covAt(index), greatest).points[0]!;
  return { name: 'MLE', points: N.map((each, index) => ({ ...at(index), x: Math.log(each) })) };
}

/** d = H of the fine part's instances, those of Proposition I.1: enough for Bε ≤ 1, and B is enough, for N up to 64. */
const SIGNS = 136;
const SIGNS_BOUND = Math.sqrt(32 * Math.log(64)) * 1.001;

async function fineSweep(
  context: ExperimentContext,
  variable: 'n' | 'log N',
  values: readonly number[],
  from: number,
): Promise<Rates<unknown>> {
  const some = chosen(values, context.quick);
  const points = [];
  for (const [index, value] of some.entries()) {
    const family = {
      responses: variable === 'n' ? value : 1000,
      N: variable === 'n' ? 4 : value,
      bound: SIGNS_BOUND,
    };
    const candidates = probabilities(26, context.quick).map((rare) => hiddenSignsOf(family, SIGNS, rare));
    const x = variable === 'n' ? value : Math.log(value);
    const rates = await measureRates(context, [{ x, candidates }], {
      N: [family.N],
      replicates: context.quick ? 16 : 60,
      progress: (share) => context.progress(from + (0.15 * (index + share)) / some.length, `fine part, ${variable}`),
    });
    points.push(...rates.points);
  }
  return { points };
}
