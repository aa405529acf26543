import { answer, CoverageError } from '../error.js';
import { callNative, native } from '../native.js';

type Handle = InstanceType<typeof native.ResponsesHandle>;

/** One response y = y_1 … y_H to one prompt x. */
export interface Response {
  /** Index of the prompt. */
  readonly prompt: number;
  /** Tokens, each below the vocabulary size. */
  readonly tokens: readonly number[];
}

interface Arrays {
  readonly prompts: Float64Array;
  readonly tokens: Uint32Array;
  /** Where each response begins, and where the last ends. */
  readonly starts: Uint32Array;
}

/**
 * Responses that live in Rust, each a list of tokens to a prompt. Lengths may differ: a response shorter than a model's
 * horizon stands for the event that it is how the whole response begins.
 */
export class Responses {
  readonly #handle: Handle;
  #arrays: Arrays | undefined;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /**
   * Responses from a list.
   *
   * @throws CoverageError `ERR_SHAPE_MISMATCH` for a prompt or token that is no index
   */
  static from(list: Iterable<Response>): Responses {
    const [prompts, tokens, lengths]: [number[], number[], number[]] = [[], [], []];
    answer('Responses.from()', () => {
      for (const response of list) {
        const fault = isPrompt(response.prompt) ? response.tokens.find((token) => !isToken(token)) : response.prompt;
        if (fault !== undefined) {
          throw new CoverageError(
            'ERR_SHAPE_MISMATCH',
            `Response ${prompts.length} has ${fault} where a prompt or a token is a whole number of at least 0.`,
            { place: { response: String(prompts.length) } },
          );
        }
        prompts.push(response.prompt);
        for (const token of response.tokens) tokens.push(token);
        lengths.push(response.tokens.length);
      }
    });
    return Responses.fromArrays({
      prompts,
      tokens: Uint32Array.from(tokens),
      lengths: Uint32Array.from(lengths),
    });
  }

  /**
   * Responses from arrays; copied once. `tokens` has all tokens, one response after the other, `lengths[i]` of them to
   * `prompts[i]` (`horizon` of them each, where that is given instead).
   *
   * @throws CoverageError `ERR_SHAPE_MISMATCH` if the lengths do not add up
   */
  static fromArrays(
    arrays: {
      readonly prompts: ArrayLike<number>;
      readonly tokens: Uint32Array;
    } & ({ readonly lengths: Uint32Array } | { readonly horizon: number }),
  ): Responses {
    const of = answer('Responses.fromArrays()', () => Float64Array.from(arrays.prompts));
    const { tokens } = arrays;
    if (!of.every(isPrompt)) {
      throw new CoverageError('ERR_SHAPE_MISMATCH', 'Prompts are numbered by whole numbers of at least 0.');
    }
    const lengths = 'lengths' in arrays ? arrays.lengths : new Uint32Array(of.length).fill(arrays.horizon);
    return new Responses(callNative(() => native.ResponsesHandle.fromArrays(of, tokens, lengths)));
  }

  /** How many there are. */
  get count(): number {
    return this.#handle.count;
  }

  /** The prompt of each; a copy that later calls share. */
  get prompts(): Float64Array {
    return this.#read().prompts;
  }

  /** All tokens, one response after the other; a copy that later calls share. */
  get tokens(): Uint32Array {
    return this.#read().tokens;
  }

  /** Response `index`. */
  at(index: number): Response {
    const { prompts, tokens, starts } = this.#read();
    if (!(index in prompts)) {
      throw new CoverageError('ERR_SHAPE_MISMATCH', `There is no response ${String(index)}: there are ${this.count}.`);
    }
    return { prompt: prompts[index]!, tokens: [...tokens.subarray(starts[index], starts[index + 1])] };
  }

  /** All responses in order. */
  *[Symbol.iterator](): Generator<Response> {
    for (let index = 0; index < this.count; index += 1) yield this.at(index);
  }

  /** The responses `start`, …, `end` − 1. */
  slice(start: number, end: number = this.count): Responses {
    return new Responses(callNative(() => this.#handle.slice(start, end)));
  }

  /** Splits values that are given token by token, one response after the other, into views of one response each. */
  splitByResponse(values: Float64Array): Float64Array[] {
    const { starts } = this.#read();
    return answer('splitByResponse()', () =>
      Array.from({ length: this.count }, (_, index) => values.subarray(starts[index], starts[index + 1])),
    );
  }

  #read(): Arrays {
    this.#arrays ??= callNative(() => {
      const lengths = this.#handle.lengths();
      const starts = new Uint32Array(lengths.length + 1);
      lengths.forEach((length, index) => {
        starts[index + 1] = starts[index]! + length;
      });
      return { prompts: this.#handle.prompts(), tokens: this.#handle.tokens(), starts };
    });
    return this.#arrays;
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }
}

function isToken(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}

function isPrompt(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
