import * as z from 'zod';
import { Findings } from '../input/findings.js';
import { inputsSchema } from '../input/names.js';
import type { JobOptions } from '../job.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import type { JoinMode } from './join.js';
import type { LogProbs } from './log-probs.js';
import { type PlannedFile, readInputs } from './read-inputs.js';
import { LOG_PROBS_FORMATS, type LogProbsFormat, type LogProbsInput } from './reader.js';
import type { ColumnNames } from './row-reader.js';

/** Options of {@link readLogProbs}. */
export interface ReadLogProbsOptions extends JobOptions {
  /**
   * Format of all inputs.
   * @defaultValue told from each file's name, then from its content
   */
  readonly format?: LogProbsFormat | undefined;
  /**
   * A matrix in a file has a row a response and a column a model.
   * @defaultValue false: a row a model
   */
  readonly transpose?: boolean | undefined;
  /**
   * The values are negative log-probabilities (losses, surprisals): change their sign.
   * @defaultValue false
   */
  readonly negate?: boolean | undefined;
  /**
   * `exact`: every model must be scored on the same responses. `shared`: responses that some model lacks are left out,
   * with a warning.
   * @defaultValue 'exact'
   */
  readonly join?: JoinMode | undefined;
  /**
   * Do not insist that prompt and response have the same hash for every model, where files have hashes.
   * @defaultValue false
   */
  readonly ignoreHashes?: boolean | undefined;
  /**
   * Take token log-probabilities of exactly −9999 as they are, not as −∞ that a server clamped.
   * @defaultValue false
   */
  readonly keepClamped?: boolean | undefined;
  /** Tokens of the prompt, before those of the response, in every list of token log-probabilities that does not say. */
  readonly promptTokens?: number | undefined;
  /** Tokens of the response, the last of every list of token log-probabilities that does not say. */
  readonly responseTokens?: number | undefined;
  /**
   * Filter of lm-evaluation-harness whose rows are read.
   * @defaultValue the first in each file
   */
  readonly filter?: string | undefined;
  /** Columns of CSV, TSV, Parquet and JSON rows, where they are not named as expected. */
  readonly columns?: ColumnNames | undefined;
}

const name = z.string().min(1).optional();
const shape = {
  ...jobOptionsShape,
  format: z.enum(LOG_PROBS_FORMATS).optional(),
  transpose: z.boolean().default(false),
  negate: z.boolean().default(false),
  join: z.enum(['exact', 'shared']).default('exact'),
  ignoreHashes: z.boolean().default(false),
  keepClamped: z.boolean().default(false),
  promptTokens: z.int().min(0).optional(),
  responseTokens: z.int().min(1).optional(),
  filter: name,
  columns: z
    .strictObject({
      id: name,
      model: name,
      logProb: name,
      tokenLogProbs: name,
      tokens: name,
      promptId: name,
      promptTokens: name,
      contentHash: name,
      models: z.array(z.string()).min(1).optional(),
    })
    .prefault({}),
};

/** Schema of {@link ReadLogProbsOptions}. */
export const readLogProbsSchema = z.strictObject(shape);

/** A file, as text `PATH` or `NAME=PATH`, or as an object. */
export type LogProbsInputs = string | LogProbsInput | readonly (string | LogProbsInput)[];

/**
 * Reads log-probabilities from files of any supported format; several files are joined by response id, never by line.
 *
 * Arrays (`.npy`, `.npz`, `.safetensors`) have a row a model; tables and JSON rows are long or wide; files of
 * lm-evaluation-harness and saved responses of inference servers hold one model each, named by `NAME=PATH` or after
 * what the files say. Files of any size are streamed.
 *
 * @throws CoverageError with the file, row, model and response id of the first fault, and what to do about it
 */
export async function readLogProbs(inputs: LogProbsInputs, options: ReadLogProbsOptions = {}): Promise<LogProbs> {
  const { logProbs } = await readChecked('readLogProbs', inputs, options, new Findings('throw'));
  // In this mode a reader that gives nothing has thrown.
  return logProbs!;
}

/**
 * Checks the options of `call` and reads; `logProbs` is null where findings are collected and leave none.
 *
 * @internal
 */
export async function readChecked(
  call: string,
  inputs: LogProbsInputs,
  options: ReadLogProbsOptions,
  findings: Findings,
): Promise<{ files: PlannedFile[]; logProbs: LogProbs | null }> {
  const { format, signal, onProgress: _, threads, ...settings } = checkOptions(call, readLogProbsSchema, options);
  const list = [checkOptions(call, inputsSchema, inputs)].flat();
  const { onProgress } = options;
  const job = {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(threads !== undefined && { threads }),
  };
  return readInputs(list, format, settings, job, findings);
}
