import { warningsOf } from '../files/findings.js';
import { inputsSchema, withFiles } from '../files/inputs.js';
import { runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import {
  type LogProbsInputs,
  type NativeScores,
  type ReadLogProbsOptions,
  readLogProbsSchema,
  sourcesOf,
} from '../log-probs/read.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import * as z from '../zod.js';
import { AnswerLogProbs } from './answer-log-probs.js';

/**
 * Reads log-probabilities of answers from files of any format that {@link readLogProbs} reads.
 *
 * Rows with an id of a reasoning (`reasoningId`, `sample`, `draw`, …, or `columns.reasoning`) beside that of the response
 * are log π(a | x, r), and a response has as many as one likes; where a response has an id called `responseId`, an `id`
 * beside it is the row's own. Rows without are log π(a | x), one a response, and taken as exact. Both kinds together are
 * refused.
 *
 * @throws CoverageError as {@link readLogProbs}
 */
export async function readAnswerLogProbs(
  inputs: LogProbsInputs,
  options: ReadLogProbsOptions = {},
): Promise<AnswerLogProbs> {
  const call = 'readAnswerLogProbs';
  const { signal: _, onProgress: __, threads, ...settings } = checkOptions(call, readLogProbsSchema, options);
  const list = [checkOptions(call, inputsSchema, inputs)].flat();
  options.signal?.throwIfAborted();
  const { handle, json, ofResponse } = await withFiles(list, options.signal, (files) =>
    runJob((job) => native.readAnswers(JSON.stringify(files), JSON.stringify(settings), threads, job), options),
  );
  const read = JSON.parse(json) as NativeScores;
  const { models, modelSources, responseIds, promptIds } = read;
  const { sources, findings } = sourcesOf(read);
  const values = new LogProbs(handle, {
    models,
    sources: modelSources.map((source) => sources[source]!),
    warnings: warningsOf(findings),
  });
  return new AnswerLogProbs(values, {
    ofResponse: ofResponse ?? null,
    responses: responseIds?.length ?? values.responses,
    responseIds,
    promptIds,
  });
}

/** Schema of answers as an option. */
export const answersSchema = z.custom<AnswerLogProbs>(
  (value) => value instanceof AnswerLogProbs,
  'must be AnswerLogProbs',
);
