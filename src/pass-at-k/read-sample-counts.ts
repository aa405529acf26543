import * as z from 'zod';
import { readCsv } from '../input/csv.js';
import { checkFile, FileStream } from '../input/file-stream.js';
import { Findings, located } from '../input/findings.js';
import type { JsonObject } from '../input/json.js';
import { readJsonRows, readJsonTable } from '../input/json-rows.js';
import { describeLmEvalFile } from '../input/lm-eval-file.js';
import { type InputFile, inputsSchema, nameFiles, parseInput } from '../input/names.js';
import { readParquet } from '../input/parquet.js';
import { runJob } from '../job.js';
import { isLmEvalRow } from '../log-probs/lm-eval.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import { CountJoin, type ReadSampleCounts } from './count-join.js';
import { type CountContext, type CountOptions, CountRowReader, isEvalplus, readEvalplus } from './count-rows.js';
import { readLmEvalCounts } from './lm-eval-counts.js';

/** Options of {@link readSampleCounts}. */
export interface ReadSampleCountsOptions {
  /** Stops reading; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Tests of evalplus that decide: `plus` (base and extended) or `base` alone.
   * @defaultValue 'plus'
   */
  readonly tests?: 'plus' | 'base' | undefined;
  /** Samples per problem of a matrix of counts without a JSON file beside it that says so. */
  readonly samples?: number | undefined;
  /**
   * Metric of lm-evaluation-harness that says right or wrong.
   * @defaultValue `pass@1`, `exact_match` or `acc`, else the first that the file names
   */
  readonly metric?: string | undefined;
  /**
   * Filter of lm-evaluation-harness whose rows are read.
   * @defaultValue the first in each file
   */
  readonly filter?: string | undefined;
  /**
   * A matrix of counts has a row a problem and a column a model.
   * @defaultValue false: a row a model
   */
  readonly transpose?: boolean | undefined;
  /**
   * `exact`: every model must have samples of the same problems. `shared`: other problems are left out, with a warning.
   * @defaultValue 'exact'
   */
  readonly join?: 'exact' | 'shared' | undefined;
}

const schema = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  tests: z.enum(['plus', 'base']).default('plus'),
  samples: z.int().min(1).optional(),
  metric: z.string().min(1).optional(),
  filter: z.string().min(1).optional(),
  transpose: z.boolean().default(false),
  join: z.enum(['exact', 'shared']).default('exact'),
});

/**
 * Reads how many samples of each problem are right, for Pass@k: rows `{ id, n, c }`, lists of flags, one flag a row
 * (human-eval's `*_results.jsonl`), evalplus' `eval_results.json`, repeats of lm-evaluation-harness, Large Language
 * Monkeys' `is_corrects`, tables of these (CSV, TSV, Parquet), and matrices of counts (`.npy`, `.npz`, `.safetensors`)
 * with a JSON file beside them (`models`, `problems`, `samples_per_problem`). Files are joined by model and problem id.
 *
 * @throws CoverageError with the file, row, model and problem of the first fault, and what to do about it
 */
export async function readSampleCounts(
  inputs: string | InputFile | readonly (string | InputFile)[],
  options: ReadSampleCountsOptions = {},
): Promise<ReadSampleCounts> {
  const checked = checkOptions('readSampleCounts', schema, options);
  const list = [checkOptions('readSampleCounts', inputsSchema, inputs)].flat();
  const files = await Promise.all(list.map(parseInput));
  const names = nameFiles(files);
  const findings = new Findings('throw');
  const join = new CountJoin(findings, checked.join);
  const countOptions: CountOptions = {
    tests: checked.tests,
    samples: checked.samples,
    metric: checked.metric,
    filter: checked.filter,
    transpose: checked.transpose,
    signal: options.signal,
  };
  const sources: { file: string; sha256?: string }[] = [];
  for (const [index, { path, model }] of files.entries()) {
    options.signal?.throwIfAborted();
    await checkFile(path);
    const stream = new FileStream(path, { signal: options.signal });
    const context: CountContext = { file: path, model: names[index]!, join, findings, options: countOptions };
    await readFile(stream, model === undefined, context);
    sources.push({ file: path, ...(stream.sha256 !== undefined && { sha256: stream.sha256 }) });
  }
  return { ...join.finish(), sources, warnings: findings.warnings };
}

async function readFile(stream: FileStream, unnamed: boolean, context: CountContext): Promise<void> {
  const makeSink = (columns: readonly string[]) => new CountRowReader(columns, context);
  const extension = /\.(\w+)(\.gz)?$/.exec(stream.path.toLowerCase())?.[1] ?? '';
  switch (extension) {
    case 'npy':
    case 'npz':
    case 'safetensors':
      await readMatrix(context);
      await stream.drain();
      return;
    case 'csv':
    case 'tsv':
      await readCsv(stream, makeSink);
      return;
    case 'parquet':
    case 'pq':
      await readParquet(stream.path, context.options.signal, makeSink);
      await stream.drain();
      return;
  }
  const first = await firstRow(stream.path);
  if (isLmEvalRow(first)) {
    const { model } = await describeLmEvalFile(stream.path);
    await readLmEvalCounts(stream, unnamed ? { ...context, model } : context);
  } else if (isEvalplus(first)) {
    for await (const { value, row } of readJsonRows(stream)) readEvalplus(value, row, context);
  } else {
    await readJsonTable(stream, makeSink);
  }
}

async function firstRow(path: string): Promise<JsonObject> {
  for await (const { value } of readJsonRows(new FileStream(path))) return value;
  throw located('ERR_NO_RESPONSES', 'The file holds no row: check that the evaluation has finished.', { file: path });
}

/** A matrix of counts, models × problems. */
async function readMatrix({ file, model, join, options }: CountContext): Promise<void> {
  const output = await runJob(
    (job) => native.readIntegers(file, JSON.stringify({ transpose: options.transpose }), job),
    {
      ...(options.signal && { signal: options.signal }),
    },
  );
  const header = JSON.parse(output.json) as {
    shape: [models: number, problems: number];
    names: string[] | null;
    ids: string[] | null;
    samplesPerProblem: number | null;
  };
  const [models, problems] = header.shape;
  const values = output.floats[0]!;
  const names =
    header.names ?? (models === 1 ? [model] : Array.from({ length: models }, (_, row) => `${model}[${row}]`));
  const { ids } = header;
  const samples = options.samples ?? header.samplesPerProblem;
  if (samples === null) {
    throw located(
      'ERR_MISSING_OPTION',
      'How many samples each problem has is not known: say so (--samples), or in a JSON file beside the matrix (samples_per_problem).',
      { file },
    );
  }
  for (let row = 0; row < models; row += 1) {
    for (let problem = 0; problem < problems; problem += 1) {
      const place = { file, row, model: names[row]!, response: ids?.[problem] ?? String(problem) };
      join.addCounts(place, samples, values[row * problems + problem]!);
    }
  }
}
