import { type Finding, type NativeFinding, toFindings, warningsOf } from '../files/findings.js';
import { FILE_FORMATS, type FileFormat } from '../files/formats.js';
import { type InputFile, inputsSchema, withFiles } from '../files/inputs.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import * as z from '../zod.js';
import { IdList, LogProbs, type ModelSource } from './log-probs.js';
import { manifestWarnings, parseManifest, type ScoreManifest, scoredBy } from './manifest.js';

/** How models that were not scored on the same responses are treated. */
export type JoinMode = 'exact' | 'shared';

/** Which column holds what, where columns are not named as expected; `outer.inner` names a field inside another. */
export interface ColumnNames {
  /** Id of the response. */
  readonly id?: string | undefined;
  /** Id of a reasoning among those of its response, where answers are read; elsewhere without meaning. */
  readonly reasoning?: string | undefined;
  /** Name of the model or checkpoint: a row a model and response (long). */
  readonly model?: string | undefined;
  /** Log-probability of the response in nats. */
  readonly logProb?: string | undefined;
  /** List of log-probabilities of the tokens. */
  readonly tokenLogProbs?: string | undefined;
  /** Number of tokens of the response. */
  readonly tokens?: string | undefined;
  /** Id of the prompt; equal ids mean the same prompt. */
  readonly promptId?: string | undefined;
  /** Number of tokens of the prompt at the beginning of `tokenLogProbs`. */
  readonly promptTokens?: string | undefined;
  /** Digest of what was scored, which must be the same for every model. */
  readonly contentHash?: string | undefined;
  /** Columns that are models: a row a response (wide); default: all columns that are nothing else. */
  readonly models?: readonly string[] | undefined;
}

/** Options of {@link readLogProbs}. */
export interface ReadLogProbsOptions extends JobOptions {
  /**
   * Format of all inputs.
   * @defaultValue told from each file's content, then from its name
   */
  readonly format?: FileFormat | undefined;
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
   * Do not insist that texts beside an id, or their hashes, are the same for every model.
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

/** Schema of {@link ColumnNames}. */
export const scoreColumnsSchema = z.strictObject({
  id: name,
  reasoning: name,
  model: name,
  logProb: name,
  tokenLogProbs: name,
  tokens: name,
  promptId: name,
  promptTokens: name,
  contentHash: name,
  models: z.array(z.string()).min(1).optional(),
});

const shape = {
  ...jobOptionsShape,
  format: z.enum(FILE_FORMATS).optional(),
  transpose: z.boolean().default(false),
  negate: z.boolean().default(false),
  join: z.enum(['exact', 'shared']).default('exact'),
  ignoreHashes: z.boolean().default(false),
  keepClamped: z.boolean().default(false),
  promptTokens: z.int().min(0).optional(),
  responseTokens: z.int().min(1).optional(),
  filter: name,
  columns: scoreColumnsSchema.prefault({}),
};

/** Schema of {@link ReadLogProbsOptions}. */
export const readLogProbsSchema = z.strictObject(shape);

/** One file to read. */
export type LogProbsInput = InputFile;

/** A file, folder or pattern, as text `PATH` or `NAME=PATH`, or as an object. */
export type LogProbsInputs = string | LogProbsInput | readonly (string | LogProbsInput)[];

/**
 * Reads log-probabilities from files of any supported format; several files are joined by response id, never by line.
 *
 * Arrays (`.npy`, `.npz`, `.safetensors`) have a row a model; tables and JSON rows are long or wide; files of
 * lm-evaluation-harness, OLMES and HELM and saved responses of inference servers hold one model each, named by
 * `NAME=PATH` or after what the files say. Inputs are files, folders, patterns, or `-`. Nothing is parsed on the event
 * loop, and files of any size are streamed.
 *
 * @throws CoverageError with the file, row, model and response id of the first fault, and what to do about it
 */
export async function readLogProbs(inputs: LogProbsInputs, options: ReadLogProbsOptions = {}): Promise<LogProbs> {
  const { logProbs } = await readChecked('readLogProbs', inputs, options, false);
  // Unless errors are collected, what gives nothing has thrown.
  return logProbs!;
}

/** A file that was read. */
type ReadSource = ModelSource & { readonly file: string; readonly format: FileFormat };

/** What the core says of the log-probabilities that it read. @internal */
export interface NativeScores {
  readonly models: readonly string[];
  readonly modelSources: readonly number[];
  readonly responseIds: readonly string[] | null;
  readonly promptIds: readonly string[] | null;
  readonly tokenCounts: readonly number[] | null;
  readonly sources: readonly (ReadSource & { readonly manifest?: string })[];
  readonly findings: readonly NativeFinding[];
}

/**
 * Checks the options of `call` and reads; with `collect`, errors in the input are findings, and `logProbs` is null where
 * there are any.
 *
 * @internal
 */
export async function readChecked(
  call: string,
  inputs: LogProbsInputs,
  options: ReadLogProbsOptions,
  collect: boolean,
): Promise<{ sources: readonly ReadSource[]; findings: Finding[]; logProbs: LogProbs | null }> {
  const { signal: _, onProgress: __, threads, ...settings } = checkOptions(call, readLogProbsSchema, options);
  const list = [checkOptions(call, inputsSchema, inputs)].flat();
  options.signal?.throwIfAborted();
  const { handle, json, ids } = await withFiles(list, options.signal, (files) =>
    runJob((job) => native.readScores(JSON.stringify(files), JSON.stringify(settings), collect, threads, job), options),
  );
  const read = JSON.parse(json) as NativeScores;
  const { sources, findings } = sourcesOf(read);
  if (!handle) return { sources, findings, logProbs: null };
  const { models, modelSources, responseIds, promptIds, tokenCounts } = read;
  const metadata = {
    models,
    responseIds,
    promptIds,
    tokenCounts,
    sources: modelSources.map((source) => sources[source]!),
    warnings: warningsOf(findings),
  };
  return { sources, findings, logProbs: new LogProbs(handle, metadata, ids ? new IdList(ids) : true) };
}

/**
 * The files with what their manifests say of how they were scored, and all that was found.
 *
 * @internal
 */
export function sourcesOf(read: NativeScores): { sources: readonly ReadSource[]; findings: Finding[] } {
  const manifests = read.sources.map(({ manifest }) => (manifest === undefined ? null : parseManifest(manifest)));
  const findings = [...toFindings(read.findings), ...manifestFindings(manifests, read.sources)];
  const sources = read.sources.map(({ manifest: _, ...source }, index): ReadSource => {
    const manifest = manifests[index];
    return manifest ? { ...source, scored: scoredBy(manifest) } : source;
  });
  return { sources, findings };
}

/** What the preflights of scored files found is told of whatever is made of them. */
function manifestFindings(manifests: readonly (ScoreManifest | null)[], sources: readonly ReadSource[]): Finding[] {
  return manifests.flatMap((manifest, index) => {
    const place = { file: sources[index]!.file, ...(manifest && { model: manifest.model }) };
    const warnings = manifest ? manifestWarnings(manifest) : [];
    return warnings.map(({ code, message }): Finding => ({ severity: 'warning', code, message, place, count: 1 }));
  });
}
