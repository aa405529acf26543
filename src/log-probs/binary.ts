import { FileStream } from '../input/file-stream.js';
import { located } from '../input/findings.js';
import type { JsonObject } from '../input/json.js';
import { readSidecar } from '../input/names.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { LogProbs } from './log-probs.js';
import type { LogProbsFormat, LogProbsInput, ReaderOptions } from './reader.js';

interface MatrixHeader {
  readonly names: readonly string[] | null;
  readonly ids: readonly string[] | null;
  readonly dtype: string;
  readonly shape: readonly [models: number, responses: number];
}

/**
 * Reads `.npy`, `.npz` and `.safetensors` in the core. Names and ids are from the file, or from a JSON file beside it
 * of the same name: `models`, `responseIds` (or `ids`), `promptIds`, `tokenCounts`.
 */
export async function readBinary(
  input: LogProbsInput,
  fileName: string,
  format: LogProbsFormat,
  inputs: number,
  options: ReaderOptions,
  job: JobOptions,
): Promise<LogProbs> {
  const { path: file, model } = input;
  const beside = ((await readSidecar(file.replace(/\.\w+$/, '.json'))) ?? {}) as JsonObject;
  const sidecarModels = strings(beside['models'], 'models', file);
  const readOptions = JSON.stringify({
    transpose: options.transpose,
    negate: options.negate,
    allowVector: inputs > 1 || model !== undefined,
  });
  const hashed = new FileStream(file, options.watch);
  const [{ handle, json }] = await Promise.all([
    runJob((running) => native.readMatrix(file, readOptions, job.threads, running), job, {
      ...(sidecarModels && { models: sidecarModels }),
    }),
    hashed.drain(),
  ]);
  const header = JSON.parse(json) as MatrixHeader;
  const [count] = header.shape;
  const models = modelNames(count, [header.names, sidecarModels], model, fileName, file);
  const source = { file, format, dtype: header.dtype, ...(hashed.sha256 !== undefined && { sha256: hashed.sha256 }) };
  const ids =
    header.ids ?? strings(beside['responseIds'] ?? beside['response_ids'] ?? beside['ids'], 'responseIds', file);
  try {
    return new LogProbs(handle, {
      models,
      responseIds: ids ?? null,
      promptIds: strings(beside['promptIds'] ?? beside['prompt_ids'], 'promptIds', file) ?? null,
      tokenCounts: numbers(beside['tokenCounts'] ?? beside['token_counts'], 'tokenCounts', file) ?? null,
      sources: models.map(() => source),
    });
  } catch (error) {
    handle.dispose();
    throw error;
  }
}

function modelNames(
  count: number,
  known: readonly (readonly string[] | null | undefined)[],
  given: string | undefined,
  fileName: string,
  file: string,
): readonly string[] {
  if (count === 1 && given !== undefined) return [given];
  const names = known.find((list) => list);
  if (names && names.length === count) return names;
  if (names) {
    throw located(
      'ERR_SHAPE_MISMATCH',
      `${names.length} models are named for ${count} rows: correct the list of models, or, if responses are in rows, transpose the matrix (--transpose).`,
      { file },
    );
  }
  const stem = given ?? fileName;
  return count === 1 ? [stem] : Array.from({ length: count }, (_, row) => `${stem}[${row}]`);
}

function strings(value: unknown, field: string, file: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number'))
    return value.map(String);
  throw located('ERR_MALFORMED_FILE', `${field} in the JSON file beside the data is not a list of names.`, { file });
}

function numbers(value: unknown, field: string, file: string): readonly number[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => Number.isInteger(item))) return value;
  throw located('ERR_MALFORMED_FILE', `${field} in the JSON file beside the data is not a list of whole numbers.`, {
    file,
  });
}
