import { DataDistribution } from '../linear/data-distribution.js';
import type { FeatureMap } from '../linear/feature-map.js';
import { exactMeasures, inherentVariance } from '../linear/measures.js';
import { LinearModel } from '../linear/policy.js';
import { randomFeatures } from '../linear/sequence-features.js';
import { sweep as trainSweep } from '../linear/sweep.js';
import type { Verdict } from '../report/experiment/verdict.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { certainLogit } from './families.js';
import { geometric } from './geometric.js';
import {
  chosen,
  detail,
  kl,
  least,
  measureRates,
  type RatePoint,
  type Rates,
  rateSeries,
  shown,
  where,
} from './rates.js';
import { exponentVerdict, type Series } from './sweep.js';

const SOURCE = 'Theorem 6.1';
const LOWER = 'Proposition 3.2';

/**
 * Theorem 6.1: token SGD with test-time training has a KL of order √(σ*²/T) + B²/T, whatever H is. On the instance of
 * Proposition 3.2 every proper estimator's KL is of order H/T: test-time training is improper, and beats it.
 */
export const theorem61: Experiment = {
  name: 'theorem-6.1',
  title: 'Test-time training beats every proper estimator',
  source: SOURCE,
  run,
};

interface Step {
  readonly factor: number;
}

/** Instances of Proposition 3.2, each at several step sizes around those of the theorems. */
function point({ quick }: ExperimentContext, x: number, problem: object): RatePoint<Step> {
  const factors = quick ? [0.25, 1, 8] : [0.25, 1, 4, 16, 64];
  return {
    x,
    candidates: factors.map((factor) => ({
      factor,
      problem: { name: 'rare-prompts', paths: quick ? 2 : 4, stepFactor: factor, ...problem },
    })),
  };
}

/** σ*², B and T are fixed: the longer the responses, the nearer to certain their tokens. */
const NOISE = 64;
const BOUND = 4.5;
const STEPS = 200;

function alongHorizon(context: ExperimentContext): RatePoint<Step>[] {
  return chosen(geometric(512, 2, 7), context.quick).map((horizon) => {
    const logit = certainLogit(horizon, NOISE);
    return point(context, horizon, { responses: STEPS, horizon, bound: BOUND, logit });
  });
}

/** σ*² and B are fixed and T grows: then H grows like T, for the rare prompt's share is 1/(2T). */
function alongSteps(context: ExperimentContext): RatePoint<Step>[] {
  return chosen(geometric(64, 2, 7), context.quick).map((responses) =>
    point(context, responses, { responses, horizon: 4 * responses, logit: 3 }),
  );
}

const theory = where<Step>(({ factor }) => factor === 1);

async function run(context: ExperimentContext): Promise<Outcome> {
  const replicates = context.quick ? 50 : 200;
  const measure = (points: readonly RatePoint<Step>[], from: number, to: number, doing: string) =>
    measureRates(context, points, {
      N: [16],
      replicates,
      progress: (share) => context.progress(from + (to - from) * share, doing),
    });
  const overHorizon = await measure(alongHorizon(context), 0, 0.5, 'sweep of H');
  const overSteps = await measure(alongSteps(context), 0.5, 0.7, 'sweep of T');
  const general = await generalModel(context, (share) =>
    context.progress(0.7 + 0.3 * share, 'sweep of T, general model'),
  );
  const [alongH, alongT] = [seriesOf(overHorizon), seriesOf(overSteps)];
  const figures = [
    shown('theorem-6-1-h', 'KL against H at fixed σ*², B and T', 'H', 'mean KL (nats)', Object.values(alongH)),
    shown('theorem-6-1-t', 'KL against T at fixed σ*² and B, H = 4T', 'T', 'mean KL (nats)', Object.values(alongT)),
    shown('theorem-6-1-general', 'Exact KL against T, one model and step size', 'T', 'mean KL (nats)', general.series),
  ];
  return {
    verdicts: [
      ...horizonVerdicts(alongH),
      ...stepVerdicts(alongT),
      general.verdict,
      regretVerdict([overHorizon, overSteps]),
    ],
    tables: figures.map(({ table }) => table),
    plots: figures.map(({ plot }) => plot),
    summary: [
      [
        'A prompt is so rare that most runs never see it. Without test-time training nothing helps: the KL of the MLE, of SGD and of token SGD grows with H at any step size. With it the model learns the prompt while it responds, and its KL stays where it is. A smaller step than the theorem’s is better still for short responses, but not for long ones.',
      ],
    ],
  };
}

function seriesOf(rates: Rates<Step>) {
  return {
    mle: rateSeries(rates, 'MLE', 'mle', kl, theory),
    sgd: rateSeries(rates, 'SGD, best step', 'sgd', kl, least),
    token: rateSeries(rates, 'token SGD, best step', 'token-sgd', kl, least),
    testTime: rateSeries(rates, 'test-time training', 'test-time', kl, theory),
    testTimeBest: rateSeries(rates, 'the same, best step', 'test-time', kl, least),
  };
}

type AllSeries = ReturnType<typeof seriesOf>;

