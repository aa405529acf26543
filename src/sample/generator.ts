import { createHash } from 'node:crypto';
import { CoverageError } from '../error.js';
import { isObject } from '../input/json.js';
import { type Client, Fault } from '../score/client.js';
import type { ServerInput } from '../score/options.js';
import { servedModel, softwareOf, whatStands } from '../score/servers/discover.js';
import { choicesInOrder } from '../score/servers/vllm.js';
import type { CheckedSampleOptions } from './options.js';
import type { PromptRow } from './prompts.js';

/** A response as a server gave it. */
export interface Sampled {
  readonly text: string;
  /** Why it ended: `stop`, or `length` where it was cut. */
  readonly finish: string | null;
}

/** How responses are drawn. */
type Sampling = Pick<CheckedSampleOptions, 'temperature' | 'topP' | 'maxTokens' | 'stop'>;

/** A server that responds to prompts by OpenAI-shaped completions, to messages by chat completions. */
export class Generator {
  /** Name and version of the software, where it tells. */
  readonly software: string;
  /** What it calls the model. */
  readonly served: string;
  readonly #client: Client;

  private constructor(client: Client, software: string, served: string) {
    this.#client = client;
    this.software = software;
    this.served = served;
  }

  /**
   * Finds out what stands at an address, holds the model to the name, and tries the ways in which `rows` have prompts.
   *
   * @throws CoverageError `ERR_SERVER`, `ERR_UNSUPPORTED_SERVER`, `ERR_WRONG_MODEL`
   */
  static async find(
    client: Client,
    server: ServerInput,
    rows: readonly PromptRow[],
    signal: AbortSignal,
  ): Promise<Generator> {
    const facts = await whatStands(client, server, signal);
    const { served } = servedModel(facts.models, server, client.url);
    const generator = new Generator(client, softwareOf(facts) ?? 'OpenAI-shaped', served);
    if (rows.some(({ messages }) => messages === undefined)) {
      const advice = 'give prompts as messages, or serve the model with a server that has completions';
      await generator.#try({ prompt: 'one two' }, server.name, advice, signal);
    }
    if (rows.some(({ messages }) => messages !== undefined)) {
      const advice = 'give prompts as texts, or serve a model that has a chat template';
      await generator.#try({ messages: [{ role: 'user', content: 'one two' }] }, server.name, advice, signal);
    }
    return generator;
  }

  async #try(prompt: Asked, name: string, advice: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#client.ask(pathOf(prompt), { model: this.served, ...prompt, max_tokens: 1 }, signal);
    if (answer.status === 200) return;
    const fault = this.#client.refusal(answer);
    if (answer.status === 401 || answer.status === 403 || fault.kind === 'busy') throw fault;
    const what = 'messages' in prompt ? 'messages' : 'texts';
    throw new CoverageError(
      'ERR_UNSUPPORTED_SERVER',
      `${this.#client.url} does not respond to ${what} (${fault.message}): ${advice}.`,
      { place: { model: name, field: 'servers' } },
    );
  }

  /** One response to a prompt. `onReceived` is called once the answer is there, before it is read. Throws `Fault`. */
  async generate(
    row: PromptRow,
    sampling: Sampling,
    seed: number,
    signal: AbortSignal,
    onReceived: () => void,
  ): Promise<Sampled> {
    const { messages, promptTokens, prompt } = row;
    const asked: Asked = messages === undefined ? { prompt: promptTokens ?? prompt! } : { messages };
    const { temperature, topP, maxTokens, stop } = sampling;
    const answer = await this.#client.call(
      pathOf(asked),
      {
        model: this.served,
        ...asked,
        max_tokens: maxTokens,
        temperature,
        top_p: topP,
        seed,
        ...(stop.length > 0 && { stop }),
      },
      signal,
      onReceived,
    );
    const [choice] = choicesInOrder(answer, 1, this.served);
    const { finish_reason: reason, text, message } = choice!;
    const finish = typeof reason === 'string' ? reason : null;
    const content = messages === undefined ? text : isObject(message) ? message['content'] : undefined;
    if (typeof content === 'string') return { text: content, finish };
    // A model that thinks first may be cut before it says anything.
    if (content === null && finish === 'length') return { text: '', finish };
    throw new Fault('broken', 'the answer has no text');
  }
}

/** What is asked: completions of a prompt, or chat completions of messages. */
type Asked = { readonly prompt: string | readonly number[] } | { readonly messages: readonly object[] };

function pathOf(asked: Asked): string {
  return 'messages' in asked ? '/v1/chat/completions' : '/v1/completions';
}

/** The seed of one sample: by the seed of the run, the id of the prompt and the number of the sample, so that no two share one. */
export function seedOf(seed: number, id: string | number, index: number): number {
  const bytes = createHash('sha256')
    .update(JSON.stringify([seed, String(id), index]))
    .digest();
  // What servers take: 31 bits.
  return bytes.readUInt32BE(0) >>> 1;
}
