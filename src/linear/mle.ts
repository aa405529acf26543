import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import * as z from '../zod.js';
import { type Constraint, constraintSchema, UNIT_BALL } from './constraint.js';
import { FeatureMap } from './feature-map.js';
import { LinearModel } from './policy.js';
import { Responses } from './responses.js';

/** Options of {@link maximumLikelihood}. */
export interface MaximumLikelihoodOptions extends JobOptions {
  /** φ. */
  readonly features: FeatureMap;
  /** The data set. */
  readonly data: Responses;
  /**
   * Θ.
   * @defaultValue the unit ball
   */
  readonly constraint?: Constraint;
  /**
   * θ to start from, projected on Θ.
   * @defaultValue 0, for the simplex its centre
   */
  readonly theta0?: Float64Array | readonly number[];
  /**
   * Stop when the mean log-likelihood is certified to be within this of its maximum over Θ, in nats a response; on an
   * unbounded Θ, when the gradient's norm is at most this.
   * @defaultValue 1e-10
   */
  readonly tolerance?: number;
  /**
   * Stop after so many iterations, of two evaluations each.
   * @defaultValue 10000
   */
  readonly maxIterations?: number;
}

/** The maximum likelihood estimate with its certificate. */
export interface MaximumLikelihood {
  readonly model: LinearModel;
  /** θ. */
  readonly theta: Float64Array;
  /** −(1/n) Σ_i log π_θ(y_i | x_i), nats a response. */
  readonly meanNegLogLikelihood: number;
  /**
   * The Frank–Wolfe gap: no θ in Θ has a mean log-likelihood greater by more than this. `null` on an unbounded Θ, where
   * nothing bounds it.
   */
  readonly gap: number | null;
  /** Norm of the gradient of the mean log-likelihood. */
  readonly gradientNorm: number;
  /** Iterations used. */
  readonly iterations: number;
  /**
   * Why it stopped: the certificate is within the tolerance; all iterations were used; or no step changes θ any more, the
   * gap being as small as floating-point numbers make it.
   */
  readonly stopped: 'certified' | 'maxIterations' | 'noProgress';
}

export const maximumLikelihoodSchema = z.strictObject({
  ...jobOptionsShape,
  features: z.instanceof(FeatureMap, { error: 'must be a FeatureMap' }),
  data: z.instanceof(Responses, { error: 'must be Responses' }),
  constraint: constraintSchema.default(UNIT_BALL),
  theta0: z
    .union([z.instanceof(Float64Array), z.array(z.number())], {
      error: 'must be a Float64Array or a list of finite numbers',
    })
    .optional(),
  tolerance: z.number().min(0).default(1e-10),
  maxIterations: z.int().min(1).default(10_000),
});

/**
 * The maximum likelihood estimate argmax_Θ Σ_i log π_θ(y_i | x_i) [2] by accelerated projected gradient, certified: the
 * likelihood is concave, and the result says by how much any other θ could be better.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_SHAPE_MISMATCH`, `ERR_NO_RESPONSES`
 */
export async function maximumLikelihood(options: MaximumLikelihoodOptions): Promise<MaximumLikelihood> {
  const { features, data, constraint, theta0, tolerance, maxIterations, threads } = checkOptions(
    'maximumLikelihood',
    maximumLikelihoodSchema,
    options,
  );
  const settings = JSON.stringify({ constraint, tolerance, maxIterations, threads });
  const start = theta0 && Float64Array.from(theta0);
  const output = await runJob(
    (job) => native.maximumLikelihood(features.handle, data.handle, start, settings, job),
    options,
  );
  const theta = output.floats[0]!;
  return { ...JSON.parse(output.json), theta, model: new LinearModel(features, theta) };
}
