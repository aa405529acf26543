import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';

/** A fault of one answer; `null` is none. */
export type FaultKind =
  | 'rate' // 429
  | 'error' // 500
  | 'memory' // 500 that says out of memory
  | 'drop' // connection closed before an answer
  | 'half' // half an answer, then the connection closes
  | 'truncated' // half an answer as if it were whole
  | 'slow' // the first byte comes late
  | 'nan'
  | 'clamped' // −9999
  | 'null'
  | 'positive'
  | 'otherIds'
  | 'missing' // a choice less
  | 'reordered' // choices in another order
  | 'huge' // a body over 512 MB
  | 'unauthorised';

export interface FakeOptions {
  readonly model: string;
  readonly kind?: 'vllm' | 'sglang' | 'echo' | 'llamacpp' | 'chat' | 'plain' | 'ignoresEcho';
  /** Which fault the answer to a scoring request has; `ids` is its first list. */
  readonly fault?: (request: number, ids: readonly number[]) => FaultKind | null;
  /** What the model is called in answers. */
  readonly answersAs?: string;
  readonly maxLength?: number;
  /** What is said to a prompt (its text, or that of its last message) with a seed; without it, `x`. */
  readonly says?: (prompt: string, body: Record<string, unknown>) => { text: string | null; finish?: string };
  /** Seed of the weights; by default the name. */
  readonly weights?: string;
  /** Seed of the tokenizer. */
  readonly tokenizer?: string;
  /** Share of the prompts that the model is bad at: log-probabilities of their tokens are lower by {@link WEAKNESS}. */
  readonly weak?: number;
  /** Noise that depends on how many requests are under way. */
  readonly noise?: number;
  readonly key?: string;
  /** Whether vLLM's generate route is there, or answers with the row before the one that is asked for. */
  readonly generate?: boolean | 'shifted';
  /** Milliseconds that an answer takes. */
  readonly latency?: number;
  readonly slowMs?: number;
}

const BOS = 1;

/** Splits a text as the fake tokenizers do: words with the blank before them, else characters. */
function split(text: string): string[] {
  return text.match(/ ?[\p{L}\p{N}]+|[\s\S]/gu) ?? [];
}

function idOf(token: string, seed = ''): number {
  return 10 + (createHash('sha1').update(`${seed}|${token}`).digest().readUInt32BE(0) % 1_000_000);
}

export function idsOf(text: string, seed = ''): number[] {
  return split(text).map((token) => idOf(token, seed));
}

/** Log-probability of a token after others: any function of the weights and all tokens so far. */
function tokenLogProb(weights: string, ids: readonly number[], at: number): number {
  const bytes = createHash('sha1')
    .update(`${weights}|${ids.slice(0, at + 1).join(',')}`)
    .digest();
  return -(bytes.readUInt32BE(0) / 2 ** 32) * 8 - 0.001;
}

/** Nats that the tokens of a prompt lose which a model is bad at. */
const WEAKNESS = 4;

function weakness(weights: string, ids: readonly number[], share: number): number {
  const bytes = createHash('sha1')
    .update(`${weights}|weak|${ids.join(',')}`)
    .digest();
  return bytes.readUInt32BE(0) / 2 ** 32 < share ? WEAKNESS : 0;
}

/** The right log-probability of a response. */
export function rightLogProb(
  weights: string,
  prompt: readonly number[],
  response: readonly number[],
  weak = 0,
): number {
  const ids = [...prompt, ...response];
  const less = weakness(weights, ids, weak);
  return response.reduce((sum, _, index) => sum + tokenLogProb(weights, ids, prompt.length + index) - less, 0);
}

/** A server of the tests' own: shaped like the real ones, with a model that is a hash, and faults where a test wants them. */
export class FakeServer {
  readonly url: string;
  readonly #server: Server;
  readonly options: FakeOptions;
  /** Scoring requests so far. */
  requests = 0;
  /** Most at a time. */
  mostAtOnce = 0;
  underWay = 0;
  /** What was asked of it to respond to and answered. */
  readonly bodies: Record<string, unknown>[] = [];
  readonly seenKeys = new Set<string | undefined>();
  /** How often each list of ids was answered rightly. */
  readonly answered = new Map<string, number>();

