import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { certainLogit, hiddenSigns, probabilities } from './families.js';
import { geometric } from './geometric.js';
import {
  chosen,
  cov,
  greatest,
  kl,
  measureRates,
  type RatePoint,
  type Rates,
  rateSeries,
  shown,
  where,
} from './rates.js';
import { exponentVerdict } from './sweep.js';

const SOURCE = 'Theorem 4.2';

/**
 * Theorem 4.2: with more parameters than responses but ‖θ‖ ≤ 1, Cov_N of the MLE is of order
 * √(σ*²/(n log N)) + B²/n, whatever H is. It is a bound on the worst instance: what is measured is the greatest mean over
 * a family of the same σ*² and B that holds hard ones, those of Proposition I.1.
 */
export const theorem42: Experiment = {
  name: 'theorem-4.2',
  title: 'Maximum likelihood with more parameters than responses',
  source: SOURCE,
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const overResponses = await inResponses(context);
  const overBudgets = await inLogN(context);
  const overHorizon = await inHorizon(context);
  const worst = (rates: Rates<unknown>) => [
    rateSeries(rates, 'MLE', 'mle', cov, greatest),
    rateSeries(rates, 'posterior mean', 'posterior-mean', cov, greatest),
    rateSeries(rates, 'untrained', 'untrained', cov, greatest),
  ];
  const [inN, inBudget] = [worst(overResponses), worst(overBudgets)];
  const any = where<unknown>(() => true);
  const covInH = rateSeries(overHorizon, 'Cov_16 of the MLE', 'mle', cov, any);
  const klInH = rateSeries(overHorizon, 'KL of the MLE (nats)', 'mle', kl, any);
  const greatestCov = 'greatest mean Cov_N';
  const figures = [
    shown('theorem-4-2-n', 'Greatest mean Cov_4 over instances of one σ*² and B against n', 'n', greatestCov, inN),
    shown('theorem-4-2-log-n-budget', 'The same against log N, at n = 128', 'log N', greatestCov, inBudget),
    shown('theorem-4-2-h', 'Cov_16 and KL of the MLE against H at fixed σ*², B and n', 'H', 'mean', [covInH, klInH]),
  ];
  const bound = (variable: string) =>
    `Greatest Cov_N of the MLE over instances of the same σ*² and B, d > n, is at most of order √(σ*²/(n log N)): exponent in ${variable}`;
  const upper = { source: SOURCE, exponent: -0.5, relation: 'atMost' } as const;
  return {
    verdicts: [
      exponentVerdict({ ...upper, claim: bound('n') }, inN[0]!),
      exponentVerdict({ ...upper, claim: bound('log N') }, inBudget[0]!),
      exponentVerdict(
        {
          claim: 'The bound cannot be improved in n: the posterior mean, which knows the size of θ*, has it too',
          source: 'Proposition I.1',
          exponent: -0.5,
          relation: 'atLeast',
        },
        inN[1]!,
      ),
      exponentVerdict(
        {
          claim: 'Cov_16 of the MLE does not grow with H at fixed σ*², B and n: exponent in H',
          source: SOURCE,
          exponent: 0,
          relation: 'atMost',
        },
        covInH,
      ),
      exponentVerdict(
        {
          claim: 'KL of the same MLE grows like H there: exponent in H',
          source: 'Proposition 3.2',
          exponent: 1,
          relation: 'atLeast',
        },
        klInH,
      ),
    ],
    tables: figures.map(({ table }) => table),
    plots: figures.map(({ plot }) => plot),
    summary: [
      [
        'At the worst instance for each n there are more parameters than responses, and still Cov_N of the MLE falls like n^{-1/2}, no slower than that of an estimator that is told how large the parameters are; the untrained model stays near 1. Where only tokens get surer as responses get longer, Cov_N stays and KL grows.',
      ],
    ],
  };
}

/** σ*² of the sweeps of n and log N. */
const VARIANCE = 518;

function inResponses(context: ExperimentContext): Promise<Rates<unknown>> {
  const { quick } = context;
  const points = chosen(geometric(16, 2, 6), quick).map(
    (responses): RatePoint<unknown> => ({
      x: responses,
      candidates: hiddenSigns({ responses, N: 4, bound: 6.7 }, VARIANCE, probabilities(quick ? 11 : 12, quick)),
    }),
  );
  return measureRates(context, points, {
    N: [4],
    replicates: quick ? 8 : 40,
    progress: (share) => context.progress(0.45 * share, 'sweep of n'),
  });
}

/** B is large enough for the greatest N; each N has its own instances. */
async function inLogN(context: ExperimentContext): Promise<Rates<unknown>> {
  const { quick } = context;
  const values = chosen(geometric(2, 2, 7), quick, 3);
  const points = [];
  for (const [index, N] of values.entries()) {
    const family = { responses: 128, N, bound: Math.sqrt(32 * Math.log(128)) * 1.001 };
    const rates = await measureRates(
      context,
      [{ x: Math.log(N), candidates: hiddenSigns(family, 3 * VARIANCE, probabilities(quick ? 9 : 11, quick)) }],
      {
        N: [N],
        replicates: quick ? 8 : 40,
        progress: (share) => context.progress(0.45 + (0.45 * (index + share)) / values.length, 'sweep of log N'),
      },
    );
    points.push(...rates.points);
  }
  return { points };
}

function inHorizon(context: ExperimentContext): Promise<Rates<unknown>> {
  const points = chosen(geometric(512, 2, 7), context.quick).map(
    (horizon): RatePoint<unknown> => ({
      x: horizon,
      candidates: [
        { problem: { name: 'rare-prompts', responses: 200, horizon, bound: 4.5, logit: certainLogit(horizon, 64) } },
      ],
    }),
  );
  return measureRates(context, points, {
    N: [16],
    replicates: context.quick ? 2000 : 20_000,
    progress: (share) => context.progress(0.9 + 0.1 * share, 'sweep of H'),
  });
}
