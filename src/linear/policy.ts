import { answer, CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import * as z from '../zod.js';
import { type Constraint, constraintSchema, UNIT_BALL } from './constraint.js';
import { FeatureMap } from './feature-map.js';
import { type Response, Responses } from './responses.js';

type Handle = InstanceType<typeof native.PolicyHandle>;

/**
 * A distribution over responses given the prompt, π(y | x) = Π_h π(y_h | x, y_{<h}), that lives in Rust: a linear model,
 * the same with test-time training, a list of responses, a mixture, or the data distribution of a problem.
 */
export class Policy {
  readonly #handle: Handle;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** V, the number of tokens. */
  get vocabulary(): number {
    return this.#handle.vocabulary;
  }

  /** |X|, the number of prompts; `null` where any will do. */
  get prompts(): number | null {
    return this.#handle.prompts ?? null;
  }

  /** H, the tokens of a response; `null` where any length will do. */
  get horizon(): number | null {
    return this.#handle.horizon ?? null;
  }

  /**
   * log π(y_i | x_i) of every response, summed over its tokens; −∞ where the policy rules it out.
   *
   * @throws CoverageError `ERR_NO_RESPONSES`; `ERR_SHAPE_MISMATCH` naming the response that does not fit
   */
  async logProbs(responses: Responses, options: JobOptions = {}): Promise<Float64Array> {
    const output = await runJob(
      (job) => native.policyLogProbs(this.#handle, responses.handle, JSON.stringify({ threads: options.threads }), job),
      options,
    );
    return output.floats[0]!;
  }

  /**
   * log π(y_h | x, y_{<h}) of every token of every response, one array a response.
   *
   * @throws CoverageError as {@link Policy.logProbs}
   */
  async tokenLogProbs(responses: Responses, options: JobOptions = {}): Promise<Float64Array[]> {
    const output = await runJob(
      (job) =>
        native.policyTokenLogProbs(this.#handle, responses.handle, JSON.stringify({ threads: options.threads }), job),
      options,
    );
    return responses.splitByResponse(output.floats[0]!);
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }
}

const testTimeSchema = z.strictObject({
  stepSize: z.number().min(0),
  constraint: constraintSchema.default(UNIT_BALL),
});

/** How a model trains at decoding. */
export interface TestTimeOptions {
  /** η of the step on every token; 0 leaves the model as it is. */
  readonly stepSize: number;
  /**
   * Θ, on which every step is projected; θ must lie in it.
   * @defaultValue the unit ball
   */
  readonly constraint?: Constraint;
}

/** An autoregressive linear model π_θ(y_h | x, y_{<h}) ∝ exp⟨θ, φ(x, y_{1:h})⟩ [3]. */
export class LinearModel extends Policy {
  /** φ. */
  readonly features: FeatureMap;

  /**
   * The model of `features` at `theta`; θ is copied.
   *
   * @throws CoverageError `ERR_SHAPE_MISMATCH` for a θ of another length; `ERR_INVALID_OPTION` for a value that is not
   * finite
   */
  constructor(features: FeatureMap, theta: Float64Array | readonly number[]) {
    if (!(features instanceof FeatureMap)) {
      throw new CoverageError('ERR_INVALID_OPTION', 'LinearModel: features must be a FeatureMap.');
    }
    super(callNative(() => native.PolicyHandle.linear(features.handle, Float64Array.from(theta))));
    this.features = features;
  }

  /** θ; a copy. */
  get theta(): Float64Array {
    return callNative(() => this.handle.theta());
  }

  /**
   * ∇_θ log π_θ(y_i | x_i) = Σ_h (φ(x, y_{1:h}) − φ_θ(x, y_{<h})) of every response, d values each.
   *
   * @throws CoverageError as {@link Policy.logProbs}; `ERR_TOO_LARGE`
   */
  async gradients(responses: Responses, options: JobOptions = {}): Promise<Float64Array[]> {
    const output = await runJob(
      (job) => native.modelGradients(this.handle, responses.handle, JSON.stringify({ threads: options.threads }), job),
      options,
    );
    const { dim } = this.features;
    return Array.from({ length: responses.count }, (_, index) =>
      output.floats[0]!.subarray(index * dim, (index + 1) * dim),
    );
  }

  /**
   * π^TTT_θ [22,23]: token h has the distribution of π_{θ_h} where θ_1 = θ and θ_{h+1} is θ_h after a projected gradient
   * step on the log-likelihood of y_h; θ comes back after the response. A proper distribution over responses, though no
   * member of the model class; sampled, evaluated and measured like any policy.
   *
   * @throws CoverageError `ERR_INVALID_OPTION`, also where θ lies outside the constraint
   */
  testTime(options: TestTimeOptions): Policy {
    const { stepSize, constraint } = checkOptions('testTime', testTimeSchema, options);
    return new Policy(
      callNative(() => native.PolicyHandle.testTime(this.handle, stepSize, JSON.stringify(constraint))),
    );
  }
}

/** A response with its probability given the prompt. */
export interface WeightedResponse extends Response {
  /** π(y | x); those of one prompt sum to 1. */
  readonly probability: number;
}

/**
 * The policy that gives each listed response its probability and all others none. Prompts are 0, 1, …, each with a
 * response at least; all responses have the same number of tokens.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH`, `ERR_INVALID_OPTION` naming the prompt at fault
 */
export function listedPolicy(vocabulary: number, responses: readonly WeightedResponse[]): Policy {
  return answer('listedPolicy()', () => {
    const list = Responses.from(responses);
    const horizon = responses[0]?.tokens.length ?? 0;
    const probabilities = Float64Array.from(responses, ({ probability }) => probability);
    return new Policy(
      callNative(() => native.PolicyHandle.listed(vocabulary, horizon, list.prompts, list.tokens, probabilities)),
    );
  });
}

/**
 * The mixture Σ_k w_k π_k of whole sequences, a member of the convex classes of Theorem E.1. Weights are scaled to sum
 * to 1.
 *
 * @throws CoverageError `ERR_SHAPE_MISMATCH`, `ERR_INVALID_OPTION`
 */
export function mixture(policies: readonly Policy[], weights: readonly number[]): Policy {
  return answer('mixture()', () => {
    const handles = policies.map(({ handle }) => handle);
    return new Policy(callNative(() => native.PolicyHandle.mixture(handles, Float64Array.from(weights))));
  });
}

/**
 * Log-probabilities of the responses under every policy: what tournaments, coverage profiles and `selectCheckpoint`
 * take. They stay in Rust.
 *
 * @throws CoverageError as {@link Policy.logProbs}; `ERR_DUPLICATE_MODEL`
 */
export async function scoreResponses(
  policies: Readonly<Record<string, Policy>>,
  responses: Responses,
  options: JobOptions = {},
): Promise<LogProbs> {
  const models = answer('scoreResponses()', () => Object.keys(policies));
  const handles = models.map((name) => answer('scoreResponses()', () => policies[name]!.handle));
  const matrix = await runJob(
    (job) => native.scorePolicies(handles, responses.handle, JSON.stringify({ threads: options.threads }), job),
    options,
    {
      models,
    },
  );
  return new LogProbs(matrix, { models, promptIds: [...responses.prompts].map(String) });
}
