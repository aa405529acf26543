import { CoverageError } from '../error.js';
import { type JobOptions, runJob, tell } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema, seedSchema } from '../options.js';
import * as z from '../zod.js';
import type { DataDistribution } from './data-distribution.js';
import { MAX_RESPONSES, maxResponsesSchema } from './measures.js';
import { Policy } from './policy.js';
import { type Response, Responses } from './responses.js';

/** Which responses to draw. */
export interface DrawOptions extends JobOptions {
  /** Prompts to respond to, in any order, as often as wanted; or the number of prompts 0, 1, …. */
  readonly prompts: readonly number[] | Uint32Array | Float64Array | number;
  /**
   * Tokens of a response.
   * @defaultValue the policy's own; needed where it has none
   */
  readonly horizon?: number;
  /**
   * Seed of the random numbers.
   * @defaultValue 0
   */
  readonly seed?: number;
}

/** Responses with their log-probabilities under the policy that drew them. */
export interface Samples {
  readonly responses: Responses;
  /** log π(y | x) of each. */
  readonly logProbs: Float64Array;
}

const index = z.int().min(0);
const drawShape = {
  ...jobOptionsShape,
  prompts: z.union(
    [z.int().min(1).max(0xffff_ffff), z.array(index).min(1), z.instanceof(Uint32Array), z.instanceof(Float64Array)],
    {
      error: 'must be a list of prompts, or how many there are',
    },
  ),
  horizon: z.int().min(1).max(0xffff_ffff).optional(),
  seed: seedSchema.default(0),
} as const;
export const sampleSchema = z.strictObject(drawShape);

type Prompts = z.output<typeof drawShape.prompts>;

function promptList(prompts: Prompts): Float64Array {
  return typeof prompts === 'number'
    ? Float64Array.from({ length: prompts }, (_, prompt) => prompt)
    : Float64Array.from(prompts);
}

function horizonOf(policy: Policy, horizon: number | undefined): number {
  const length = horizon ?? policy.horizon;
  if (length === null) {
    throw new CoverageError('ERR_INVALID_OPTION', 'Say how many tokens a response has: this policy has no end.', {
      place: { field: 'horizon' },
    });
  }
  return length;
}

/**
 * One response to each of the prompts. Response i has its own stream of random numbers, so results do not depend on the
 * number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; `ERR_SHAPE_MISMATCH` for a prompt or horizon out of the policy's range
 */
export async function sample(policy: Policy, options: DrawOptions): Promise<Samples> {
  const { prompts, horizon, seed, threads } = checkOptions('sample', sampleSchema, options);
  const settings = JSON.stringify({ horizon: horizonOf(policy, horizon), seed, threads });
  const output = await runJob((job) => native.samplePolicy(policy.handle, promptList(prompts), settings, job), options);
  return { responses: new Responses(output.responses), logProbs: output.logProbs };
}

/** Scores finished responses; the greater, the better. */
export type RewardFunction = (response: Response) => number;

/** A reward: a function, or one of the built-in ones, which are computed in Rust. */
export type Reward =
  | RewardFunction
  /** 1 for the accepted responses to a prompt, else 0. */
  | { readonly accepted: Responses }
  /** 1{π_T/π̂ ≥ 2N} for the target π_T, on which Best-of-N falls short of it by ½·Cov_2N(π_T‖π̂) at least (PD.7). */
  | { readonly adversarial: Policy };

const rewardSchema = z.union(
  [
    z.custom<RewardFunction>((value) => typeof value === 'function'),
    z.strictObject({ accepted: z.instanceof(Responses) }),
    z.strictObject({ adversarial: z.instanceof(Policy) }),
  ],
  { error: 'must be a function, { accepted: Responses } or { adversarial: Policy }' },
);

type CheckedReward = z.output<typeof rewardSchema>;

function nativeReward(reward: Exclude<CheckedReward, RewardFunction>, N: number) {
  return 'accepted' in reward
    ? { option: { kind: 'accepted' }, target: undefined, accepted: reward.accepted.handle }
    : { option: { kind: 'adversarial', n: N }, target: reward.adversarial.handle, accepted: undefined };
}

