import { answer, CoverageError, expectInstance, located } from '../error.js';
import { callNative, native, type PlaceNames } from '../native.js';
import type { Warning } from '../results/estimate.js';

type Handle = InstanceType<typeof native.LogProbsHandle>;

/** Where the log-probabilities of one model came from. */
export interface ModelSource {
  /** File the values were read from, as the caller gave it; absent for arrays. */
  readonly file?: string;
  /** Format of that file, e.g. `npy` or `lm-evaluation-harness`. */
  readonly format?: string;
  /** Element type in the file, e.g. `float16`; sums kept in a coarse type limit what log N can resolve. */
  readonly dtype?: string;
  /** BLAKE3 of the file's bytes, hexadecimal, as `b3sum` prints it. */
  readonly blake3?: string;
  /** By what it was scored and how its values repeat, where `score` wrote the file. */
  readonly scored?: string;
}

/** What is known of the models and responses besides the numbers. */
export interface LogProbsMetadata {
  /** Names of the models, in row order; distinct. */
  readonly models: readonly string[];
  /** Ids of the responses, in column order; `null` if the input has none and the position is the id. */
  readonly responseIds: readonly string[] | null;
  /** Ids of the prompts, one a response; equal ids mean the same prompt. `null` if unknown. */
  readonly promptIds: readonly string[] | null;
  /** Tokens of each response, where every model agrees; `null` if unknown. */
  readonly tokenCounts: readonly number[] | null;
  /** One entry a model. */
  readonly sources: readonly ModelSource[];
  /** What readers noticed and users should know. */
  readonly warnings: readonly Warning[];
}

/** Distinct ids that the core has until a list of them is asked for. @internal */
export class IdList {
  #ids: InstanceType<typeof native.IdListHandle> | readonly string[];

  constructor(handle: InstanceType<typeof native.IdListHandle>) {
    this.#ids = handle;
  }

  get list(): readonly string[] {
    if (this.#ids instanceof native.IdListHandle) this.#ids = this.#ids.text().split('\0');
    return this.#ids;
  }
}

/**
 * Log-probabilities of M models on the same n responses: natural logarithms, summed over the tokens of the response.
 *
 * The values live in Rust; this object is a handle with names. Row = model, column = response. −∞ is legal (the model
 * rules the response out); NaN, +∞ and values above 1e-6 are not.
 */
export class LogProbs implements Disposable {
  readonly #handle: Handle;
  readonly metadata: LogProbsMetadata;

  /** Where the core has the ids; a list of them is made when it is asked for. */
  readonly #ids: IdList | null;

  /**
   * @param ids those of the responses, where the core has them; or whether those of `metadata` are known to be distinct: the
   * core joined rows by them, or they were checked before
   * @internal
   */
  constructor(handle: Handle, metadata: Partial<LogProbsMetadata>, ids: IdList | boolean = false) {
    this.#handle = handle;
    const list = ids instanceof IdList ? ids : null;
    this.#ids = list;
    const count = handle.models;
    const models = metadata.models ?? Array.from({ length: count }, (_, model) => `model-${model}`);
    const responseIds = list ? null : (metadata.responseIds ?? null);
    const others = {
      models,
      promptIds: metadata.promptIds ?? null,
      tokenCounts: metadata.tokenCounts ?? null,
      sources: metadata.sources ?? models.map(() => ({})),
      warnings: metadata.warnings ?? [],
    };
    checkMetadata({ ...others, responseIds }, count, handle.responses);
    if (responseIds && !ids) rejectDuplicates('response id', responseIds, 'ids must be distinct');
    this.metadata = {
      ...others,
      get responseIds() {
        return list ? list.list : responseIds;
      },
    };
  }

