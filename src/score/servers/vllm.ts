import { isObject } from '../../input/json.js';
import { plural } from '../../text/format.js';
import { type Client, Fault } from '../client.js';
import { type Scored, sumTokens } from '../values.js';
import { type Item, type Scorer, sameIds, type Text } from './scorer.js';

/** vLLM's completions: prompts as token ids, `prompt_logprobs` looked up by id. */
export class VllmScorer implements Scorer {
  readonly kind = 'vllm';
  readonly batches = true;
  readonly #client: Client;
  readonly #model: string;

  constructor(client: Client, model: string) {
    this.#client = client;
    this.#model = model;
  }

  readonly tokenize = (text: Text, signal?: AbortSignal): Promise<number[]> =>
    tokenizeByRoute(this.#client, this.#model, text, signal);

  async score(items: readonly Item[], signal?: AbortSignal, onReceived?: () => void): Promise<Scored[]> {
    const ids = items.map(idsOf);
    const answer = await this.#client.call(
      '/v1/completions',
      {
        model: this.#model,
        prompt: ids.length === 1 ? ids[0] : ids,
        max_tokens: 1,
        prompt_logprobs: 0,
        return_token_ids: true,
        temperature: 0,
      },
      signal,
      onReceived,
    );
    const choices = choicesInOrder(answer, items.length, this.#model);
    return choices.map((choice, index) => scoreOf(choice, items[index]!, ids[index]!));
  }
}

function idsOf({ prompt, response }: Item): number[] {
  return [...(prompt as readonly number[]), ...(response as readonly number[])];
}

/** The choices of an answer by their index: their order in the list means nothing. */
export function choicesInOrder(answer: unknown, count: number, model: string): Record<string, unknown>[] {
  const { choices, model: answering } = (answer ?? {}) as { choices?: unknown; model?: unknown };
  if (typeof answering === 'string' && answering !== model) {
    throw new Fault('fatal', `the answer is of the model ${answering}, not of ${model}`);
  }
  if (!Array.isArray(choices) || choices.length !== count) {
    throw new Fault(
      'broken',
      `${plural(count, 'choice')} asked for, ${Array.isArray(choices) ? choices.length : 'none'} came`,
    );
  }
  const ordered = new Array<Record<string, unknown>>(count);
  for (const choice of choices) {
    const index = isObject(choice) ? choice['index'] : undefined;
    if (typeof index !== 'number' || !(index >= 0 && index < count) || index in ordered) {
      throw new Fault('broken', 'the choices are not numbered one by one');
    }
    ordered[index] = choice as Record<string, unknown>;
  }
  return ordered;
}

function scoreOf(choice: Record<string, unknown>, { prompt, response }: Item, ids: readonly number[]): Scored {
  const { prompt_logprobs: entries, prompt_token_ids: echoed } = choice;
  if (!Array.isArray(entries) || entries.length !== ids.length) {
    throw new Fault(
      'broken',
      `log-probabilities of ${ids.length} tokens were asked for, ${Array.isArray(entries) ? entries.length : 'none'} came`,
    );
  }
  if (Array.isArray(echoed) && !sameIds(echoed, ids)) throw otherIds();
  const values = entries.slice(prompt.length).map((entry, index) => {
    if (entry === null) return null;
    // The token itself, never the first or the best of those that are listed.
    const own = isObject(entry) ? entry[String((response as readonly number[])[index])] : undefined;
    if (own === undefined) throw otherIds();
    return isObject(own) ? own['logprob'] : own;
  });
  return sumTokens(values);
}

/** The error of an answer about other tokens than those that were sent. */
export function otherIds(): Fault {
  return new Fault('broken', 'the answer is about other token ids than those that were sent');
}

/** Token ids by `/tokenize`, which vLLM and SGLang have. */
export async function tokenizeByRoute(
  client: Client,
  model: string,
  text: Text,
  signal?: AbortSignal,
): Promise<number[]> {
  const body =
    'messages' in text
      ? { model, messages: text.messages, add_generation_prompt: true }
      : { model, prompt: text.text, add_special_tokens: text.special };
  const { tokens } = ((await client.call('/tokenize', body, signal)) ?? {}) as { tokens?: unknown };
  if (Array.isArray(tokens) && tokens.every((id) => Number.isSafeInteger(id) && id >= 0)) return tokens;
  throw new Fault('broken', 'the answer of /tokenize has no list of token ids');
}
