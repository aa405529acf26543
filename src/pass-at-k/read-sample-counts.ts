import { type NativeFinding, toFindings, warningsOf } from '../files/findings.js';
import { FILE_FORMATS, type FileFormat } from '../files/formats.js';
import { type InputFile, inputsSchema, withFiles } from '../files/inputs.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import type { Warning } from '../results/estimate.js';
import * as z from '../zod.js';
import type { SampleCounts } from './pass-at-k.js';

/** Which column holds what, where columns are not named as expected; `outer.inner` names a field inside another. */
export interface CountColumnNames {
  /** Id of the problem. */
  readonly id?: string | undefined;
  /** Name of the model or checkpoint. */
  readonly model?: string | undefined;
  /** Id of a sample among those of its problem. */
  readonly sample?: string | undefined;
  /** Number of samples. */
  readonly samples?: string | undefined;
  /** Number of right samples. */
  readonly correct?: string | undefined;
  /** Whether a sample is right, or a list of that. */
  readonly passed?: string | undefined;
  /** Columns that are models, with flags or numbers of right samples. */
  readonly models?: readonly string[] | undefined;
}

/** Options of {@link readSampleCounts}. */
export interface ReadSampleCountsOptions extends JobOptions {
  /**
   * Format of all inputs.
   * @defaultValue told from each file's content, then from its name
   */
  readonly format?: FileFormat | undefined;
  /**
   * Tests of evalplus that decide: `plus` (base and extended) or `base` alone.
   * @defaultValue 'plus'
   */
  readonly tests?: 'plus' | 'base' | undefined;
  /** Samples per problem of counts that do not say. */
  readonly samples?: number | undefined;
  /**
   * Metric of lm-evaluation-harness, OLMES or HELM, or scorer of inspect_ai, that says right or wrong.
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
  /** Columns of tables and JSON rows, where they are not named as expected. */
  readonly columns?: CountColumnNames | undefined;
}

/** Counts from files, with what was noticed. */
export interface ReadSampleCounts extends SampleCounts {
  /** Files the counts were read from, with the BLAKE3 hash of their bytes. */
  readonly sources: readonly { readonly file: string; readonly format: FileFormat; readonly blake3?: string }[];
  readonly warnings: readonly Warning[];
}

const name = z.string().min(1).optional();

/** Schema of {@link CountColumnNames}. */
export const countColumnsSchema = z.strictObject({
  id: name,
  model: name,
  sample: name,
  samples: name,
  correct: name,
  passed: name,
  models: z.array(z.string()).min(1).optional(),
});

/** Schema of {@link ReadSampleCountsOptions}. */
export const readSampleCountsSchema = z.strictObject({
  ...jobOptionsShape,
  format: z.enum(FILE_FORMATS).optional(),
  tests: z.enum(['plus', 'base']).default('plus'),
  samples: z.int().min(1).optional(),
  metric: name,
  filter: name,
  transpose: z.boolean().default(false),
  join: z.enum(['exact', 'shared']).default('exact'),
  columns: countColumnsSchema.prefault({}),
});

/**
 * Reads how many samples of each problem are right, for Pass@k: rows `{ id, n, c }`, lists of flags, one flag a row
 * (human-eval's `*_results.jsonl`), objects keyed by problem, tables with a column a model, and the files of evalplus,
 * BigCodeBench, MultiPL-E, SWE-bench, inspect_ai, HELM, OLMES, Large Language Monkeys and lm-evaluation-harness; also
 * matrices of counts (`.npy`, `.npz`, `.safetensors`) with a JSON file beside them (`models`, `problems`,
 * `samples_per_problem`). Files are joined by model and problem id; a sample that is there twice is counted once.
 *
 * @throws CoverageError with the file, row, model and problem of the first fault, and what to do about it
 */
export async function readSampleCounts(
  inputs: string | InputFile | readonly (string | InputFile)[],
  options: ReadSampleCountsOptions = {},
): Promise<ReadSampleCounts> {
  const {
    signal: _,
    onProgress: __,
    threads,
    ...settings
  } = checkOptions('readSampleCounts', readSampleCountsSchema, options);
  const list = [checkOptions('readSampleCounts', inputsSchema, inputs)].flat();
  options.signal?.throwIfAborted();
  const { json } = await withFiles(list, options.signal, (files) =>
    runJob((job) => native.readCounts(JSON.stringify(files), JSON.stringify(settings), threads, job), options),
  );
  const { findings, ...read } = JSON.parse(json) as Omit<ReadSampleCounts, 'warnings'> & { findings: NativeFinding[] };
  return { ...read, warnings: warningsOf(toFindings(findings)) };
}
