import type { JobOptions } from '../job.js';
import type { DataDistribution } from '../linear/data-distribution.js';
import { exactMeasures } from '../linear/measures.js';
import { Training, train } from '../linear/train.js';
import type { TrainResult } from '../linear/train-result.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { type GraphRunOptions, graphTraining } from '../problems/graph-task.js';
import { namedProblem } from '../problems/named-problem.js';
import { figure1Run } from './figure-1-training.js';
import { overfitting } from './figure-2.js';
import { expectedPass } from './runs.js';

/** Sizes of the experiment. */
export interface RlStartSize {
  readonly seeds: number;
  /** Checkpoints that reinforcement learning begins at; Figure 2's learner has its own. */
  readonly starts: number;
  /** Steps of the learner before. */
  readonly preTraining: number;
  readonly fineTuning: number;
  readonly validation: number;
  readonly heldOut: number;
  /** Steps of policy gradient. */
  readonly steps: number;
}

/** K of Pass@K and of the tournament; Cov_{K/2} is what bounds it. */
export const K = 12;
export const COVERAGE_N = K / 2;
/** Responses drawn to a prompt, and prompts a step. */
export const ROLLOUTS = 8;
export const PROMPTS = 8;
/** Where policy gradient is looked at, as often as this. */
const LOOKS = 25;

/** A checkpoint of a learner, and what is known of it before policy gradient. */
interface Learned {
  readonly step: number;
  readonly kl: number;
  /** Cov_{K/2}. */
  readonly coverage: number;
  /** Pass@K. */
  readonly pass: number;
}

/** Pass@1 along policy gradient. */
type Curve = readonly { readonly step: number; readonly pass: number }[];

/** The checkpoints of one seed, what they make of held-out responses, and what policy gradient makes of each. */
export interface Followed {
  readonly checkpoints: readonly Learned[];
  readonly logProbs: LogProbs;
  readonly curves: readonly Curve[];
}

/** A learner whose checkpoints are starts. */
export interface Learner {
  readonly name: string;
  /** The Pass@1 that is to be reached. */
  readonly level: number;
  /** Trains it and then, from each checkpoint, by policy gradient. Progress is that of the latter. */
  readonly follow: (seed: number, size: RlStartSize, options: JobOptions) => Promise<Followed>;
}

/** Seeds of policy gradient are so far from those of the learners: its prompts are none that they have seen. */
const FRESH = 500_000_000;

/** Steps of policy gradient after which Pass@1 is looked at. */
const looks = (steps: number) => evenly(LOOKS, steps);

/** `count` whole numbers from 0 to `last`, evenly. */
function evenly(count: number, last: number): number[] {
  return Array.from({ length: count }, (_, at) => Math.round((at * last) / (count - 1)));
}

/** η of policy gradient on the graph task. */
const GRAPH_STEP_SIZE = 0.1;

async function followGraph(learner: GraphRunOptions, seed: number, size: RlStartSize, options: JobOptions) {
  const { onProgress, ...job } = options;
  const measure = { N: [COVERAGE_N], pass: [1, K] };
  const [run] = await graphTraining([{ ...learner, measure, keepTheta: true }], job);
  const ends = await graphTraining(
    run!.thetas.map((theta0) => graphReinforcement(learner, theta0, seed, size)),
    { ...job, ...(onProgress && { onProgress }) },
  );
  const models = run!.checkpoints.map((_, at) => String(at));
  return {
    checkpoints: run!.checkpoints.map(({ step, measures: { all } }) => ({
      step,
      // θ is bounded and finite: no path has probability 0.
      kl: all.kl!,
      coverage: all.coverage[0]!,
      pass: all.pass[1]!,
    })),
    logProbs: LogProbs.fromMatrix(run!.logProbs, run!.heldOutClasses.length, { models }),
    curves: ends.map(({ checkpoints }) =>
      checkpoints.map(({ step, measures }) => ({ step, pass: measures.all.pass[0]! })),
    ),
  };
}

