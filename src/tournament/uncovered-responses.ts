import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import * as z from '../zod.js';

/** Options of {@link uncoveredResponses}. */
export interface UncoveredResponsesOptions extends JobOptions {
  /** The model that fails to cover them. */
  readonly model: string;
  /** The model it is held against; without one, on each response the model that gives it the greatest probability. */
  readonly rival?: string;
  /** Ratio N, a finite number of at least 1. */
  readonly N: number;
}

/** A response that a model fails to cover at some N. */
export interface UncoveredResponse {
  /** Its column. */
  readonly response: number;
  /** log π_rival − log π_model in nats, at least log N; +∞ where the model rules the response out. */
  readonly logRatio: number;
  /** The rival with that ratio. */
  readonly rival: string;
}

export const uncoveredResponsesSchema = z.strictObject({
  ...jobOptionsShape,
  model: z.string(),
  rival: z.string().optional(),
  N: z.number().min(1),
});

/**
 * The responses on which a rival's probability is at least N times the model's, by falling log ratio, then position.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`
 */
export async function uncoveredResponses(
  logProbs: LogProbs,
  options: UncoveredResponsesOptions,
): Promise<readonly UncoveredResponse[]> {
  const { model, rival, N, threads } = checkOptions('uncoveredResponses', uncoveredResponsesSchema, options);
  const index = logProbs.modelIndex(model);
  const against = rival === undefined ? null : logProbs.modelIndex(rival);
  const settings = JSON.stringify({ model: index, rival: against, N: [N], threads });
  const output = await runJob(
    (job) => native.uncoveredResponses(logProbs.handle, settings, job),
    options,
    logProbs.placeNames,
  );
  const [responses, rivals] = output.counts;
  const [logRatios] = output.floats;
  return [...responses!].map((response, at) => ({
    response,
    logRatio: logRatios![at]!,
    rival: logProbs.models[rivals![at]!]!,
  }));
}
