import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { LogProbs } from './log-probs.js';
import type { LogProbsFormat, LogProbsInput, ReaderOptions } from './reader.js';

interface MatrixHeader {
  readonly names: readonly string[] | null;
  readonly ids: readonly string[] | null;
  readonly promptIds: readonly string[] | null;
  readonly tokenCounts: readonly number[] | null;
  readonly dtype: string;
  readonly shape: readonly [models: number, responses: number];
  readonly sha256: string;
  readonly bytes: number;
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
  const readOptions = JSON.stringify({
    transpose: options.transpose,
    negate: options.negate,
    allowVector: inputs > 1 || model !== undefined,
  });
  let counted = 0;
  const count = (done: number) => {
    options.watch.onBytes?.(done - counted);
    counted = done;
  };
  const { handle, json } = await runJob((running) => native.readMatrix(file, readOptions, job.threads, running), {
    ...job,
    onProgress: ({ done }) => count(done),
  });
  const header = JSON.parse(json) as MatrixHeader;
  count(header.bytes);
  const models = modelNames(header, model, fileName);
  const source = { file, format, dtype: header.dtype, sha256: header.sha256 };
  try {
    return new LogProbs(handle, {
      models,
      responseIds: header.ids,
      promptIds: header.promptIds,
      tokenCounts: header.tokenCounts,
      sources: models.map(() => source),
    });
  } catch (error) {
    handle.dispose();
    throw error;
  }
}

function modelNames(
  { names, shape: [count] }: MatrixHeader,
  given: string | undefined,
  fileName: string,
): readonly string[] {
  if (count === 1 && given !== undefined) return [given];
  const stem = given ?? fileName;
  return names ?? (count === 1 ? [stem] : Array.from({ length: count }, (_, row) => `${stem}[${row}]`));
}
