import { readCsv } from '../input/csv.js';
import { FileStream } from '../input/file-stream.js';
import { type Findings, located } from '../input/findings.js';
import { readJsonTable } from '../input/json-rows.js';
import { describeLmEvalFile, type LmEvalFile } from '../input/lm-eval-file.js';
import { nameFiles, parseInput } from '../input/names.js';
import { readParquet } from '../input/parquet.js';
import { ReadingProgress } from '../input/progress.js';
import type { JobOptions } from '../job.js';
import { readBinary } from './binary.js';
import { detectFormat } from './format.js';
import { Join } from './join.js';
import { readLmEval } from './lm-eval.js';
import type { LogProbs, ModelSource } from './log-probs.js';
import type { LogProbsFormat, LogProbsInput, ReaderContext, ReaderOptions, RowFormat } from './reader.js';
import { readResponses } from './responses.js';
import { RowReader } from './row-reader.js';

/** A file with all that is known before its values are read. */
export interface PlannedFile {
  readonly input: LogProbsInput;
  readonly format: LogProbsFormat;
  /** Name of the model, for files of one model that do not say. */
  readonly model: string;
  readonly task: string | undefined;
}

/**
 * Reads the inputs and reports to `findings`; no log-probabilities if an error was collected that leaves none.
 *
 * @internal
 */
export async function readInputs(
  inputs: readonly (string | LogProbsInput)[],
  format: LogProbsFormat | undefined,
  settings: Omit<ReaderOptions, 'watch'>,
  options: JobOptions,
  findings: Findings,
): Promise<{ files: PlannedFile[]; logProbs: LogProbs | null }> {
  const parsed = await Promise.all(inputs.map(parseInput));
  const files = await plan(parsed, format, findings);
  const job: JobOptions = {
    ...(options.signal && { signal: options.signal }),
    ...(options.threads !== undefined && { threads: options.threads }),
  };
  const join = new Join(findings, settings);
  const arrays: LogProbs[] = [];
  const progress = await ReadingProgress.start(
    files.map(({ input }) => input.path),
    options.onProgress,
  );
  const readerOptions: ReaderOptions = { ...settings, watch: { signal: options.signal, onBytes: progress.add } };
  const severalTasks = new Set(files.map(({ task }) => task)).size > 1;
  let rows = 0;
  try {
    for (const file of files) {
      try {
        if (isArrayFormat(file.format)) {
          arrays.push(await readBinary(file.input, file.model, file.format, parsed.length, readerOptions, job));
        } else {
          rows += 1;
          await readRows(file, file.format, join, findings, readerOptions, parsed.length, severalTasks);
        }
      } catch (error) {
        findings.caught(error);
      }
      options.signal?.throwIfAborted();
    }
  } finally {
    progress.stop();
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
  const names = nameFiles(inputs);
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
  const stream = new FileStream(input.path, options.watch);
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
      await readParquet(input.path, options.watch.signal, makeSink);
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
      const observation = {
        id: responseIds[response]!,
        file: source.file ?? '',
        row: response,
        tokens: tokenCounts?.[response],
        promptId: promptIds?.[response],
      };
      join.add(observation, model, logProb, source);
    });
  });
}
