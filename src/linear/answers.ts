import { AnswerLogProbs } from '../answers/answer-log-probs.js';
import { answer } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, seedSchema } from '../options.js';
import * as z from '../zod.js';
import { MAX_RESPONSES, maxResponsesSchema } from './measures.js';
import type { Policy } from './policy.js';
import type { Responses } from './responses.js';

export const scoreAnswersSchema = z.strictObject({
  ...jobOptionsShape,
  reasoningTokens: z
    .int()
    .min(1)
    .max(0xffff_ffff)
    .describe('How many tokens at the beginning of each response are its reasoning; the others are its answer.'),
  reasonings: z
    .int()
    .min(1)
    .max(0xffff_ffff)
    .optional()
    .describe('Draw so many reasonings of each response from each policy, instead of summing over all.'),
  maxResponses: maxResponsesSchema
    .default(MAX_RESPONSES)
    .describe(
      'Refuse to sum over more reasonings with their answers than this; states in which reasonings end count in place of ' +
        'reasonings where the features look back on so many tokens and no further.',
    ),
  seed: seedSchema.default(0).describe('Seed of the random numbers.'),
});

/** Options of {@link scoreAnswers}. */
export type ScoreAnswersOptions = JobOptions & Omit<z.input<typeof scoreAnswersSchema>, keyof JobOptions>;

/**
 * Log-probabilities of the answers of the responses under every policy, for `coverageProfile` and `selectCheckpoint`.
 *
 * Exact unless `reasonings` are asked for: summed over all reasonings, one by one, or over the states in which they end
 * where the next token depends on the last k alone (n-gram features, tables by prompt and position, and their sums), which
 * takes V^k states a token instead of V^R reasonings.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; `ERR_TOO_LARGE` beyond `maxResponses`; `ERR_SHAPE_MISMATCH` naming the
 * response that has no answer, or does not fit; `ERR_DUPLICATE_MODEL`
 */
export async function scoreAnswers(
  policies: Readonly<Record<string, Policy>>,
  responses: Responses,
  options: ScoreAnswersOptions,
): Promise<AnswerLogProbs> {
  const { signal: _, onProgress: __, ...settings } = checkOptions('scoreAnswers', scoreAnswersSchema, options);
  const models = answer('scoreAnswers()', () => Object.keys(policies));
  const handles = models.map((name) => answer('scoreAnswers()', () => policies[name]!.handle));
  const handle = await runJob(
    (job) => native.scoreAnswers(handles, responses.handle, JSON.stringify(settings), job),
    options,
    { models },
  );
  const { reasonings } = settings;
  const values = new LogProbs(handle, { models });
  return new AnswerLogProbs(values, {
    ofResponse:
      reasonings === undefined
        ? null
        : Uint32Array.from({ length: values.responses }, (_, column) => Math.floor(column / reasonings)),
    responses: responses.count,
    promptIds: [...responses.prompts].map(String),
  });
}