/** Options of {@link bestOfN}. */
export interface BestOfNOptions extends DrawOptions {
  /** The budget: responses drawn to each prompt. */
  readonly N: number;
  readonly reward: Reward;
}

/** What Best-of-N chose: for each prompt the first response of the highest reward. */
export interface BestOfN extends Samples {
  /** Its reward. */
  readonly rewards: Float64Array;
  /** Mean reward over the prompts. */
  readonly meanReward: number;
}

export const bestOfNSchema = z.strictObject({ ...drawShape, N: z.int().min(1).max(0xffff_ffff), reward: rewardSchema });

/** Candidates that are held in memory at a time when a function of the user's scores them. */
const CANDIDATES_AT_A_TIME = 65_536;

/**
 * Draws N responses to each prompt and keeps the one of the highest reward. Prompt i has its own stream of random
 * numbers, and the first responses of a larger N are those of a smaller.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, also for a reward that is NaN; `ERR_SHAPE_MISMATCH`; what the reward throws
 */
export async function bestOfN(policy: Policy, options: BestOfNOptions): Promise<BestOfN> {
  const { prompts, horizon, seed, threads, N, reward } = checkOptions('bestOfN', bestOfNSchema, options);
  const draws = { horizon: horizonOf(policy, horizon), seed, n: N, threads };
  const list = promptList(prompts);
  if (typeof reward === 'function') return bestByFunction(policy, list, draws, reward, options);
  const { option, target, accepted } = nativeReward(reward, N);
  const settings = JSON.stringify({ horizon: draws.horizon, seed, N, threads, reward: option });
  const output = await runJob((job) => native.bestOfN(policy.handle, list, target, accepted, settings, job), options);
  return described(new Responses(output.responses), output.logProbs, output.rewards!);
}

function described(responses: Responses, logProbs: Float64Array, rewards: Float64Array): BestOfN {
  const meanReward = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return { responses, logProbs, rewards, meanReward };
}

interface Draws {
  readonly horizon: number;
  readonly seed: number;
  readonly n: number;
  readonly threads: number | undefined;
}

async function bestByFunction(
  policy: Policy,
  prompts: Float64Array,
  draws: Draws,
  reward: RewardFunction,
  options: JobOptions,
): Promise<BestOfN> {
  const chosen: Response[] = [];
  const [logProbs, rewards] = [new Float64Array(prompts.length), new Float64Array(prompts.length)];
  for await (const candidate of scored(policy, prompts, draws, reward, options)) {
    const { prompt, first, score, logProb, response } = candidate;
    if (first || score > rewards[prompt]!) {
      chosen[prompt] = response;
      rewards[prompt] = score;
      logProbs[prompt] = logProb;
    }
  }
  return described(Responses.from(chosen), logProbs, rewards);
}

interface Scored {
  /** Place of the prompt in the list of prompts. */
  readonly prompt: number;
  /** Whether it is the first candidate of the prompt. */
  readonly first: boolean;
  readonly response: Response;
  readonly logProb: number;
  readonly score: number;
}

/** All candidates with their scores by `reward`, drawn a part at a time. */
async function* scored(
  policy: Policy,
  prompts: Float64Array,
  draws: Draws,
  reward: RewardFunction,
  options: JobOptions,
): AsyncGenerator<Scored> {
  const atATime = Math.max(1, Math.floor(CANDIDATES_AT_A_TIME / draws.n));
  const began = performance.now();
  for (let start = 0; start < prompts.length; start += atATime) {
    const end = Math.min(start + atATime, prompts.length);
    const { n, ...rest } = draws;
    const settings = JSON.stringify({ ...rest, candidates: { n, from: start, to: end } });
    const { signal } = options;
    const output = await runJob(
      (job) => native.samplePolicy(policy.handle, prompts, settings, job),
      signal ? { signal } : {},
    );
    const responses = new Responses(output.responses);
    for (let index = 0; index < responses.count; index += 1) {
      const response = responses.at(index);
      const score = reward(response);
      if (typeof score !== 'number' || Number.isNaN(score)) {
        throw new CoverageError(
          'ERR_INVALID_OPTION',
          `The reward of a response to prompt ${response.prompt} is ${score}: rewards are numbers.`,
          { place: { field: 'reward' } },
        );
      }
      const prompt = start + Math.floor(index / draws.n);
      yield { prompt, first: index % draws.n === 0, response, logProb: output.logProbs[index]!, score };
    }
    tell(options.onProgress, { done: end, total: prompts.length, elapsed: (performance.now() - began) / 1000 });
  }
}

