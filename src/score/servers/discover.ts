import { CoverageError } from '../../error.js';
import { isObject, type JsonObject } from '../../input/json.js';
import { type Answer, type Client, Fault } from '../client.js';
import type { ServerInput } from '../options.js';
import { type EchoManner, EchoScorer } from './echo.js';
import { GenerateScorer, generates } from './generate.js';
import type { Scorer } from './scorer.js';
import { SglangScorer } from './sglang.js';
import { VllmScorer } from './vllm.js';

/** A server as it was found. */
export interface FoundServer {
  readonly scorer: Scorer;
  /** Name and version of the software, where it tells. */
  readonly software: string;
  /** What it calls the model. */
  readonly served: string;
  /** Most tokens of prompt and response; `null` if it does not tell. */
  readonly maxLength: number | null;
}

/** Text that a server without a route of its own is tried on. */
const TRIAL = 'one two three four five';

/**
 * Finds out what stands at an address, holds the model it serves to the name, and tries how it gives log-probabilities of a
 * prompt.
 *
 * @throws CoverageError `ERR_SERVER` where nothing answers, `ERR_UNSUPPORTED_SERVER` with the reason where scoring is
 * impossible, `ERR_WRONG_MODEL` where another model is served
 */
export async function discover(client: Client, server: ServerInput, signal?: AbortSignal): Promise<FoundServer> {
  const place = { model: server.name, field: 'servers' };
  const refuse = (reason: string) =>
    new CoverageError('ERR_UNSUPPORTED_SERVER', `${client.url} cannot score responses: ${reason}.`, { place });
  const facts = await whatStands(client, server, signal);
  const known = withoutPromptLogProbs(facts);
  if (known) throw refuse(known);
  const { served, maxLength } = servedModel(facts.models, server, client.url);
  const found = (scorer: Scorer, software: string): FoundServer => ({ scorer, software, served, maxLength });
  if (isObject(facts.sglang) && typeof facts.sglang['model_path'] === 'string') {
    return found(new SglangScorer(client, served), softwareOf(facts)!);
  }
  const trial = await client.ask(
    '/v1/completions',
    { model: served, prompt: TRIAL, max_tokens: 1, prompt_logprobs: 0, return_token_ids: true, temperature: 0 },
    signal,
  );
  const tried = promptLogProbs(trial);
  if (tried !== null) {
    const software = softwareOf(facts) ?? 'vLLM';
    // Another way of computing, which may round otherwise: what is begun by one is not gone on with by the other.
    return (await generates(client, served, tried.ids, tried.values, signal))
      ? found(new GenerateScorer(client, served), `${software} (generate)`)
      : found(new VllmScorer(client, served), software);
  }
  const { manner, reason } = await tryEcho(client, served, signal);
  if (manner) return found(new EchoScorer(client, served, manner), 'OpenAI-shaped');
  throw refuse(reason);
}

/** What a server says at the addresses by which kinds of servers are known. */
interface Facts {
  readonly models: unknown;
  readonly version: unknown;
  readonly sglang: unknown;
  readonly sglangServer: unknown;
  readonly llamaCpp: unknown;
  readonly tgi: unknown;
  readonly ollama: unknown;
}

/**
 * What stands at an address.
 *
 * @throws CoverageError `ERR_SERVER` where nothing answers
 */
export async function whatStands(
  client: Client,
  { name }: ServerInput,
  signal: AbortSignal | undefined,
): Promise<Facts> {
  let models: Answer;
  try {
    models = await client.ask('/v1/models', undefined, signal);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new CoverageError(
      'ERR_SERVER',
      `${client.url} does not answer: ${error.message}. Check the address, and that the server is up.`,
      {
        place: { model: name },
        cause: error,
      },
    );
  }
  if (models.status === 200 && models.value === undefined) {
    throw new CoverageError(
      'ERR_SERVER',
      `${client.url} answers, but not in JSON: check that this is the address of the server's API and not of a page before it.`,
      { place: { model: name } },
    );
  }
  if (models.status !== 200 && models.status !== 404) {
    throw new CoverageError('ERR_SERVER', `${client.url} answers with ${client.refusal(models).message}.`, {
      place: { model: name },
    });
  }
  const fact = (path: string) =>
    client.ask(path, undefined, signal).then(
      ({ status, value }) => (status === 200 ? value : undefined),
      (error: unknown) => {
        if (error instanceof Fault) return undefined;
        throw error;
      },
    );
  const paths = ['/version', '/get_model_info', '/get_server_info', '/props', '/info', '/api/version'];
  const [version, sglang, sglangServer, llamaCpp, tgi, ollama] = await Promise.all(paths.map(fact));
  return {
    models: models.status === 200 ? models.value : undefined,
    version,
    sglang,
    sglangServer,
    llamaCpp,
    tgi,
    ollama,
  };
}

/** Name and version of the software; `null` where it does not tell. */
export function softwareOf({ sglang, sglangServer, version }: Facts): string | null {
  const named = (name: string, facts: unknown) =>
    [name, isObject(facts) && facts['version']].filter((each) => typeof each === 'string').join(' ');
  if (isObject(sglang) && typeof sglang['model_path'] === 'string') return named('SGLang', sglangServer);
  return isObject(version) && typeof version['version'] === 'string' ? named('vLLM', version) : null;
}