/** Policy gradient on the classes as the learner's last stage weighted them. */
function graphReinforcement(learner: GraphRunOptions, theta0: Float64Array, seed: number, { steps }: RlStartSize) {
  const weights = learner.stages.at(-1)!.weights;
  const stage = {
    ...(weights && { weights }),
    procedure: { kind: 'policyGradient', rollouts: ROLLOUTS },
    stepSize: GRAPH_STEP_SIZE,
    batchSize: PROMPTS,
    steps,
    checkpoints: looks(steps),
  } as const;
  return {
    ...(learner.task && { task: learner.task }),
    stages: [stage],
    measure: { N: [COVERAGE_N], pass: [1] },
    theta0,
    seed: seed + FRESH,
  };
}

/**
 * The hidden signs of Proposition I.1, of as few tokens as leave rollouts a chance: with those at which Bε ≤ 1, as the
 * proposition has it, the untrained model finds a response once in 2^45. π_D gives its own responses Pass@1 = 0.25, the
 * likeliest response alone 0.48.
 */
const HIDDEN = { name: 'prop-i.1', horizon: 8, N: 4, bound: 14, c0: 1e6 } as const;
/** Steps of SGD on responses to +; those to − have no gradient. One response moves the log odds of a token by up to 0.3. */
const HIDDEN_STEPS = 96;
const HIDDEN_STEP_SIZE = 0.3 / HIDDEN.bound ** 2;
/** η of policy gradient: θ by 1/B is log odds by 1. */
const HIDDEN_REWARD_STEP_SIZE = 1 / HIDDEN.bound ** 2;

async function followHidden(seed: number, size: RlStartSize, options: JobOptions): Promise<Followed> {
  const { onProgress, ...job } = options;
  // With so great a c0 every prompt is +.
  const { data, class: linear } = namedProblem({ ...HIDDEN, seed });
  const heldOut = await data.sample(size.heldOut, { ...job, seed: seed + 2 * FRESH });
  const validation = { heldOut };
  const learner = await train({
    ...linear!,
    ...job,
    data,
    seed,
    stepSize: HIDDEN_STEP_SIZE,
    steps: HIDDEN_STEPS,
    validation,
    checkpoints: { steps: evenly(size.starts, HIDDEN_STEPS) },
  });
  const rewarded = await Training.create(
    learner.checkpoints.map(({ name }) => ({
      ...linear!,
      theta0: learner.checkpoint(name).theta,
      data,
      seed: seed + FRESH,
      procedure: { kind: 'policyGradient' as const, rollouts: ROLLOUTS },
      stepSize: HIDDEN_REWARD_STEP_SIZE,
      batchSize: PROMPTS,
      steps: size.steps,
      validation,
      checkpoints: { steps: looks(size.steps), theta: false },
    })),
    job,
  );
  const ends = await rewarded.run(options);
  return {
    checkpoints: await Promise.all(learner.checkpoints.map((_, at) => learnedOf(learner, at, data, job))),
    logProbs: learner.logProbs!,
    curves: ends.map(({ checkpoints, logProbs }) =>
      checkpoints.map(({ step }, at) => ({ step, pass: expectedPass(logProbs!.row(at), 1) })),
    ),
  };
}

async function learnedOf(learner: TrainResult, at: number, data: DataDistribution, job: JobOptions): Promise<Learned> {
  const { name, step } = learner.checkpoints[at]!;
  const { kl, coverage } = await exactMeasures(data, learner.checkpoint(name), {
    ...job,
    N: [COVERAGE_N],
  });
  const pass = expectedPass(learner.logProbs!.row(at), K);
  return { step, kl: kl!, coverage: coverage[0]!, pass };
}

export const LEARNERS: readonly Learner[] = [
  {
    name: 'Figure 1',
    level: 0.85,
    follow: (seed, size, options) => {
      const { preTraining, fineTuning, validation, heldOut, starts } = size;
      const run = figure1Run('varied', seed, { preTraining, fineTuning, validation, heldOut, checkpoints: starts });
      return followGraph(run, seed, size, options);
    },
  },
  {
    name: 'Figure 2',
    level: 0.9,
    follow: (seed, size, options) => {
      const { fineTuning, validation, heldOut } = size;
      const run = { ...overfitting(8, seed, { steps: fineTuning / 2, validation }), heldOut };
      return followGraph(run, seed, size, options);
    },
  },
  { name: 'Proposition I.1', level: 0.35, follow: followHidden },
];
