import { isObject, type JsonObject, toId } from '../input/json.js';

/** Prompt and response as a server scored them, token by token. */
export interface ScoredText {
  /** Log-probability of each token, as the server wrote it; the first of the text is null. */
  readonly tokens: readonly unknown[];
  /** Text of each token, if known. */
  readonly texts: readonly string[] | undefined;
  /** Id of each token, if known. */
  readonly ids: readonly string[] | undefined;
  /** Where each token begins in the text, in code points, if known. */
  readonly offsets: readonly number[] | undefined;
  /** Tokens at the beginning of the text that are not in the list (SGLang's `logprob_start_len`). */
  readonly skipped: number;
}

/** Why a response has no log-probabilities of held-out text. */
export interface Unusable {
  readonly code: string;
  readonly message: string;
}

/** The scored text of a response with one choice, whatever server it is from. */
export function scoredText(body: JsonObject): ScoredText | Unusable {
  const choice = Array.isArray(body['choices']) && isObject(body['choices'][0]) ? body['choices'][0] : undefined;
  const promptLogProbs = body['prompt_logprobs'] ?? choice?.['prompt_logprobs'];
  if (Array.isArray(promptLogProbs)) {
    return fromVllm(promptLogProbs, body['prompt_token_ids'] ?? choice?.['prompt_token_ids']);
  }
  if (isObject(promptLogProbs) && Array.isArray(promptLogProbs['logprobs'])) return FLAT_LOG_PROBS;
  if (isObject(body['meta_info'])) return fromSglang(body['meta_info']);
  if (isObject(body['details'])) return fromTgi(body['details']);
  if ('completion_probabilities' in body || 'probs' in body) return LLAMA_CPP;
  if (choice) return fromCompletion(choice, body);
  return NO_LOG_PROBS;
}

/**
 * vLLM: one entry a prompt token, each a dictionary from token id to log-probability that has the actual token and
 * maybe likelier ones. Which is the actual one is told by `prompt_token_ids`.
 */
function fromVllm(entries: readonly unknown[], tokenIds: unknown): ScoredText | Unusable {
  const ids =
    Array.isArray(tokenIds) && tokenIds.length === entries.length ? tokenIds.map((id) => toId(id)) : undefined;
  const tokens: unknown[] = [];
  const found: (string | undefined)[] = [];
  for (const [index, entry] of entries.entries()) {
    if (!isObject(entry)) {
      tokens.push(entry);
      found.push(ids?.[index]);
      continue;
    }
    const keys = Object.keys(entry);
    const key = ids ? ids[index] : keys.length === 1 ? keys[0] : undefined;
    if (key === undefined || !(key in entry)) {
      return {
        code: 'ERR_UNKNOWN_TOKEN',
        message: ids
          ? `Token ${index} (id ${ids[index]}) is not among its prompt_logprobs: the file does not belong together.`
          : `Token ${index} has ${keys.length} candidates in prompt_logprobs, and prompt_token_ids, which would tell the actual one, is not there: ` +
            'ask the server for return_token_ids, or for prompt_logprobs 0.',
      };
    }
    const candidate = entry[key];
    tokens.push(isObject(candidate) ? candidate['logprob'] : candidate);
    found.push(key);
  }
  // The first token has no entry: its text is never known and its id not always, so it does not count for the digest.
  return { tokens, texts: undefined, ids: complete(found.slice(1)), offsets: undefined, skipped: 0 };
}

/** SGLang: `[logprob, token id, text]`, pairs in some versions, bare numbers when collapsed. */
function fromSglang(meta: JsonObject): ScoredText | Unusable {
  const entries = meta['input_token_logprobs'];
  if (!Array.isArray(entries) || entries.length === 0) {
    return {
      code: 'ERR_NO_LOG_PROBS',
      message:
        'The response has no input_token_logprobs: send return_logprob true and logprob_start_len 0 (the default scores the output only).',
    };
  }
  const part = (index: number) => entries.map((entry) => (Array.isArray(entry) ? entry[index] : undefined));
  const promptTokens = meta['prompt_tokens'];
  return {
    tokens: entries.map((entry) => (Array.isArray(entry) ? entry[0] : entry)),
    texts: complete(part(2).map((text) => (typeof text === 'string' ? text : undefined))),
    ids: complete(part(1).map((id) => toId(id))),
    offsets: undefined,
    skipped: typeof promptTokens === 'number' ? Math.max(0, promptTokens - entries.length) : 0,
  };
}

