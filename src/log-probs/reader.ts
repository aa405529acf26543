import type { FileWatch } from '../input/file-stream.js';
import type { Findings } from '../input/findings.js';
import type { InputFile } from '../input/names.js';
import type { Join, JoinMode } from './join.js';
import type { ModelSource } from './log-probs.js';
import type { ColumnNames } from './row-reader.js';

/** Formats of log-probabilities that can be read. */
export const LOG_PROBS_FORMATS = [
  'npy',
  'npz',
  'safetensors',
  'csv',
  'tsv',
  'jsonl',
  'parquet',
  'lm-evaluation-harness',
  'responses',
] as const;

/**
 * A format of log-probabilities. `responses` are saved responses of an inference server or of vLLM's offline API;
 * `jsonl` also covers a JSON list of rows.
 */
export type LogProbsFormat = (typeof LOG_PROBS_FORMATS)[number];

/** Formats that hold rows with ids, which are joined; the others are arrays. */
export type RowFormat = Exclude<LogProbsFormat, 'npy' | 'npz' | 'safetensors'>;

/** One file to read. */
export type LogProbsInput = InputFile;

/** What the readers need of the options, defaults filled in. */
export interface ReaderOptions {
  readonly transpose: boolean;
  readonly negate: boolean;
  readonly join: JoinMode;
  readonly ignoreHashes: boolean;
  readonly keepClamped: boolean;
  readonly promptTokens?: number | undefined;
  readonly responseTokens?: number | undefined;
  readonly filter?: string | undefined;
  readonly columns: ColumnNames;
  readonly watch: FileWatch;
}

/** What a reader of one file is given. */
export interface ReaderContext {
  /** Path, as the caller gave it. */
  readonly file: string;
  /** Name of the model, for files that do not say. */
  readonly model: string;
  /** Provenance of the models of this file; its hash is filled in when the file was read. */
  readonly source: ModelSource;
  /** Number of files that are read together. */
  readonly inputs: number;
  /** Put before ids, where files of several tasks are read together. */
  readonly idPrefix: string;
  readonly join: Join;
  readonly findings: Findings;
  readonly options: ReaderOptions;
}
