import type { Verdict } from '../report/experiment/verdict.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { hiddenSigns, probabilities } from './families.js';
import { geometric } from './geometric.js';
import {
  chosen,
  cov,
  detail,
  greatest,
  leastGreatest,
  measureRates,
  type RatePoint,
  type Rates,
  rateSeries,
  shown,
  where,
} from './rates.js';
import { range } from './statistics.js';
import { exponentVerdict, type Series } from './sweep.js';

const SOURCE = 'Theorem 6.2';
const LOWER = 'Proposition 5.1';

/**
 * Theorem 6.2: truncated SGD, told the teacher's token probabilities, does as well as the MLE whatever H is; plain SGD
 * has no constant step size that works for every prompt.
 */
export const theorem62: Experiment = {
  name: 'theorem-6.2',
  title: 'Truncated SGD learns from a teacher as well as maximum likelihood',
  source: SOURCE,
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const slow = await slowInstances(context);
  const oscillating = await oscillatingInstance(context);
  const family = await rateInT(context);
  const truncated = rateSeries(slow, 'truncated SGD', 'truncated-sgd', needed, any);
  const sgd = rateSeries(slow, 'SGD, largest step', 'sgd', needed, any);
  const worst = {
    mle: rateSeries(family, 'MLE', 'mle', cov, greatest),
    truncated: rateSeries(family, 'truncated SGD', 'truncated-sgd', cov, bestStep),
    sgd: rateSeries(family, 'SGD', 'sgd', cov, bestStep),
    untrained: rateSeries(family, 'untrained', 'untrained', cov, greatest),
  };
  const ratio = ratioOf('truncated SGD over MLE', worst.truncated, worst.mle);
  const [least, most] = range(ratio.points.map(({ value }) => value));
  const figures = [
    shown('theorem-6-2-h', 'Rare prompts needed until Cov_N on them vanishes', 'H', 'prompts', [sgd, truncated]),
    shown('theorem-6-2-t', TITLE, 'T', 'greatest mean Cov_N', Object.values(worst)),
  ];
  return {
    verdicts: [
      exponentVerdict(
        {
          claim:
            'Rare prompts that truncated SGD needs until Cov_N on them vanishes do not grow with H (step size of the theorem; exponent in H)',
          source: SOURCE,
          exponent: 0,
          relation: 'atMost',
        },
        truncated,
      ),
      exponentVerdict(
        {
          claim:
            'SGD needs a number in proportion to H at the largest step size that does not oscillate (exponent in H)',
          source: LOWER,
          exponent: 1,
        },
        sgd,
      ),
      ...oscillating,
      exponentVerdict(
        {
          claim:
            'Greatest Cov_N of truncated SGD over instances of the same σ*² and B falls like T^{-1/2} (best step size; exponent in T)',
          source: SOURCE,
          exponent: -0.5,
          relation: 'atMost',
        },
        worst.truncated,
      ),
      exponentVerdict(
        {
          claim: `It stays within a constant of the MLE’s there (${least.toPrecision(3)} to ${most.toPrecision(3)} times): exponent of their ratio in T`,
          source: SOURCE,
          exponent: 0,
          relation: 'atMost',
        },
        ratio,
      ),
    ],
    tables: figures.map(({ table }) => table),
    plots: figures.map(({ plot }) => plot),
    summary: [
      [
        'Steps of SGD that do not oscillate on one prompt are too small by a factor of H on another; truncation bounds what a response may do and lets the step be large. Over the instances of Proposition I.1 truncated SGD and plain SGD, each at its best step, stay close to the MLE: these do not tell the two apart.',
      ],
    ],
  };
}

const TITLE = 'Greatest mean Cov_N over instances of one σ*² and B against T';
const needed = detail('promptsUntilCovered');
const any = where<unknown>(() => true);

/** Steps that B is made for. */
const STEPS = 1000;