  /**
   * Log-probabilities from arrays, one a model; copied once. Single precision only if every array is a `Float32Array`.
   *
   * @throws CoverageError `ERR_NO_RESPONSES`, `ERR_TOO_FEW_MODELS`, `ERR_SHAPE_MISMATCH`, `ERR_NAN_LOG_PROB`,
   * `ERR_POSITIVE_LOG_PROB` naming model and response
   */
  static fromArrays(
    rows: readonly (Float32Array | Float64Array | readonly number[])[],
    metadata: Partial<LogProbsMetadata> = {},
  ): LogProbs {
    if (!isListOfArrays(rows)) {
      throw new CoverageError('ERR_INVALID_OPTION', 'LogProbs.fromArrays() takes a list of arrays, one a model.');
    }
    const responses = rows[0]?.length ?? 0;
    const short = rows.findIndex((row) => row.length !== responses);
    if (short >= 0) {
      throw new CoverageError(
        'ERR_SHAPE_MISMATCH',
        `Model ${metadata.models?.[short] ?? short} has ${rows[short]!.length} log-probabilities, the first has ${responses}: ` +
          'all models must be scored on the same responses.',
      );
    }
    const single = rows.length > 0 && rows.every((row) => row instanceof Float32Array);
    const matrix = single ? new Float32Array(rows.length * responses) : new Float64Array(rows.length * responses);
    rows.forEach((row, model) => {
      if (Array.isArray(row)) rejectOthers(row, metadata.models?.[model] ?? String(model), metadata.responseIds);
      matrix.set(row, model * responses);
    });
    return LogProbs.fromMatrix(matrix, responses, metadata);
  }

  /**
   * Log-probabilities from one row-major array of models × `responses` values; copied once.
   *
   * @throws CoverageError as {@link LogProbs.fromArrays}
   */
  static fromMatrix(
    values: Float32Array | Float64Array,
    responses: number,
    metadata: Partial<LogProbsMetadata> = {},
  ): LogProbs {
    if (!(values instanceof Float32Array || values instanceof Float64Array) || typeof responses !== 'number') {
      throw new CoverageError(
        'ERR_INVALID_OPTION',
        'LogProbs.fromMatrix() takes a Float32Array or Float64Array and a number.',
      );
    }
    if (!Number.isInteger(responses) || responses < 1 || values.length % responses !== 0) {
      throw new CoverageError(
        responses < 1 ? 'ERR_NO_RESPONSES' : 'ERR_SHAPE_MISMATCH',
        `${values.length} values cannot be rows of ${responses} responses.`,
      );
    }
    const names = { ...(metadata.models && { models: metadata.models }), responseIds: metadata.responseIds ?? null };
    const handle = callNative(
      () =>
        values instanceof Float32Array
          ? native.LogProbsHandle.fromFloat32(values, responses)
          : native.LogProbsHandle.fromFloat64(values, responses),
      names,
    );
    return new LogProbs(handle, metadata);
  }

  /** Names of the models, in row order. */
  get models(): readonly string[] {
    return this.metadata.models;
  }

