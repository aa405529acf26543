import * as z from 'zod';
import { readCsv } from '../input/csv.js';
import { FileStream } from '../input/file-stream.js';
import { Findings, located } from '../input/findings.js';
import { readJsonTable } from '../input/json-rows.js';
import { describeLmEvalFile, type LmEvalFile } from '../input/lm-eval-file.js';
import { inputsSchema, nameFiles, parseInput } from '../input/names.js';
import { readParquet } from '../input/parquet.js';
import type { JobOptions, Progress } from '../job.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import { readBinary } from './binary.js';
import { detectFormat } from './format.js';
import { Join, type JoinMode } from './join.js';
import { readLmEval } from './lm-eval.js';
import type { LogProbs, ModelSource } from './log-probs.js';
import {
  LOG_PROBS_FORMATS,
  type LogProbsFormat,
  type LogProbsInput,
  type ReaderContext,
  type ReaderOptions,
  type RowFormat,
} from './reader.js';
import { readResponses } from './responses.js';
import { type ColumnNames, RowReader } from './row-reader.js';

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

/** A file with all that is known before its values are read. */
export interface PlannedFile {
  readonly input: LogProbsInput;
  readonly format: LogProbsFormat;
  /** Name of the model, for files of one model that do not say. */
  readonly model: string;
  readonly task: string | undefined;
}

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
  const findings = new Findings('throw');
  const { logProbs } = await readInputs(inputs, options, findings, 'readLogProbs');
  // In this mode a reader that gives nothing has thrown.
  return logProbs!;
}

/**
 * Reads the inputs and reports to `findings`; no log-probabilities if an error was collected that leaves none.
 *
 * @internal
 */
export async function readInputs(
  inputs: LogProbsInputs,
  options: ReadLogProbsOptions,
  findings: Findings,
  call: string,
): Promise<{ files: PlannedFile[]; logProbs: LogProbs | null }> {
  const checked = checkOptions(call, readLogProbsSchema, options);
  const list = [checkOptions(call, inputsSchema, inputs)].flat();
  const parsed = await Promise.all(list.map(parseInput));
  const files = await plan(parsed, checked.format, findings);
  const job: JobOptions = {
    ...(options.signal && { signal: options.signal }),
    ...(options.threads !== undefined && { threads: options.threads }),
  };
  const readerOptions: ReaderOptions = {
    ...checked,
    promptTokens: checked.promptTokens,
    responseTokens: checked.responseTokens,
    filter: checked.filter,
    signal: options.signal,
  };
  const join = new Join(findings, readerOptions);
  const arrays: LogProbs[] = [];
  const report = progressReporter(options.onProgress, files.length);
  const severalTasks = new Set(files.map(({ task }) => task)).size > 1;
  let rows = 0;
  for (const file of files) {
    options.signal?.throwIfAborted();
    try {
      if (isArrayFormat(file.format)) {
        arrays.push(await readBinary(file.input, file.model, file.format, files.length, readerOptions, job));
      } else {
        rows += 1;
        await readRows(file, file.format, join, findings, readerOptions, files.length, severalTasks);
      }
    } catch (error) {
      findings.caught(error);
    }
    report();
  }
  const logProbs = combine(arrays, rows > 0 ? join : null, findings);
  return { files, logProbs };
}

function isArrayFormat(format: LogProbsFormat): format is Exclude<LogProbsFormat, RowFormat> {
  return format === 'npy' || format === 'npz' || format === 'safetensors';
}

/** Formats, names and tasks of all files. */
async function plan(
  inputs: readonly LogProbsInput[],
  format: LogProbsFormat | undefined,
  findings: Findings,
): Promise<PlannedFile[]> {
  const names = nameFiles(inputs.map(({ path }) => path));
  const files: PlannedFile[] = [];
  const seen = new Map<string, string>();
  for (const [index, input] of inputs.entries()) {
    try {
      const found = format ?? (await detectFormat(input.path));
      const described: LmEvalFile | undefined =
        found === 'lm-evaluation-harness' ? await describeLmEvalFile(input.path) : undefined;
      const model = input.model ?? described?.model ?? names[index]!;
      if (described || found === 'responses') checkOneFilePerModel(seen, model, described?.task, input.path);
      files.push({ input, format: found, model, task: described?.task });
    } catch (error) {
      findings.caught(error);
    }
  }
  return files;
}