function horizonVerdicts({ mle, sgd, token, testTime }: AllSeries): Verdict[] {
  const improper = 'KL of token SGD with test-time training does not grow with H at fixed σ*², B and T';
  const proper = (name: string) => `KL of ${name}, being proper, grows like H at fixed σ*², B and T: exponent in H`;
  const upper = { source: SOURCE, exponent: 0, relation: 'atMost' } as const;
  const lower = { source: LOWER, exponent: 1, relation: 'atLeast' } as const;
  return [
    exponentVerdict({ ...upper, claim: `${improper} (step size of the theorem; exponent in H)` }, testTime),
    exponentVerdict({ ...lower, claim: proper('the MLE') }, mle),
    exponentVerdict({ ...lower, claim: proper('SGD at its best step size') }, sgd),
    exponentVerdict({ ...lower, claim: proper('token SGD at its best step size') }, token),
  ];
}

function stepVerdicts({ token, testTime }: AllSeries): Verdict[] {
  return [
    exponentVerdict(
      {
        claim:
          'KL of token SGD with test-time training falls like T^{-1/2} at fixed σ*² and B (step size of the theorem; H = 4T; exponent in T)',
        source: SOURCE,
        exponent: -0.5,
        relation: 'atMost',
      },
      testTime,
    ),
    exponentVerdict(
      {
        claim: 'KL of token SGD without it does not fall with T there, at its best step size (exponent in T)',
        source: LOWER,
        exponent: 0,
        relation: 'atLeast',
      },
      token,
    ),
  ];
}

/** What token SGD pays on a response is what π^TTT pays on it: the theorem's proof, if θ comes back after each response. */
function regretVerdict(sweeps: readonly Rates<Step>[]): Verdict {
  const gaps = sweeps.flatMap(({ points }) =>
    points.flatMap(({ measured }) =>
      measured.map(
        ({ trials }) => regretGap(trials.estimators.find(({ estimator }) => estimator === 'test-time')!).max,
      ),
    ),
  );
  const greatest = Math.max(...gaps);
  return {
    claim:
      'Along any response the KL of π^TTT is what token SGD pays on it from the same θ: greatest relative difference in any run',
    source: SOURCE,
    predicted: '≤ 1e-9',
    measured: greatest,
    interval: null,
    holds: greatest <= 1e-9,
  };
}

const regretGap = detail('regretGap');

const GENERAL = { vocabulary: 3, horizon: 5, prompts: 4 };

/** One model, of which nothing is special; T alone grows, and the KL of a drawn iterate is exact. */
async function generalModel(
  { quick, seed, threads, signal }: ExperimentContext,
  progress: (share: number) => void,
): Promise<{ series: Series[]; verdict: Verdict }> {
  const features = randomFeatures({ ...GENERAL, dim: 64, window: 2, bound: 4 });
  const data = await likelyResponses(features);
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const variance = await inherentVariance(data, features, job);
  const steps = chosen(geometric(512, 2, 7), quick, 3);
  const seeds = Array.from({ length: quick ? 16 : 32 }, (_, run) => run);
  const rows = await trainSweep({
    axes: { steps, run: seeds },
    run: ({ steps: count, run: index }) => ({
      features,
      data,
      procedure: 'tokenSgd',
      stepSize: { kind: 'theory', inherentVariance: variance },
      steps: count,
      seed,
      run: index,
    }),
    ...job,
    onProgress: ({ done, total }) => progress(total > 0 ? (0.3 * done) / total : 0),
  });
  const values = { plain: new Map<number, number[]>(), testTime: new Map<number, number[]>() };
  for (const [index, { point: at, result }] of rows.entries()) {
    const model = new LinearModel(features, result.drawnTheta!);
    const policies = { plain: model, testTime: model.testTime({ stepSize: result.theory!.stepSize }) };
    for (const key of ['plain', 'testTime'] as const) {
      const { kl: measured } = await exactMeasures(data, policies[key], { ...job, N: [16] });
      values[key].set(at.steps, [...(values[key].get(at.steps) ?? []), measured!]);
    }
    progress(0.3 + (0.7 * (index + 1)) / rows.length);
  }
  const series = [meanSeries('test-time training', values.testTime), meanSeries('without', values.plain)];
  return {
    series,
    verdict: exponentVerdict(
      {
        claim: `KL of token SGD with test-time training falls like T^{-1/2} on a fixed model of d = ${features.dim}, exactly (step size of the theorem; exponent in T)`,
        source: SOURCE,
        exponent: -0.5,
        relation: 'atMost',
      },
      series[0]!,
    ),
  };
}

/** π_D that has learned a few responses: far from θ = 0. */
async function likelyResponses(features: FeatureMap): Promise<DataDistribution> {
  const untrained = new LinearModel(features, new Float64Array(features.dim));
  const few = await DataDistribution.from({ prompts: GENERAL.prompts, policy: untrained }).sample(3);
  const gradients = await untrained.gradients(few);
  const sum = Float64Array.from({ length: features.dim }, (_, at) =>
    gradients.reduce((total, gradient) => total + gradient[at]!, 0),
  );
  const norm = Math.hypot(...sum) * (1 + 1e-12);
  const policy = new LinearModel(
    features,
    sum.map((value) => value / norm),
  );
  return DataDistribution.from({ prompts: GENERAL.prompts, policy });
}

function meanSeries(name: string, values: ReadonlyMap<number, readonly number[]>): Series {
  return {
    name,
    points: [...values].map(([x, each]) => {
      const mean = each.reduce((sum, value) => sum + value, 0) / each.length;
      const squares = each.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return { x, value: mean, standardError: Math.sqrt(squares / (each.length - 1) / each.length) };
    }),
  };
}