  /** n, the number of responses. */
  get responses(): number {
    return callNative(() => this.#handle.responses);
  }

  /** Precision the values are kept in. */
  get precision(): 'float32' | 'float64' {
    return callNative(() => this.#handle.precision);
  }

  /** Id of the response in column `index`: its own, or its position. */
  responseId(index: number): string {
    return this.metadata.responseIds?.[index] ?? String(index);
  }

  /** Position of the model called `name`. @throws CoverageError `ERR_UNKNOWN_MODEL`, listing the names there are */
  modelIndex(name: string): number {
    const index = this.models.indexOf(name);
    if (index >= 0) return index;
    const shown = this.models.slice(0, 20).join(', ') + (this.models.length > 20 ? ', …' : '');
    throw new CoverageError('ERR_UNKNOWN_MODEL', `There is no model called ${String(name)}: the models are ${shown}.`, {
      place: { model: String(name) },
    });
  }

  /** The n log-probabilities of one model, widened exactly; a copy. */
  row(model: number | string): Float64Array {
    return callNative(() => this.#handle.row(this.#indexOf(model)));
  }

  /** The same responses, only the models named, in that order. Values are shared, not copied. */
  selectModels(models: readonly (number | string)[]): LogProbs {
    const indices = answer('selectModels()', () => models.map((model) => this.#indexOf(model)));
    const handle = callNative(() => this.#handle.selectModels(indices));
    const chosen = {
      models: indices.map((index) => this.models[index]!),
      sources: indices.map((index) => this.metadata.sources[index]!),
    };
    const { promptIds, tokenCounts, warnings } = this.metadata;
    const responseIds = this.#ids ? null : this.metadata.responseIds;
    return new LogProbs(handle, { ...chosen, responseIds, promptIds, tokenCounts, warnings }, this.#ids ?? true);
  }

  #indexOf(model: number | string): number {
    if (typeof model === 'string') return this.modelIndex(model);
    if (Number.isInteger(model) && model >= 0 && model < this.models.length) return model;
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      `There is no model ${model}: models are numbered from 0 to ${this.models.length - 1}.`,
      { place: { field: 'model' } },
    );
  }

  /** Names for the indices in errors of the core. @internal */
  get placeNames(): PlaceNames {
    const { metadata } = this;
    return {
      models: metadata.models,
      get responseIds() {
        return metadata.responseIds;
      },
    };
  }

  /**
   * The models of this object, then those of `other`, on the same responses in the same order. Values are shared, not
   * copied, unless the precisions differ.
   *
   * @throws CoverageError `ERR_SHAPE_MISMATCH` for other responses, `ERR_DUPLICATE_MODEL`
   */
  stack(other: LogProbs): LogProbs {
    expectInstance('stack()', other, LogProbs);
    const [mine, theirs] = [this.metadata, other.metadata];
    const differs = (a: readonly unknown[] | null, b: readonly unknown[] | null) =>
      a !== null && b !== null && a.some((value, index) => value !== b[index]);
    if (differs(mine.responseIds, theirs.responseIds)) {
      throw new CoverageError(
        'ERR_SHAPE_MISMATCH',
        'The response ids differ, or their order does: read the files together, which joins them by id.',
      );
    }
    return new LogProbs(
      callNative(() => this.#handle.stack(other.#handle)),
      {
        models: [...mine.models, ...theirs.models],
        responseIds: mine.responseIds ?? theirs.responseIds,
        promptIds: mine.promptIds ?? theirs.promptIds,
        tokenCounts: differs(mine.tokenCounts, theirs.tokenCounts) ? null : (mine.tokenCounts ?? theirs.tokenCounts),
        sources: [...mine.sources, ...theirs.sources],
        warnings: [...mine.warnings, ...theirs.warnings],
      },
      true,
    );
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }

  /** Gives the memory back now; later use throws `ERR_DISPOSED`. */
  dispose(): void {
    this.#handle.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function isListOfArrays(rows: unknown): boolean {
  return Array.isArray(rows) && rows.every((row) => Array.isArray(row) || ArrayBuffer.isView(row));
}

/** Typed arrays hold numbers only; in a list, anything else would become one in silence. */
function rejectOthers(row: readonly unknown[], model: string, responseIds: readonly string[] | null | undefined): void {
  const index = row.findIndex((value) => typeof value !== 'number');
  if (index < 0) return;
  const value = row[index];
  throw located(
    value === null || value === undefined ? 'ERR_NULL_LOG_PROB' : 'ERR_NOT_A_NUMBER',
    `A log-probability is ${String(value)}, not a number: score the response, or write -Infinity if that is what it is.`,
    { model, response: responseIds?.[index] ?? String(index) },
  );
}

function checkMetadata(metadata: LogProbsMetadata, models: number, responses: number): void {
  const expected = [
    ['models', metadata.models, models],
    ['sources', metadata.sources, models],
    ['responseIds', metadata.responseIds, responses],
    ['promptIds', metadata.promptIds, responses],
    ['tokenCounts', metadata.tokenCounts, responses],
  ] as const;
  for (const [field, list, length] of expected) {
    if (list && list.length !== length) {
      throw new CoverageError('ERR_SHAPE_MISMATCH', `${field} has ${list.length} entries where there are ${length}.`, {
        place: { field },
      });
    }
  }
  rejectDuplicates('model', metadata.models, 'give each a name of its own (NAME=PATH on the command line)');
}

function rejectDuplicates(kind: string, values: readonly string[], advice: string): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) {
      const code = kind === 'model' ? 'ERR_DUPLICATE_MODEL' : 'ERR_DUPLICATE_RESPONSE';
      throw new CoverageError(code, `The ${kind} ${value} occurs twice: ${advice}.`);
    }
    seen.add(value);
  }
}
