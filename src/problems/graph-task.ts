import { answer } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import * as z from '../zod.js';
import {
  type GraphPromptOptions,
  type GraphRunOptions,
  type GraphTaskOptions,
  graphPromptsSchema,
  graphRunSchema,
  graphTaskSchema,
} from './graph-options.js';
import type { ProblemDescription } from './problem.js';

export type { GraphPromptOptions, GraphRunOptions, GraphStage, GraphTaskOptions } from './graph-options.js';

/** Exact measures on the validation prompts of one class, or of all. */
export interface GraphClassMeasures {
  readonly weight: number;
  /** E over π_D of −log π̂, nats a response; `null` if infinite. */
  readonly crossEntropy: number | null;
  /** KL divergence in nats; `null` if infinite. */
  readonly kl: number | null;
  /** Cov_N of each N. */
  readonly coverage: readonly number[];
  /** Pass@N of each N: the probability that one of N responses is the one drawn from π_D. */
  readonly pass: readonly number[];
}

/** A measured model. */
export interface GraphCheckpoint {
  /** Index of the stage. */
  readonly stage: number;
  /** Steps taken, over all stages. */
  readonly step: number;
  readonly measures: {
    readonly N: readonly number[];
    readonly passN: readonly number[];
    readonly all: GraphClassMeasures;
    readonly classes: readonly GraphClassMeasures[];
  };
}

/** What a run came to. */
export interface GraphRun {
  /** The task measured on, defaults filled in. */
  readonly task: Required<z.output<typeof graphTaskSchema>>;
  /** Step at which each stage begins. */
  readonly stageStarts: readonly number[];
  readonly checkpoints: readonly GraphCheckpoint[];
  /** Class of each held-out response, from 0. */
  readonly heldOutClasses: readonly number[];
  /** Log-probabilities of the held-out responses, [checkpoint, response]. */
  readonly logProbs: Float64Array;
  /** θ of each checkpoint; none unless `keepTheta`. */
  readonly thetas: readonly Float64Array[];
}

/**
 * Trains the linear model on the graph reasoning task, several runs at once, and measures KL, Cov_N and Pass@N exactly
 * at checkpoints. The same numbers at any number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, naming the run; the signal's reason when aborted
 */
export async function graphTraining(
  runs: readonly GraphRunOptions[],
  options: JobOptions = {},
): Promise<readonly GraphRun[]> {
  const { threads } = options ?? {};
  const plain = answer('graphTraining()', () => runs.map(({ theta0: _, ...run }) => run));
  const checked = checkOptions('graphTraining', z.array(graphRunSchema).min(1, 'give at least one run'), plain);
  const starts = runs.map(({ theta0 }) => theta0);
  const settings = JSON.stringify({ runs: checked, threads });
  const output = await runJob((job) => native.graphRuns(settings, starts, job), options);
  const results: Omit<GraphRun, 'logProbs' | 'thetas'>[] = JSON.parse(output.json);
  return results.map((run, index) => {
    const [logProbs, thetas] = output.floats.slice(2 * index) as [Float64Array, Float64Array];
    const dim = thetas.length / run.checkpoints.length;
    const thetaOf = (at: number) => thetas.subarray(at * dim, (at + 1) * dim);
    return { ...run, logProbs, thetas: thetas.length > 0 ? run.checkpoints.map((_, at) => thetaOf(at)) : [] };
  });
}

/** The prompts of a graph reasoning task. */
export class GraphTask {
  readonly #prompts: InstanceType<typeof native.GraphPrompts>;

  /** @throws CoverageError `ERR_INVALID_OPTION` */
  constructor(options: GraphTaskOptions = {}) {
    const checked = checkOptions('GraphTask', graphTaskSchema, options);
    this.#prompts = callNative(() => new native.GraphPrompts(JSON.stringify(checked)));
  }

  /** What the task is and what is claimed of it, with all its options. */
  describe(): ProblemDescription {
    return JSON.parse(callNative(() => this.#prompts.describe()));
  }

  /**
   * Prompts as JSON Lines: id, class, prompt and a response of π_D as text and as tokens, and all responses with their
   * probabilities.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` for prompts beyond the set; the signal's reason when aborted
   */
  async jsonLines(options: GraphPromptOptions = {}): Promise<string> {
    const { signal, ...chosen } = checkOptions('jsonLines', graphPromptsSchema, options);
    const output = await runJob(
      (job) => this.#prompts.jsonLines(JSON.stringify(chosen), job),
      signal === undefined ? {} : { signal },
    );
    return JSON.parse(output.json);
  }
}