/** Text Generation Inference: `details.prefill`, empty unless the launcher was told otherwise. */
function fromTgi(details: JsonObject): ScoredText | Unusable {
  const prefill = details['prefill'];
  if (!Array.isArray(prefill) || prefill.length === 0) {
    return {
      code: 'ERR_NO_LOG_PROBS',
      message:
        'The response has no prefill log-probabilities: start text-generation-launcher with --enable-prefill-logprobs (off since version 3) ' +
        'and send decoder_input_details true.',
    };
  }
  const entries = prefill.filter(isObject);
  return {
    tokens: entries.map((entry) => entry['logprob']),
    texts: complete(entries.map(({ text }) => (typeof text === 'string' ? text : undefined))),
    ids: complete(entries.map(({ id }) => toId(id))),
    offsets: undefined,
    skipped: 0,
  };
}

/** OpenAI's completions with `echo`: the prompt's tokens, then those generated, which are dropped. */
function fromCompletion(choice: JsonObject, body: JsonObject): ScoredText | Unusable {
  const logprobs = choice['logprobs'];
  if (!isObject(logprobs)) return NO_LOG_PROBS;
  if (Array.isArray(logprobs['content'])) return CHAT;
  const tokens = logprobs['token_logprobs'];
  if (!Array.isArray(tokens)) return NO_LOG_PROBS;
  const usage = isObject(body['usage']) ? body['usage'] : {};
  const generated = typeof usage['completion_tokens'] === 'number' ? usage['completion_tokens'] : 0;
  // Without `echo` there are as many tokens as were generated, and the first has a log-probability.
  if (tokens.length <= generated || (tokens[0] !== null && generated > 0 && tokens.length === generated))
    return NOT_ECHOED;
  const kept = tokens.length - generated;
  const list = (key: string) =>
    Array.isArray(logprobs[key]) && logprobs[key].length === tokens.length ? logprobs[key] : undefined;
  return {
    tokens: tokens.slice(0, kept),
    texts: complete(
      list('tokens')
        ?.slice(0, kept)
        .map((text) => (typeof text === 'string' ? text : undefined)) ?? [undefined],
    ),
    ids: undefined,
    offsets: complete(
      list('text_offset')
        ?.slice(0, kept)
        .map((offset) => (typeof offset === 'number' ? offset : undefined)) ?? [undefined],
    ),
    skipped: 0,
  };
}

function complete<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.length === 0 || values.includes(undefined) ? undefined : (values as T[]);
}

const NO_LOG_PROBS: Unusable = {
  code: 'ERR_NO_LOG_PROBS',
  message:
    'The response has no log-probabilities: send echo true with logprobs (OpenAI-shaped), or prompt_logprobs 0 (vLLM).',
};

const NOT_ECHOED: Unusable = {
  code: 'ERR_NO_LOG_PROBS',
  message:
    'The response has log-probabilities of generated tokens only, not of the held-out response: send echo true, or prompt_logprobs 0 (vLLM). ' +
    "OpenAI's own models refuse that.",
};

const CHAT: Unusable = {
  code: 'ERR_NO_LOG_PROBS',
  message:
    'Chat completions have log-probabilities of generated tokens only, never of a given response: use the completions endpoint with echo, ' +
    'or prompt_logprobs (vLLM).',
};

const LLAMA_CPP: Unusable = {
  code: 'ERR_NO_LOG_PROBS',
  message:
    "llama.cpp's server gives log-probabilities of generated tokens only and ignores echo, so that a held-out response cannot be scored with it: " +
    'use vLLM, SGLang or lm-evaluation-harness.',
};

const FLAT_LOG_PROBS: Unusable = {
  code: 'ERR_UNSUPPORTED_FILE',
  message: 'These are flat prompt_logprobs of vLLM: set flat_logprobs to false.',
};