/** Options of {@link exactPassAtN}. */
export interface ExactPassAtNOptions extends JobOptions {
  /** Budgets, each finite and at least 1. */
  readonly N: readonly number[];
  /** A built-in reward in {0, 1}; for the adversarial one each N has its own. */
  readonly reward: Exclude<Reward, RewardFunction>;
  /**
   * Refuse to visit more responses than this.
   * @defaultValue 4194304
   */
  readonly maxResponses?: number;
}

/** Pass@N, exactly. */
export interface ExactPassAtN {
  readonly N: readonly number[];
  /** Pass@N = E_x[1 − (1 − π̂(r = 1 | x))^N] at each N. */
  readonly passAtN: readonly number[];
  /** E_{π_D}[r], what a response of the data distribution is worth, at each N. */
  readonly targetReward: readonly number[];
}

export const exactPassAtNSchema = z.strictObject({
  ...jobOptionsShape,
  N: ratiosSchema,
  reward: rewardSchema.refine(
    (reward) => typeof reward !== 'function',
    'must be a built-in reward: it is enumerated in Rust',
  ),
  maxResponses: maxResponsesSchema.default(MAX_RESPONSES),
});

/**
 * Pass@N of `policy` on the prompts of `data`, by enumeration of both.
 *
 * @throws CoverageError `ERR_TOO_LARGE` beyond `maxResponses`; `ERR_SHAPE_MISMATCH` if the two do not fit
 */
export async function exactPassAtN(
  data: DataDistribution,
  policy: Policy,
  options: ExactPassAtNOptions,
): Promise<ExactPassAtN> {
  const { N, reward, maxResponses, threads } = checkOptions('exactPassAtN', exactPassAtNSchema, options);
  if (typeof reward === 'function') throw new CoverageError('ERR_INTERNAL', 'The schema let a function pass.');
  // The adversarial reward depends on N, the others do not.
  const groups = 'adversarial' in reward ? N.map((each) => [each]) : [N];
  const results: { targetReward: number; passAtN: number[] }[] = [];
  for (const group of groups) {
    const { option, target, accepted } = nativeReward(reward, group[0]!);
    const settings = JSON.stringify({ reward: option, N: group, maxResponses, threads });
    const output = await runJob(
      (job) => native.exactBestOfN(data.handle, policy.handle, target, accepted, settings, job),
      options,
    );
    results.push(JSON.parse(output.json));
  }
  return {
    N,
    passAtN: results.flatMap(({ passAtN }) => passAtN),
    targetReward: N.map((_, position) => (results[position] ?? results[0]!).targetReward),
  };
}

/** Options of {@link countCorrect}. */
export interface CountCorrectOptions extends DrawOptions {
  /** n, responses drawn to each prompt. */
  readonly samples: number;
  /** Whether a response is right. */
  readonly isCorrect: (response: Response) => boolean;
}

const countSchema = z.strictObject({
  ...drawShape,
  samples: z.int().min(1).max(0xffff_ffff),
  isCorrect: z.custom<(response: Response) => boolean>((value) => typeof value === 'function', 'must be a function'),
});

/**
 * Draws n responses to each prompt and counts the right ones: one entry a prompt, what `passAtK` takes.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_SHAPE_MISMATCH`; what `isCorrect` throws
 */
export async function countCorrect(policy: Policy, options: CountCorrectOptions): Promise<number[]> {
  const { prompts, horizon, seed, threads, samples, isCorrect } = checkOptions('countCorrect', countSchema, options);
  const draws = { horizon: horizonOf(policy, horizon), seed, n: samples, threads };
  const list = promptList(prompts);
  const counts = new Array<number>(list.length).fill(0);
  const reward = (response: Response) => (isCorrect(response) ? 1 : 0);
  for await (const { prompt, score } of scored(policy, list, draws, reward, options)) counts[prompt]! += score;
  return counts;
}
