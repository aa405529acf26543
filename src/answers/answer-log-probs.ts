import { answer, CoverageError, expectInstance } from '../error.js';
import { LogProbs, type LogProbsMetadata } from '../log-probs/log-probs.js';

/** What is known of the responses of {@link AnswerLogProbs}. */
export interface AnswerMetadata {
  /** Names of the models, in row order; distinct. */
  readonly models?: readonly string[];
  /** Ids of the responses, by which they are joined with whole responses; `null` if the position is the id. */
  readonly responseIds?: readonly string[] | null;
  /** Ids of the prompts, one a response; `null` if unknown. */
  readonly promptIds?: readonly string[] | null;
}

/**
 * Log-probabilities of the answers of n responses under M models, a response being a reasoning and an answer: log π(a | x)
 * as it is, or log π(a | x, r) of several reasonings r of each response, drawn afresh from the model.
 *
 * The mean of exp(log π(a | x, r)) over reasonings is unbiased for π(a | x), its logarithm too low on average.
 */
export class AnswerLogProbs implements Disposable {
  /** The values: a column a response, or a column a reasoning. */
  readonly values: LogProbs;
  /** n, the number of responses. */
  readonly responses: number;
  /** Ids of the responses; `null` if the position is the id. */
  readonly responseIds: readonly string[] | null;
  /** Ids of the prompts, one a response; `null` if unknown. */
  readonly promptIds: readonly string[] | null;
  /** The response that each column is a reasoning of; `null` where columns are responses and values exact. */
  readonly ofResponse: Uint32Array | null;

  /** @internal */
  constructor(
    values: LogProbs,
    of: { readonly ofResponse: Uint32Array | null; readonly responses: number } & AnswerMetadata,
  ) {
    this.values = values;
    this.responses = of.responses;
    this.responseIds = of.responseIds ?? null;
    this.promptIds = of.promptIds ?? null;
    this.ofResponse = of.ofResponse;
    for (const field of ['responseIds', 'promptIds'] as const) {
      const ids = this[field];
      if (ids !== null && ids.length !== of.responses) {
        throw new CoverageError(
          'ERR_SHAPE_MISMATCH',
          `${field} has ${ids.length} entries where there are ${of.responses} responses.`,
          { place: { field } },
        );
      }
    }
    if (this.responseIds !== null && new Set(this.responseIds).size !== this.responses) {
      throw new CoverageError('ERR_DUPLICATE_RESPONSE', 'Two responses have the same id: ids must be distinct.', {
        place: { field: 'responseIds' },
      });
    }
  }

  /** log π(a | x) as it is, a column a response: of models that can be summed over all reasonings. */
  static exact(logProbs: LogProbs): AnswerLogProbs {
    expectInstance('AnswerLogProbs.exact()', logProbs, LogProbs);
    const { responseIds, promptIds } = logProbs.metadata;
    return new AnswerLogProbs(logProbs, { ofResponse: null, responses: logProbs.responses, responseIds, promptIds });
  }

  /**
   * log π(a | x, r) from arrays, one a model: the reasonings of the first response, then those of the second, and so on,
   * `reasonings` of each, or `reasonings[i]` of response i.
   *
   * @throws CoverageError as {@link LogProbs.fromArrays}; `ERR_SHAPE_MISMATCH` if the reasonings do not add up
   */
  static fromArrays(
    rows: readonly (Float32Array | Float64Array | readonly number[])[],
    options: AnswerMetadata & { readonly reasonings: number | readonly number[] },
  ): AnswerLogProbs {
    return answer('AnswerLogProbs.fromArrays()', () => {
      const { reasonings, models, ...of } = options;
      const values = LogProbs.fromArrays(rows, models === undefined ? {} : { models });
      const counts =
        typeof reasonings === 'number'
          ? Array.from({ length: Math.ceil(values.responses / reasonings) }, () => reasonings)
          : reasonings;
      if (!counts.every((count) => Number.isInteger(count) && count >= 1)) {
        throw new CoverageError('ERR_INVALID_OPTION', 'reasonings: give whole numbers of at least 1.', {
          place: { field: 'reasonings' },
        });
      }
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total !== values.responses) {
        throw new CoverageError(
          'ERR_SHAPE_MISMATCH',
          `Every model has ${values.responses} log-probabilities, but the reasonings of all responses add up to ${total}.`,
          { place: { field: 'reasonings' } },
        );
      }
      const ofResponse = Uint32Array.from(counts.flatMap((count, response) => new Array<number>(count).fill(response)));
      return new AnswerLogProbs(values, { ofResponse, responses: counts.length, ...of });
    });
  }

  /** Names of the models, in row order. */
  get models(): readonly string[] {
    return this.values.models;
  }

  /** What readers noticed, and where the values came from. */
  get metadata(): Pick<LogProbsMetadata, 'sources' | 'warnings'> {
    return this.values.metadata;
  }

  /** The same answers under the models named, in that order. Values are shared, not copied. */
  selectModels(models: readonly (number | string)[]): AnswerLogProbs {
    return new AnswerLogProbs(this.values.selectModels(models), this);
  }

  /** Gives the memory back now; later use throws `ERR_DISPOSED`. */
  dispose(): void {
    this.values.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