function checkOneFilePerModel(seen: Map<string, string>, model: string, task: string | undefined, file: string): void {
  const key = JSON.stringify([model, task]);
  const other = seen.get(key);
  if (other !== undefined) {
    throw located(
      'ERR_DUPLICATE_MODEL',
      `This file and ${other} seem to be of the same model (two revisions of a repository share a folder): name them, NAME=PATH.`,
      { file, model },
    );
  }
  seen.set(key, file);
}

async function readRows(
  { input, format, model, task }: PlannedFile,
  reader: RowFormat,
  join: Join,
  findings: Findings,
  options: ReaderOptions,
  inputs: number,
  severalTasks: boolean,
): Promise<void> {
  const stream = new FileStream(input.path, options.signal);
  const source: { -readonly [key in keyof ModelSource]: ModelSource[key] } = { file: input.path, format };
  const idPrefix = severalTasks && task !== undefined ? `${task}:` : '';
  const context: ReaderContext = { file: input.path, model, source, inputs, idPrefix, join, findings, options };
  const makeSink = (columns: readonly string[]) => new RowReader(columns, context);
  switch (reader) {
    case 'csv':
    case 'tsv':
      await readCsv(stream, makeSink);
      break;
    case 'jsonl':
      await readJsonTable(stream, makeSink);
      break;
    case 'parquet':
      await readParquet(input.path, options.signal, makeSink);
      // Parquet is read here and there, so its hash needs a pass of its own.
      await stream.drain();
      break;
    case 'lm-evaluation-harness':
      await readLmEval(stream, context);
      break;
    case 'responses':
      await readResponses(stream, context);
      break;
  }
  if (stream.sha256 !== undefined) source.sha256 = stream.sha256;
}

/** All that was read as one matrix. */
function combine(arrays: readonly LogProbs[], join: Join | null, findings: Findings): LogProbs | null {
  const [first, ...others] = arrays;
  const sameIds = (other: LogProbs) =>
    JSON.stringify(other.metadata.responseIds) === JSON.stringify(first!.metadata.responseIds);
  try {
    if (!join && first && others.every(sameIds)) return others.length === 0 ? first : stack(arrays);
    const joined = join ?? new Join(findings, { join: 'exact', ignoreHashes: false });
    for (const array of arrays) addArray(joined, array);
    return joined.finish();
  } catch (error) {
    findings.caught(error);
    return null;
  }
}

function stack(arrays: readonly LogProbs[]): LogProbs {
  return arrays.reduce((above, below) => above.stack(below));
}

/** Adds a matrix with ids to the rows of other files. */
function addArray(join: Join, array: LogProbs): void {
  const { responseIds, promptIds, tokenCounts, sources } = array.metadata;
  if (!responseIds) {
    throw located(
      'ERR_MISSING_ID',
      'Arrays without response ids cannot be joined with files that have them: list the ids in a JSON file beside the array (responseIds).',
      { ...(sources[0]?.file !== undefined && { file: sources[0].file }) },
    );
  }
  array.models.forEach((model, index) => {
    const source = sources[index]!;
    array.row(index).forEach((logProb, response) => {
      const id = responseIds[response]!;
      join.add(
        {
          model,
          id,
          logProb,
          file: source.file ?? '',
          row: response,
          tokens: tokenCounts?.[response],
          promptId: promptIds?.[response],
        },
        source,
      );
    });
  });
}

function progressReporter(onProgress: ((progress: Progress) => void) | undefined, total: number): () => void {
  const began = performance.now();
  let done = 0;
  return () => {
    done += 1;
    try {
      onProgress?.({ done, total, elapsed: (performance.now() - began) / 1000 });
    } catch {
      // A broken progress display must not break the reading.
    }
  };
}