/** H grows: SGD at the border 8/(HB) from where on there is an instance on which it oscillates for ever. */
function slowInstances(context: ExperimentContext): Promise<Rates<object>> {
  const points = chosen(geometric(4096, 2, 7), context.quick).map((horizon): RatePoint<object> => {
    const bound = 3 * Math.log(2 * STEPS * horizon);
    const stepSize = (0.999 * 8) / (horizon * bound);
    const problem = { name: 'prop-5.1', branch: 'slow', horizon, steps: STEPS, bound, stepSize };
    return { x: horizon, candidates: [{ problem }] };
  });
  return measureRates(context, points, {
    N: [4],
    replicates: context.quick ? 5 : 25,
    progress: (share) => context.progress(0.3 * share, 'sweep of H'),
  });
}

/** The instance that punishes larger steps of SGD. */
async function oscillatingInstance(context: ExperimentContext): Promise<Verdict[]> {
  const [N, bound, horizon, steps] = [4, 20, 256, 20_000];
  const problem = { name: 'prop-5.1', branch: 'oscillating', horizon, steps, bound };
  const rates = await measureRates(context, [{ x: horizon, candidates: [{ problem }] }], {
    N: [N],
    replicates: context.quick ? 5 : 25,
    progress: (share) => context.progress(0.3 + 0.1 * share, 'the oscillating instance'),
  });
  const variance = rates.points[0]!.measured[0]!.trials.description.derived['inherentVariance']!;
  const limit = Math.sqrt(variance / (steps * Math.log(N))) + bound ** 2 / steps;
  const of = (estimator: string) => rateSeries(rates, estimator, estimator, cov, any).points[0]!;
  const verdict = (claim: string, source: string, predicted: string, estimator: string, holds: boolean): Verdict => {
    const { value, standardError: error } = of(estimator);
    return { claim, source, predicted, measured: value, interval: [value - 1.96 * error, value + 1.96 * error], holds };
  };
  return [
    verdict(
      'With a step size of 8/(HB) SGD oscillates for ever on an instance made for it: Cov_4 of its last iterate',
      LOWER,
      '≥ 0.5',
      'sgd',
      of('sgd').value >= 0.5,
    ),
    verdict(
      'Truncated SGD does not: Cov_4 of its last iterate is at most √(σ*²/(T log N)) + B²/T, the constant of ≲ taken as 1',
      SOURCE,
      `≤ ${limit.toPrecision(3)}`,
      'truncated-sgd',
      of('truncated-sgd').value <= limit,
    ),
  ];
}

interface Step {
  readonly factor: number;
}

const bestStep = leastGreatest<Step>(({ factor }) => factor);

/** σ*² of the sweep of T. */
const VARIANCE = 100;

/** T grows, σ*², B and N are fixed; at each T the worst of many instances counts. */
function rateInT(context: ExperimentContext): Promise<Rates<Step>> {
  const { quick } = context;
  const points = chosen(geometric(32, 2, 6), quick).map((responses): RatePoint<Step> => {
    const members = hiddenSigns({ responses, N: 4, bound: 6.7 }, VARIANCE, probabilities(quick ? 13 : 15, quick));
    const candidates = (quick ? [16, 64] : [4, 16, 64, 256]).flatMap((factor) =>
      members.map(({ problem }) => ({ factor, problem: { ...problem, stepFactor: factor } })),
    );
    return { x: responses, candidates };
  });
  return measureRates(context, points, {
    N: [4],
    replicates: quick ? 16 : 24,
    progress: (share) => context.progress(0.4 + 0.6 * share, 'sweep of T'),
  });
}

/** One series over another, point by point. */
function ratioOf(name: string, { points }: Series, below: Series): Series {
  return {
    name,
    points: points.map(({ x, value, standardError }, index) => {
      const other = below.points[index]!;
      const relative = Math.hypot(standardError / value, other.standardError / other.value);
      return { x, value: value / other.value, standardError: (relative * value) / other.value };
    }),
  };
}
