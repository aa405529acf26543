import { isObject } from '../../input/json.js';
import { type Client, Fault } from '../client.js';
import { type Scored, sumTokens } from '../values.js';
import type { Item, Scorer, Text } from './scorer.js';
import { tokenizeByRoute } from './vllm.js';

const ROUTE = '/inference/v1/generate';

/**
 * vLLM's generate route: ids in, and out only the log-probabilities of those that are asked for, of the response's rows alone,
 * as an array. The server computes no others and writes no texts of tokens.
 */
export class GenerateScorer implements Scorer {
  readonly kind = 'vllm-generate';
  readonly batches = false;
  readonly #client: Client;
  readonly #model: string;

  constructor(client: Client, model: string) {
    this.#client = client;
    this.#model = model;
  }

  readonly tokenize = (text: Text, signal?: AbortSignal): Promise<number[]> =>
    tokenizeByRoute(this.#client, this.#model, text, signal);

  score(items: readonly Item[], signal?: AbortSignal, onReceived?: () => void): Promise<Scored[]> {
    return Promise.all(items.map((item) => this.#one(item, signal, onReceived)));
  }

  async #one(
    { prompt, response }: Item,
    signal: AbortSignal | undefined,
    onReceived: (() => void) | undefined,
  ): Promise<Scored> {
    const [before, own] = [prompt as readonly number[], response as readonly number[]];
    const answer = await this.#client.call(ROUTE, asked(this.#model, before, own), signal, onReceived);
    const { model, prompt_token_id_logprobs: array } = (answer ?? {}) as Record<string, unknown>;
    if (typeof model === 'string' && model !== this.#model) {
      throw new Fault('fatal', `the answer is of the model ${model}, not of ${this.#model}`);
    }
    const values = typeof array === 'string' ? floatsOf(array) : null;
    if (values?.length !== own.length) {
      throw new Fault(
        'broken',
        `log-probabilities of ${own.length} tokens were asked for, ${values === null ? 'none' : values.length} came`,
      );
    }
    return sumTokens(values);
  }
}

/** Row i of the array is of token `prompt_logprob_start + i + 1`: the first row asked for is the prompt's last token. */
function asked(model: string, prompt: readonly number[], response: readonly number[]): object {
  return {
    model,
    token_ids: [...prompt, ...response],
    sampling_params: {
      max_tokens: 1,
      temperature: 0,
      prompt_logprob_start: prompt.length - 1,
      prompt_logprob_token_ids: response.map((id) => [id]),
    },
  };
}

/** Nats that two ways of computing one log-probability may be apart in half precision; a row off is apart by more. */
const ALIKE = 0.1;

/**
 * Whether a server has the route, turned on, with the runner that computes what is asked of it, and what comes is what
 * completions give for the same tokens: `values`, that of each of `ids` after the first.
 */
export async function generates(
  client: Client,
  model: string,
  ids: readonly number[],
  values: readonly number[],
  signal?: AbortSignal,
): Promise<boolean> {
  if (ids.length < 3 || values.length !== ids.length - 1) return false;
  const { status, value } = await client.ask(ROUTE, asked(model, ids.slice(0, 1), ids.slice(1)), signal);
  const array = status === 200 && isObject(value) ? value['prompt_token_id_logprobs'] : undefined;
  const theirs = typeof array === 'string' ? floatsOf(array) : null;
  return theirs?.length === values.length && theirs.every((each, index) => Math.abs(each - values[index]!) <= ALIKE);
}

/** The numbers of a column of float32 in the bytes of a `.npy`, in base64; `null` if it is none. */
function floatsOf(text: string): number[] | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < 10 || bytes.toString('latin1', 0, 8) !== '\x93NUMPY\x01\x00') return null;
  const start = 10 + bytes.readUInt16LE(8);
  const head = bytes.toString('latin1', 10, start);
  const [, rows] = /'shape': \((\d+), 1\)/.exec(head) ?? [];
  if (rows === undefined || !head.includes("'descr': '<f4'") || bytes.length !== start + 4 * Number(rows)) return null;
  return Array.from({ length: Number(rows) }, (_, row) => bytes.readFloatLE(start + 4 * row));
}
