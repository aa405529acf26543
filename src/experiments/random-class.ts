import { DataDistribution } from '../linear/data-distribution.js';
import type { FeatureMap } from '../linear/feature-map.js';
import { estimateInherentVariance } from '../linear/measures.js';
import { LinearModel, scoreResponses } from '../linear/policy.js';
import type { Responses } from '../linear/responses.js';
import { randomFeatures } from '../linear/sequence-features.js';
import { Training, type TrainRunOptions } from '../linear/train.js';
import { coverageProfile } from '../profile/coverage-profile.js';
import type { ExperimentContext } from './experiment.js';
import { jobOf } from './part.js';
import { uniforms } from './random.js';

const VOCABULARY = 4;
const DIM = 32;
/** N at which Cov_N is measured and theory's choices are made. */
export const RANDOM_BUDGET = 4;
const HELD_OUT = { quick: 400, full: 1000 };
/** The grid of steps at which iterates are kept is as fine as T over this. */
const FINENESS = 1024;
/** Between two iterates at which Cov_N is measured the number of steps grows by this factor. */
const RATIO = 1.5;

/** A random π_D in a linear class of random features of position and last token, ‖θ*‖ = 0.9, Θ the unit ball. */
export interface RandomProblem {
  readonly features: FeatureMap;
  readonly data: DataDistribution;
  readonly heldOut: Responses;
  /** log π_D of the held-out responses. */
  readonly reference: Float64Array;
  /** σ*², estimated. */
  readonly variance: number;
  /** Cov_N of θ = 0, the uniform model, on the held-out responses. */
  readonly start: number;
}

/** Draws one, with features of norm at most `bound`. */
export async function randomProblem(
  horizon: number,
  bound: number,
  index: number,
  { quick, seed, threads, signal }: Pick<ExperimentContext, 'quick' | 'seed' | 'threads' | 'signal'>,
): Promise<RandomProblem> {
  const job = jobOf({ signal, threads });
  const uniform = uniforms(seed, 51, index);
  const features = randomFeatures({
    vocabulary: VOCABULARY,
    horizon,
    dim: DIM,
    bound,
    window: 1,
    seed: Math.floor(uniform() * 2 ** 31),
  });
  const direction = Array.from({ length: DIM }, () => uniform() - 0.5);
  const length = Math.hypot(...direction);
  const star = new LinearModel(
    features,
    direction.map((coordinate) => (0.9 * coordinate) / length),
  );
  const data = DataDistribution.from({ prompts: 1, policy: star, horizon });
  const heldOut = await data.sample(quick ? HELD_OUT.quick : HELD_OUT.full, {
    ...(signal && { signal }),
    seed: seed + index,
  });
  const reference = await star.logProbs(heldOut, job);
  const variance = await estimateInherentVariance(data, features, { ...job, samples: 2000, seed: seed + index });
  const threshold = Math.log(RANDOM_BUDGET) - horizon * Math.log(VOCABULARY);
  const start = reference.filter((logProb) => logProb >= threshold).length / heldOut.count;
  return { features, data, heldOut, reference, variance: variance.value!, start };
}

/** A training run on a problem, its Cov_N watched. */
export interface RandomRun extends Pick<TrainRunOptions, 'procedure' | 'stepSize'> {
  readonly problem: RandomProblem;
  readonly steps: number;
  /** Which stream of responses. */
  readonly run: number;
}

/** Cov_N averaged over the iterates of each run, all runs of the same number of steps. */
export async function averagedCov(
  runs: readonly RandomRun[],
  { seed, threads, signal }: Pick<ExperimentContext, 'seed' | 'threads' | 'signal'>,
): Promise<number[]> {
  const job = jobOf({ signal, threads });
  const every = Math.ceil(runs[0]!.steps / FINENESS);
  const training = await Training.create(
    runs.map(({ problem: { features, data }, ...rest }) => ({
      ...rest,
      features,
      data,
      seed,
      N: RANDOM_BUDGET,
      checkpoints: { every },
    })),
    job,
  );
  const results = await training.run(job);
  const chosen = recorded(results[0]!.checkpoints.map(({ step }) => step));
  const averages = new Array<number>(runs.length);
  for (const problem of new Set(runs.map((run) => run.problem))) {
    const mine = runs.flatMap((run, index) => (run.problem === problem ? [index] : []));
    const policies = Object.fromEntries(
      mine.flatMap((index) =>
        chosen.map((at) => [`${index} ${at}`, results[index]!.checkpoint(results[index]!.checkpoints[at]!.name)]),
      ),
    );
    using scores = await scoreResponses(policies, problem.heldOut, job);
    const profiles = await coverageProfile(scores, {
      ...job,
      reference: problem.reference,
      N: [RANDOM_BUDGET],
      points: 3,
    });
    for (const [order, index] of mine.entries()) {
      const models = profiles.models.slice(order * chosen.length, (order + 1) * chosen.length);
      averages[index] = averageOver(
        [problem.start, ...models.map(({ coverage }) => coverage[0]!.value)],
        [0, ...chosen.map((at) => results[index]!.checkpoints[at]!.step)],
      );
    }
  }
  return averages;
}

/** Which of the iterates kept are measured: ever further apart, the last among them. */
function recorded(steps: readonly number[]): number[] {
  const chosen: number[] = [];
  for (const [index, step] of steps.entries()) {
    const last = chosen.length > 0 ? steps[chosen.at(-1)!]! : 0;
    if (index === steps.length - 1 || step >= RATIO * last) chosen.push(index);
  }
  return chosen;
}

/** The mean over steps, by the trapezoidal rule between those that were measured. */
function averageOver(values: readonly number[], steps: readonly number[]): number {
  const areas = values
    .slice(1)
    .map((value, index) => 0.5 * (value + values[index]!) * (steps[index + 1]! - steps[index]!));
  return areas.reduce((sum, area) => sum + area, 0) / steps.at(-1)!;
}
