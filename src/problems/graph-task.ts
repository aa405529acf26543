import { type JobOptions, runJob } from '../job.js';
import type { Procedure, StepSize } from '../linear/train-settings.js';
import { callNative, native } from '../native.js';
import type { ProblemDescription } from './problem.js';

/** The graph reasoning task of the paper's Appendix C. Ranges are checked when it is used. */
export interface GraphTaskOptions {
  /**
   * Which of the paper's two tasks.
   * @defaultValue 'figure-1'
   */
  readonly figure?: 'figure-1' | 'figure-2';
  /**
   * L, middle layers: 2 to 64; for Figure 2 even and at least 4.
   * @defaultValue 8
   */
  readonly layers?: number;
  /** m: nodes are named by distinct integers below it; at least 4L + 18. Default 64, for Figure 2 128, or what the layers need. */
  readonly names?: number;
  /** Weights of the three classes, scaled to sum to 1. Default: for Figure 1 equal, for Figure 2 0.94, 0.05, 0.01. */
  readonly weights?: readonly [number, number, number];
  /**
   * Validation prompts of each class.
   * @defaultValue 1024
   */
  readonly validation?: number;
  /** What the linear model sees: features of the graph (default), or hashed conjunctions of tokens and positions. */
  readonly features?:
    | {
        readonly kind: 'structural';
        readonly parity?: boolean;
        readonly history?: boolean;
        readonly hiddenRule?: boolean;
        readonly scale?: number;
        /**
         * Hashed conjunctions of a passable candidate beside (name and position; these and the name before; these and
         * the target), by which probabilities vary from prompt to prompt: 2^bits coordinates (6 to 26, default 16), `scale`
         * the norm of a candidate's (default 1). Default none: all prompts share their probabilities.
         */
        readonly conjunctions?: { readonly bits?: number; readonly scale?: number };
      }
    | { readonly kind: 'hashed'; readonly bits?: number; readonly scale?: number };
  /**
   * Radius of the ball that θ stays in.
   * @defaultValue 20
   */
  readonly radius?: number;
  /**
   * Seed of the task and of all its prompts.
   * @defaultValue 0
   */
  readonly seed?: number;
}

/** A stage of training; θ is carried on from stage to stage. */
export interface GraphStage {
  /** Weights of the classes in the training data. Default those of the task. */
  readonly weights?: readonly [number, number, number];
  readonly procedure?: Procedure;
  /** η, positive; default 0.1. The choices of the theorems are for other problems. */
  readonly stepSize?: Exclude<StepSize, 'theory' | { readonly kind: 'theory' }>;
  /**
   * Responses a step.
   * @defaultValue 16
   */
  readonly batchSize?: number;
  /** Size of a training set, drawn once and gone through in epochs; up to 10^7. Default: every response is to a fresh prompt. */
  readonly examples?: number;
  /**
   * Steps of the stage.
   * @defaultValue 1000
   */
  readonly steps?: number;
  /** Steps of this stage after which the model is measured; rising, 0 = before the first. Default none. */
  readonly checkpoints?: readonly number[];
}

/** A run: a task, the stages of training, and what is measured. */
export interface GraphRunOptions {
  readonly task?: GraphTaskOptions;
  /** At least one; models are measured on the classes as the last stage weights them. */
  readonly stages: readonly GraphStage[];
  /** Values of N for Cov_N and for Pass@N. Default 2, 3, 4, 4.6, 5.7, 16 and 4, 8, 12. */
  readonly measure?: { readonly N?: readonly number[]; readonly pass?: readonly number[] };
  /**
   * Held-out responses, drawn from π_D to fresh prompts of the last stage's mixture and scored by every checkpoint.
   * @defaultValue 0
   */
  readonly heldOut?: number;
  /**
   * Seed of training data and held-out responses.
   * @defaultValue 0
   */
  readonly seed?: number;
}

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
  readonly task: Required<GraphTaskOptions>;
  /** Step at which each stage begins. */
  readonly stageStarts: readonly number[];
  readonly checkpoints: readonly GraphCheckpoint[];
  /** Class of each held-out response, from 0. */
  readonly heldOutClasses: readonly number[];
  /** Log-probabilities of the held-out responses, [checkpoint, response]. */
  readonly logProbs: Float64Array;
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
  const settings = JSON.stringify(runs.map((run) => ({ ...run, stages: run.stages.map(plainStage) })));
  const output = await runJob((job) => native.graphRuns(settings, options.threads, job), options);
  const results: Omit<GraphRun, 'logProbs'>[] = JSON.parse(output.json);
  return results.map((run, index) => ({ ...run, logProbs: output.floats[index]! }));
}

/** Bare names and numbers as the objects they stand for. */
function plainStage({ procedure, stepSize, ...stage }: GraphStage) {
  return {
    ...stage,
    ...(procedure !== undefined && { procedure: typeof procedure === 'string' ? { kind: procedure } : procedure }),
    ...(stepSize !== undefined && {
      stepSize: typeof stepSize === 'number' ? { kind: 'constant', value: stepSize } : stepSize,
    }),
  };
}

/** Which prompts of a task. */
export interface GraphPromptOptions extends Pick<JobOptions, 'signal'> {
  /**
   * Fresh prompts of the mixture, or the validation prompts class by class.
   * @defaultValue 'train'
   */
  readonly set?: 'train' | 'validation';
  /**
   * Zero-based number of the first prompt of the set.
   * @defaultValue 0
   */
  readonly first?: number;
  /**
   * How many; of the validation prompts at most as many as there are.
   * @defaultValue 1000
   */
  readonly count?: number;
  /**
   * Seed of the sampled responses.
   * @defaultValue 0
   */
  readonly seed?: number;
}

/** The prompts of a graph reasoning task. */
export class GraphTask {
  readonly #prompts: InstanceType<typeof native.GraphPrompts>;

  /** @throws CoverageError `ERR_INVALID_OPTION` */
  constructor(options: GraphTaskOptions = {}) {
    this.#prompts = callNative(() => new native.GraphPrompts(JSON.stringify(options)));
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
    const { signal, ...chosen } = options;
    const output = await runJob(
      (job) => this.#prompts.jsonLines(JSON.stringify(chosen), job),
      signal === undefined ? {} : { signal },
    );
    return JSON.parse(output.json);
  }
}
