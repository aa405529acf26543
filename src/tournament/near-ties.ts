import { type JobOptions, runJob } from '../job.js';
import type { Precision } from '../log-probs/facts.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import * as z from '../zod.js';

/** Options of {@link nearTies}. */
export interface NearTiesOptions extends JobOptions {
  /** Ratios N. */
  readonly N: readonly number[];
  /** For each N the model that is held against all others, usually the winner. */
  readonly models: readonly string[];
  /**
   * Format in which the log-probabilities were computed.
   * @defaultValue that of the matrix, `float32` or `float64`
   */
  readonly precision?: Precision;
}

/** How many comparisons at one N the input's precision cannot decide. */
export interface NearTies {
  readonly N: number;
  /** The model held against all others. */
  readonly model: string;
  /** Number of (other model, response) whose log ratio, in either direction, lies too close to log N. */
  readonly count: number;
  /** Number of different responses among them. */
  readonly responses: number;
  /** Precision that was assumed. */
  readonly precision: Precision;
}

export const nearTiesSchema = z.strictObject({
  ...jobOptionsShape,
  N: ratiosSchema,
  models: z.array(z.string()).min(1),
  precision: z.enum(['bfloat16', 'float16', 'float32', 'float64']).optional(),
});

/**
 * Counts the comparisons of a model with all others whose outcome may be due to rounding: |difference − log N| is at
 * most half the spacing of the format at the one value plus half that at the other. O(M·n) for each N.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`
 */
export async function nearTies(logProbs: LogProbs, options: NearTiesOptions): Promise<readonly NearTies[]> {
  const { N, models, precision, threads } = checkOptions('nearTies', nearTiesSchema, options);
  const indices = models.map((model) => logProbs.modelIndex(model));
  const settings = JSON.stringify({ N, models: indices, precision, threads });
  const output = await runJob((job) => native.nearTies(logProbs.handle, settings, job), options, logProbs.placeNames);
  const found: { count: number; responses: number; precision: Precision }[] = JSON.parse(output.json);
  return found.map(({ count, responses, precision: assumed }, index) => ({
    N: N[index]!,
    model: models[index]!,
    count,
    responses,
    precision: assumed,
  }));
}
