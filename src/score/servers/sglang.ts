import { isObject } from '../../input/json.js';
import { type Client, Fault } from '../client.js';
import { type Scored, sumTokens } from '../values.js';
import type { Item, Scorer, Text } from './scorer.js';
import { otherIds, tokenizeByRoute } from './vllm.js';

/** SGLang's own route: `input_ids`, and `input_token_logprobs` from the last token of the prompt on. */
export class SglangScorer implements Scorer {
  readonly kind = 'sglang';
  readonly batches = true;
  readonly #client: Client;
  readonly #model: string;
  /** Whether the server has `/tokenize`; found out by the first call. */
  #tokenizes = true;

  constructor(client: Client, model: string) {
    this.#client = client;
    this.#model = model;
  }

  readonly tokenize = async (text: Text, signal?: AbortSignal): Promise<number[]> => {
    if (this.#tokenizes) {
      try {
        return await tokenizeByRoute(this.#client, this.#model, text, signal);
      } catch (error) {
        if (!(error instanceof Fault) || error.status !== 404) throw error;
        this.#tokenizes = false;
      }
    }
    if ('messages' in text)
      throw new Fault('fatal', 'this server has no /tokenize, by which messages are rendered: give promptTokens');
    if (!text.special) {
      throw new Fault(
        'fatal',
        'this server has no /tokenize, so that texts cannot be tokenised without special tokens: give promptTokens and responseTokens',
      );
    }
    const [entries] = await this.#entries({ text: text.text, logprob_start_len: 0 }, 1, signal);
    return entries!.map(([, id]) => id as number);
  };

  async score(items: readonly Item[], signal?: AbortSignal, onReceived?: () => void): Promise<Scored[]> {
    const ids = items.map(({ prompt, response }) => [
      ...(prompt as readonly number[]),
      ...(response as readonly number[]),
    ]);
    // The entry at the start is always null: it is the prompt's last token.
    const starts = items.map(({ prompt }) => prompt.length - 1);
    const one = items.length === 1;
    const input = { input_ids: one ? ids[0] : ids, logprob_start_len: one ? starts[0] : starts };
    const lists = await this.#entries(input, items.length, signal, onReceived);
    return lists.map((entries, index) => {
      const response = items[index]!.response as readonly number[];
      const own = entries.slice(-response.length);
      if (entries.length < response.length || entries.length > response.length + 1) {
        throw new Fault(
          'broken',
          `log-probabilities of ${response.length} tokens were asked for, ${entries.length} came`,
        );
      }
      if (own.some(([, id], place) => id !== response[place])) throw otherIds();
      return sumTokens(own.map(([value]) => value));
    });
  }

  async #entries(
    input: object,
    count: number,
    signal: AbortSignal | undefined,
    onReceived?: () => void,
  ): Promise<unknown[][][]> {
    const sampling_params = { max_new_tokens: 1, temperature: 0 };
    const body = { ...input, sampling_params, return_logprob: true };
    const answer = await this.#client.call('/generate', body, signal, onReceived);
    const answers = Array.isArray(answer) ? answer : [answer];
    if (answers.length !== count) throw new Fault('broken', `${count} answers were asked for, ${answers.length} came`);
    return answers.map((each) => {
      const entries =
        isObject(each) && isObject(each['meta_info']) ? each['meta_info']['input_token_logprobs'] : undefined;
      // Pairs in some versions, triples in others.
      if (Array.isArray(entries) && entries.every((entry) => Array.isArray(entry) && entry.length >= 2)) return entries;
      throw new Fault('broken', 'the answer has no input_token_logprobs');
    });
  }
}