/** Why a kind of server that is known for it cannot score. */
function withoutPromptLogProbs({ models, llamaCpp, tgi, ollama, version, sglang }: Facts): string | null {
  const owner = listed(models)[0]?.['owned_by'];
  if (owner === 'llamacpp' || (isObject(llamaCpp) && 'default_generation_settings' in llamaCpp)) {
    return 'llama.cpp gives log-probabilities of generated tokens only, not of a prompt. Serve the model with vLLM or SGLang';
  }
  if (version !== undefined || sglang !== undefined) return null;
  if (isObject(tgi) && 'model_id' in tgi && 'docker_label' in tgi) {
    return 'TGI is not spoken to: its log-probabilities of prompts are off unless its launcher turns them on. Serve the model with vLLM or SGLang';
  }
  if (isObject(ollama) && 'version' in ollama) {
    return 'Ollama gives no log-probabilities of a prompt. Serve the model with vLLM or SGLang';
  }
  return null;
}

function listed(models: unknown): JsonObject[] {
  const data = isObject(models) ? models['data'] : undefined;
  return Array.isArray(data) ? data.filter(isObject) : [];
}

/**
 * The served model that is meant by the name of a checkpoint.
 *
 * @throws CoverageError `ERR_WRONG_MODEL`
 */
export function servedModel(
  models: unknown,
  { name, model }: ServerInput,
  url: string,
): { served: string; maxLength: number | null } {
  const entries = listed(models);
  const ids = entries.map(({ id }) => String(id));
  const wanted = model ?? name;
  const last = (path: unknown) => String(path).replace(/\/+$/, '').split('/').at(-1);
  const exact = entries.findIndex(({ id }) => id === wanted);
  const similar = entries.flatMap(({ id, root }, index) =>
    last(id) === wanted || last(root) === wanted ? [index] : [],
  );
  const at = exact >= 0 || model !== undefined ? exact : similar.length === 1 ? similar[0]! : -1;
  if (at >= 0) {
    const { max_model_len: length } = entries[at]!;
    return { served: ids[at]!, maxLength: typeof length === 'number' ? length : null };
  }
  if (entries.length === 0 && model !== undefined) return { served: model, maxLength: null };
  const example = `NAME=${url}#${ids[0] ?? 'MODEL'}`;
  throw new CoverageError(
    'ERR_WRONG_MODEL',
    ids.length === 0
      ? `${url} does not list the models it serves (/v1/models): check the address, or say what the server calls the model (${example}).`
      : `${url} serves ${ids.join(', ')}, not ${wanted}: name the checkpoint as it is served, or say what the server calls it (${example}).`,
    { place: { model: name } },
  );
}

/** Ids of a trial and the log-probability of each after the first, as far as the answer has them; `null` without any. */
function promptLogProbs({ status, value }: Answer): { ids: number[]; values: number[] } | null {
  const choices = status === 200 && isObject(value) ? value['choices'] : undefined;
  const choice = Array.isArray(choices) && isObject(choices[0]) ? choices[0] : {};
  const { prompt_logprobs: entries, prompt_token_ids: told } = choice;
  if (!Array.isArray(entries)) return null;
  const ids = Array.isArray(told) ? (told as number[]) : [];
  const values = ids.slice(1).map((id, index) => {
    const entry: unknown = entries[index + 1];
    const own = isObject(entry) ? entry[String(id)] : undefined;
    return isObject(own) ? Number(own['logprob']) : Number.NaN;
  });
  return { ids, values };
}

/** How a server can be brought to echo a prompt with its log-probabilities, or why it cannot. */
async function tryEcho(
  client: Client,
  served: string,
  signal: AbortSignal | undefined,
): Promise<{ manner: EchoManner | null; reason: string }> {
  const manners: EchoManner[] = [
    { maxTokens: 0, logprobs: 0 },
    { maxTokens: 0, logprobs: 1 },
    { maxTokens: 1, logprobs: 1 },
  ];
  let last: Answer | undefined;
  for (const manner of manners) {
    const body = {
      model: served,
      prompt: TRIAL,
      max_tokens: manner.maxTokens,
      echo: true,
      logprobs: manner.logprobs,
      temperature: 0,
    };
    last = await client.ask('/v1/completions', body, signal);
    if (last.status === 401 || last.status === 403 || last.status === 404 || last.status === 405) break;
    if (echoes(last)) return { manner, reason: '' };
  }
  return { manner: null, reason: await whyNot(client, last!, signal) };
}

function firstLogProbs({ status, value }: Answer): unknown {
  const choices = status === 200 && isObject(value) ? value['choices'] : undefined;
  return Array.isArray(choices) && isObject(choices[0]) ? choices[0]['logprobs'] : undefined;
}

function echoes(answer: Answer): boolean {
  const logprobs = firstLogProbs(answer);
  const { tokens, token_logprobs: values } = isObject(logprobs) ? logprobs : {};
  return (
    Array.isArray(tokens) && Array.isArray(values) && tokens.join('').startsWith(TRIAL) && typeof values[1] === 'number'
  );
}

async function whyNot(client: Client, answer: Answer, signal: AbortSignal | undefined): Promise<string> {
  if (answer.status === 404 || answer.status === 405) {
    const chat = await client.ask('/v1/chat/completions', {}, signal);
    return chat.status === 404
      ? `it has no completions (${client.refusal(answer).message})`
      : 'it is for chat only, and chat gives log-probabilities of generated tokens only. Serve the model with vLLM or SGLang';
  }
  if (answer.status !== 200)
    return `it refuses to echo a prompt with its log-probabilities (${client.refusal(answer).message})`;
  return isObject(firstLogProbs(answer))
    ? 'it gives log-probabilities of generated tokens only: echo is ignored'
    : 'it gives no log-probabilities';
}