  private constructor(server: Server, options: FakeOptions) {
    this.#server = server;
    this.options = options;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(options: FakeOptions): Promise<FakeServer> {
    let fake: FakeServer;
    const server = createServer((request, response) => {
      fake.#handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    fake = new FakeServer(server, options);
    return fake;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { kind = 'vllm', model, key } = this.options;
    this.seenKeys.add(request.headers.authorization);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = pieces.length > 0 ? JSON.parse(Buffer.concat(pieces).toString('utf8')) : undefined;
    const send = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, message: string) =>
      send(status, { error: { message, type: 'Error', param: null, code: status } });
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      return refuse(401, `Incorrect API key provided: ${request.headers.authorization}`);
    }
    const path = request.url ?? '';
    const owner = { vllm: 'vllm', sglang: 'sglang', llamacpp: 'llamacpp' }[kind as string] ?? 'someone';
    if (path === '/v1/models') {
      return send(200, {
        object: 'list',
        data: [
          {
            id: model,
            object: 'model',
            owned_by: owner,
            root: `/models/${model}`,
            max_model_len: this.options.maxLength ?? 4096,
          },
        ],
      });
    }
    if (path === '/version' && kind === 'vllm') return send(200, { version: '0.32.0' });
    if (path === '/get_model_info' && kind === 'sglang')
      return send(200, { model_path: `/models/${model}`, is_generation: true });
    if (path === '/get_server_info' && kind === 'sglang') return send(200, { version: '0.5.4' });
    if (path === '/props' && kind === 'llamacpp') return send(200, { default_generation_settings: {} });
    if (path === '/tokenize' && (kind === 'vllm' || kind === 'sglang')) return send(200, this.#tokenize(body));
    if (path === '/v1/chat/completions' && body?.messages !== undefined) return this.#respond(body, response, refuse);
    if (path === '/v1/chat/completions' && kind === 'chat') return refuse(400, 'messages is missing');
    if (path === '/v1/completions' && kind !== 'chat' && this.options.says !== undefined) {
      return this.#respond(body, response, refuse);
    }
    if (path === '/generate' && kind === 'sglang') return this.#score(body, response, refuse);
    if (path === '/inference/v1/generate' && this.options.generate) return this.#score(body, response, refuse);
    if (path === '/v1/completions' && kind !== 'chat' && kind !== 'sglang') {
      if (body.model !== model && body.model !== this.options.answersAs) {
        return refuse(404, `The model \`${body.model}\` does not exist.`);
      }
      return this.#score(body, response, refuse);
    }
    return refuse(404, 'Not Found');
  }

  #tokenize(body: { prompt?: string; messages?: { role: string; content: string }[]; add_special_tokens?: boolean }) {
    const { tokenizer = '' } = this.options;
    const text =
      body.prompt ?? `${body.messages!.map(({ role, content }) => `[${role}]${content}`).join('')}[assistant]`;
    const special = body.messages === undefined && body.add_special_tokens !== false ? [BOS] : [];
    const tokens = [...special, ...idsOf(text, tokenizer)];
    return { count: tokens.length, max_model_len: 4096, tokens, token_strs: null };
  }

  /** Responds to a prompt or to messages. */
  async #respond(
    body: Record<string, unknown>,
    response: ServerResponse,
    refuse: (status: number, message: string) => void,
  ): Promise<void> {
    const { model, says, answersAs, fault, latency = 0 } = this.options;
    const messages = body['messages'] as { content: string }[] | undefined;
    const prompt = messages?.at(-1)?.content ?? String(body['prompt']);
    const trial = prompt === 'one two';
    const number = trial ? -1 : this.requests++;
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency));
    const what = trial ? null : (fault?.(number, []) ?? null);
    if (what === 'error') return refuse(500, 'Internal error');
    if (what === 'unauthorised') return refuse(401, 'no');
    if (what === 'rate') return refuse(429, 'Too many requests');
    if (what === 'drop') return void response.destroy();
    if (!trial) this.bodies.push(body);
    const { text, finish = 'stop' } = says?.(prompt, body) ?? { text: 'x' };
    const said = what === 'null' ? null : text;
    const content = messages === undefined ? { text: said } : { message: { role: 'assistant', content: said } };
    const choices = what === 'missing' ? [] : [{ index: 0, ...content, finish_reason: finish }];
    const answer = JSON.stringify({
      id: 'cmpl-1',
      model: what === 'otherIds' ? 'another' : (answersAs ?? model),
      choices,
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(what === 'truncated' ? answer.slice(0, answer.length / 2) : answer);
  }

  async #score(
    body: Record<string, unknown>,
    response: ServerResponse,
    refuse: (status: number, message: string) => void,
  ): Promise<void> {
    const { kind = 'vllm', fault, latency = 0, slowMs = 2000 } = this.options;
    const prompt = body['prompt'] ?? body['input_ids'] ?? body['token_ids'] ?? body['text'];
    const list = (
      typeof prompt === 'string' || (Array.isArray(prompt) && typeof prompt[0] === 'number') ? [prompt] : prompt
    ) as unknown[];
    const ids = list.map((each) => (typeof each === 'string' ? idsOf(each) : (each as number[])));
    // The trial of a server that is found out is no scoring request.
    const trial = ids[0]!.join() === idsOf('one two three four five').join();
    const number = trial ? -1 : this.requests++;
    this.underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.underWay);
    const own = this.underWay;
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency));
    try {
      const what = trial ? null : (fault?.(number, ids[0]!) ?? null);
      if (what === 'rate') {
        response.setHeader('retry-after', '0.05');
        return refuse(429, 'Too many requests');
      }
      if (what === 'error') return refuse(500, 'Internal error');
      if (what === 'memory') return refuse(500, 'CUDA out of memory');
      if (what === 'unauthorised') return refuse(401, 'no');
      if (what === 'drop') return void response.destroy();
      if (what === 'huge') return await sendHuge(response);
      if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, slowMs));
      const most = this.options.maxLength ?? 4096;
      if (ids.some((each) => each.length + 1 > most))
        return refuse(400, `This model's maximum context length is ${most} tokens.`);
      const answer =
        kind === 'sglang'
          ? this.#sglang(body, ids, what, own)
          : body['token_ids'] !== undefined
            ? this.#generate(body, ids[0]!, what, own)
            : this.#completions(body, list, ids, what, own);
      const text = toJson(answer);
      if (what === 'half') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.write(text.slice(0, text.length / 2));
        await new Promise((resolve) => setTimeout(resolve, 5));
        return void response.destroy();
      }
      if (!trial && (what === null || what === 'slow' || what === 'reordered')) {
        for (const each of ids) this.answered.set(each.join(), (this.answered.get(each.join()) ?? 0) + 1);
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(what === 'truncated' ? text.slice(0, text.length / 2) : text);
    } finally {
      this.underWay -= 1;
    }
  }

  #values(ids: readonly number[], from: number, fault: FaultKind | null, beside: number): unknown[] {
    const { weights = this.options.model, noise = 0, weak = 0 } = this.options;
    const less = weakness(weights, ids, weak) + noise * (beside - 1);
    const values: unknown[] = ids.map((_, at) => (at === 0 ? null : tokenLogProb(weights, ids, at) - less));
    const last = ids.length - 1;
    if (fault === 'nan') values[last] = Number.NaN;
    if (fault === 'clamped') values[last] = -9999.0;
    if (fault === 'null') values[last] = null;
    if (fault === 'positive') values[last] = 0.5;
    return values.slice(from);
  }

  #completions(
    body: Record<string, unknown>,
    list: unknown[],
    all: readonly number[][],
    fault: FaultKind | null,
    beside: number,
  ) {
    const { kind = 'vllm', model, answersAs } = this.options;
    let choices: object[] = all.map((ids, index) => {
      const values = this.#values(ids, 0, fault, beside);
      const told = fault === 'otherIds' ? ids.map((id) => id + 1) : ids;
      const choice = { index, text: 'x', finish_reason: 'length' };
      if (kind === 'vllm' && body['prompt_logprobs'] !== undefined) {
        const entries = values.map((logprob, at) =>
          at === 0
            ? null
            : // The best token comes first, and is not the one that is meant.
              logprob === null
              ? null
              : {
                  7: { logprob: -0.01, rank: 1, decoded_token: '?' },
                  [String(told[at])]: { logprob, rank: 9, decoded_token: '!' },
                },
        );
        return {
          ...choice,
          logprobs: null,
          prompt_logprobs: entries,
          ...(body['return_token_ids'] ? { prompt_token_ids: told } : {}),
        };
      }
      if (kind === 'plain') return { ...choice, logprobs: null };
      if (kind === 'ignoresEcho' || body['echo'] !== true) {
        return { ...choice, logprobs: { tokens: ['x'], token_logprobs: [-1], text_offset: [0], top_logprobs: null } };
      }
      const text = list[index] as string;
      const tokens = split(text);
      const offsets = tokens.map((_, at) => [...tokens.slice(0, at).join('')].length);
      const generated = body['max_tokens'] === 0 ? [] : ['x'];
      return {
        ...choice,
        text: text + generated.join(''),
        logprobs: {
          tokens: [...tokens, ...generated],
          token_logprobs: [...values, ...generated.map(() => -1)],
          text_offset: [...offsets, ...generated.map(() => [...text].length)],
          top_logprobs: null,
        },
      };
    });
    if (fault === 'missing') choices = choices.slice(1);
    if (fault === 'reordered') choices = choices.reverse();
    return { id: 'cmpl-1', object: 'text_completion', model: answersAs ?? model, choices };
  }

  #generate(body: Record<string, unknown>, ids: readonly number[], fault: FaultKind | null, beside: number) {
    const { model, answersAs, generate } = this.options;
    const { prompt_logprob_start: start, prompt_logprob_token_ids: rows } = body['sampling_params'] as {
      prompt_logprob_start: number;
      prompt_logprob_token_ids: number[][];
    };
    const told = rows.map(([id], row) => id === ids[start + row + 1]);
    if (told.includes(false) || rows.length !== ids.length - 1 - start) throw new Error('other rows than those of ids');
    const from = start + (generate === 'shifted' ? 0 : 1);
    const values = this.#values(ids, 0, fault, beside).slice(from, from + rows.length);
    const some = fault === 'missing' ? values.slice(1) : values;
    const numbers = Float32Array.from(some, (value) => (value === null ? Number.NaN : (value as number)));
    const shape = `{'descr': '<f4', 'fortran_order': False, 'shape': (${numbers.length}, 1), }`;
    const head = Buffer.from(`\x93NUMPY\x01\x00\0\0${shape}`.padEnd(127, ' ').concat('\n'), 'latin1');
    head.writeUInt16LE(118, 8);
    const array = Buffer.concat([head, Buffer.from(numbers.buffer)]).toString('base64');
    return { model: answersAs ?? model, prompt_logprobs: null, prompt_token_id_logprobs: array };
  }

  #sglang(body: Record<string, unknown>, all: readonly number[][], fault: FaultKind | null, beside: number) {
    const starts = [body['logprob_start_len']].flat() as number[];
    const answers = all.map((ids, index) => {
      const from = starts[index]!;
      const values = this.#values(ids, from, fault, beside);
      const told = fault === 'otherIds' ? ids.map((id) => id + 1) : ids;
      const entries = values.map((value, at) => [at === 0 ? null : value, told[from + at], null]);
      return {
        text: 'x',
        meta_info: { prompt_tokens: ids.length, completion_tokens: 1, input_token_logprobs: entries },
      };
    });
    return Array.isArray((body['input_ids'] as unknown[])[0]) ? answers : answers[0];
  }
}

/** JSON as Python writes it, with a bare NaN. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, each) => (Number.isNaN(each) ? '\u0001NaN\u0001' : each)).replaceAll(
    '"\\u0001NaN\\u0001"',
    'NaN',
  );
}

async function sendHuge(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  const piece = Buffer.alloc(1 << 20, 0x20);
  for (let sent = 0; sent < 520 && !response.destroyed; sent += 1) {
    if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end('{}');
}

/** Servers and folders of a test file: servers are stopped after each test, folders removed after all. */
export function scoringTests(name: string) {
  const folder = mkdtempSync(join(tmpdir(), `coverage-${name}-`));
  const running: FakeServer[] = [];
  let folders = 0;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
  });
  return {
    folder,
    newFolder: () => join(folder, String(folders++)),
    serve: async (options: FakeOptions): Promise<FakeServer> => {
      const server = await FakeServer.start(options);
      running.push(server);
      return server;
    },
  };
}
