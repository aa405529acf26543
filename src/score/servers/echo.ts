import { isObject } from '../../input/json.js';
import { type Client, Fault } from '../client.js';
import { type Scored, sumTokens } from '../values.js';
import type { Item, Scorer } from './scorer.js';
import { choicesInOrder } from './vllm.js';

/** How much of an answer is asked for beside the echo: some servers refuse 0. */
export interface EchoManner {
  readonly maxTokens: 0 | 1;
  readonly logprobs: 0 | 1;
}

/** Completions that echo the prompt with its log-probabilities: the boundary is found by the offsets of the tokens. */
export class EchoScorer implements Scorer {
  readonly kind = 'echo';
  readonly batches = true;
  readonly tokenize = null;
  readonly #client: Client;
  readonly #model: string;
  readonly #manner: EchoManner;

  constructor(client: Client, model: string, manner: EchoManner) {
    this.#client = client;
    this.#model = model;
    this.#manner = manner;
  }

  async score(items: readonly Item[], signal?: AbortSignal, onReceived?: () => void): Promise<Scored[]> {
    const prompts = items.map(({ prompt, response }) =>
      typeof prompt === 'string' && typeof response === 'string'
        ? prompt + response
        : [...(prompt as readonly number[]), ...(response as readonly number[])],
    );
    const { maxTokens, logprobs } = this.#manner;
    const answer = await this.#client.call(
      '/v1/completions',
      {
        model: this.#model,
        prompt: prompts.length === 1 ? prompts[0] : prompts,
        max_tokens: maxTokens,
        echo: true,
        logprobs,
        temperature: 0,
      },
      signal,
      onReceived,
    );
    return choicesInOrder(answer, items.length, this.#model).map((choice, index) => echoed(choice, items[index]!));
  }
}

function echoed(choice: Record<string, unknown>, { prompt, response }: Item): Scored {
  const { logprobs } = choice;
  const { token_logprobs: values, tokens, text_offset: offsets } = isObject(logprobs) ? logprobs : {};
  if (!Array.isArray(values) || !Array.isArray(tokens) || tokens.length !== values.length) {
    throw new Fault('broken', 'the answer has no token_logprobs beside tokens');
  }
  if (typeof prompt !== 'string') {
    const length = prompt.length + response.length;
    if (values.length < length)
      throw new Fault('broken', `log-probabilities of ${length} tokens were asked for, ${values.length} came`);
    return sumTokens(values.slice(prompt.length, length));
  }
  if (!Array.isArray(offsets) || offsets.length !== values.length)
    throw new Fault('broken', 'the answer has no text_offset');
  // Offsets count code points, as Python does.
  const before = [...prompt].length;
  const end = before + [...(response as string)].length;
  const start = offsets.findIndex((offset) => offset >= before);
  // What was generated comes after the text.
  const stop = offsets.findIndex((offset, index) => index > start && offset >= end);
  const last = stop < 0 ? values.length : stop;
  const fits = start >= 0 && offsets[start] === before && tokens.slice(start, last).join('') === response;
  if (!fits) {
    throw new Fault(
      'refused',
      'a token spans the end of the prompt and the beginning of the response (or the server’s offsets do not fit the text): move the blank to the response, or use a server that takes token ids',
    );
  }
  return sumTokens(values.slice(start, last), tokens.slice(start, last));
}
