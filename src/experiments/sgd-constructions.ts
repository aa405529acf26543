import { DataDistribution } from '../linear/data-distribution.js';
import { LinearModel } from '../linear/policy.js';
import { functionFeatures } from '../linear/table-features.js';
import { Training, type TrainRunOptions } from '../linear/train.js';
import type { TrainResult } from '../linear/train-result.js';
import { namedProblem } from '../problems/named-problem.js';
import type { ExperimentContext } from './experiment.js';
import { jobOf } from './part.js';
import { procedureOf, type Rule } from './update-rules.js';

/** B of the constructions: responses are then the typical one but for a probability that does not matter. */
export const BOUND = 80;
/** N of the constructions. */
export const BUDGET = 4;

/** One of the two constructions of Proposition 5.1 with the one prompt that is hard: d = 2, tokens −1, 0, 1, Θ the unit ball. */
interface Construction {
  readonly run: Pick<TrainRunOptions, 'features' | 'constraint' | 'theta0' | 'data'>;
  /** Cov_N of the model at θ, given that the response is the typical one: 0 or 1. */
  readonly cov: (theta: Float64Array) => number;
}

/** The prompt + on which gradients are small: a start near saturation, from where θ_1 has to grow by 1/B. */
function slow(horizon: number): Construction {
  const problem = namedProblem({ name: 'prop-5.1', branch: 'slow', horizon, bound: BOUND, N: BUDGET });
  const data = DataDistribution.from({ prompts: [1, 0], policy: problem.data.policy, horizon });
  return {
    run: { ...problem.class!, data },
    cov: ([first]) => covered(horizon, logShare([-1, 0, 1], first! * BOUND, 2), logShare([-1, 0, 1], 0.5 * BOUND, 2)),
  };
}

/** The prompt on which large steps jump between v(1) = (α, √(1−α²)) and v(−1) for ever. */
function oscillating(horizon: number, alpha: number): Construction {
  const side = Math.sqrt(1 - alpha * alpha);
  const v = [
    [alpha, -side],
    [1, 0],
    [alpha, side],
  ] as const;
  const features = functionFeatures({
    by: 'prompt',
    prompts: 1,
    vocabulary: 3,
    dim: 2,
    bound: BOUND * (1 + 1e-15),
    phi: (_, tokens) => v[tokens.at(-1)!]!.map((coordinate) => BOUND * coordinate),
  });
  const logit = (theta: readonly number[]) => v.map(([a, b]) => a * theta[0]! + b * theta[1]!);
  return {
    run: {
      features,
      constraint: { kind: 'ball', radius: 1 },
      theta0: [...v[2]],
      data: DataDistribution.from({ prompts: 1, policy: new LinearModel(features, [1, 0]), horizon }),
    },
    cov: (theta) => covered(horizon, logShare(logit([...theta]), BOUND, 1), logShare(logit([1, 0]), BOUND, 1)),
  };
}

/** log of the share of one token under logits `scale`·`values`. */
function logShare(values: readonly number[], scale: number, token: number): number {
  const most = Math.max(...values.map((value) => scale * value));
  const total = values.reduce((sum, value) => sum + Math.exp(scale * value - most), 0);
  return scale * values[token]! - most - Math.log(total);
}

function covered(horizon: number, model: number, truth: number): number {
  return horizon * (truth - model) >= Math.log(BUDGET) ? 1 : 0;
}

/** The angles of the oscillating construction that every rule is tried on; B(1 − α) is well above log H. */
const ANGLES = [4 / 7, 0.7, 0.8];
/** Steps in which rules whose steps do not shrink with H have to come to rest on the oscillating prompts. */
const OSCILLATING_STEPS = 64;

/** A rule with a step size. */
export interface Contestant {
  readonly rule: Rule;
  /** η; `theory` for Theorem 5.1's η and λ at σ*² = 0, which is what it is here but for rounding. */
  readonly stepSize: number | 'theory';
}

/** What a contestant came to on both constructions at one horizon. */
export interface Standing extends Contestant {
  /** Responses to + until Cov_N on + is 0 for good; ∞ if not within the steps. */
  readonly needed: number;
  /** Whether Cov_N on the oscillating prompts, too, comes to 0 for good. */
  readonly settles: boolean;
}

/** Trains every contestant on both constructions, on at most `steps` responses to a prompt. */
export async function onConstructions(
  contestants: readonly Contestant[],
  horizon: number,
  steps: number,
  { seed, threads, signal, replicate }: Pick<ExperimentContext, 'seed' | 'threads' | 'signal'> & { replicate: number },
): Promise<Standing[]> {
  const plus = slow(horizon);
  const runs = contestants.flatMap((contestant) => {
    const last = contestant.rule === 'SGD' ? steps : Math.min(steps, OSCILLATING_STEPS);
    const angles = anglesFor(contestant, horizon);
    return [
      { contestant, construction: plus, last: steps },
      ...angles.map((alpha) => ({ contestant, construction: oscillating(horizon, alpha), last })),
    ];
  });
  const job = jobOf({ signal, threads });
  const training = await Training.create(
    runs.map(({ contestant, construction, last }) => ({
      ...construction.run,
      ...settingsOf(contestant),
      N: BUDGET,
      steps: last,
      seed,
      run: replicate,
      checkpoints: { every: 1 },
    })),
    job,
  );
  const results = await training.run(job);
  const since = runs.map(({ construction }, index) => coveredSince(construction, results[index]!));
  return contestants.map((contestant) => {
    const [needed, ...others] = since.filter((_, index) => runs[index]!.contestant === contestant);
    return { ...contestant, needed: needed!, settles: others.every(Number.isFinite) };
  });
}

function settingsOf({ rule, stepSize }: Contestant): Pick<TrainRunOptions, 'procedure' | 'stepSize'> {
  if (stepSize === 'theory') return { procedure: 'normalizedSgd', stepSize: { kind: 'theory', inherentVariance: 0 } };
  return { procedure: procedureOf(rule, stepSize, BUDGET), stepSize };
}

/** SGD is also tried on the angle of the proof, made for its step size; what theory chose is not tried on any. */
function anglesFor({ rule, stepSize }: Contestant, horizon: number): number[] {
  if (stepSize === 'theory') return [];
  const pull = stepSize * horizon * BOUND;
  const own = pull / (2 * (pull - 1));
  return rule === 'SGD' && pull > 1 && own < ANGLES.at(-1)! ? [own, ...ANGLES] : ANGLES;
}

/** The step from which on Cov_N is 0 up to the last step there is. */
function coveredSince({ cov }: Construction, result: TrainResult): number {
  const values = result.checkpoints.map(({ name }) => cov(result.checkpoint(name).theta));
  const lastBad = values.lastIndexOf(1);
  return lastBad === values.length - 1 ? Infinity : lastBad + 2;
}
