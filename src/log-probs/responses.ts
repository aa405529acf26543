import { createHash } from 'node:crypto';
import type { ErrorPlace } from '../error.js';
import type { FileStream } from '../input/file-stream.js';
import { isObject, type JsonObject, toId, toNumber } from '../input/json.js';
import { readJsonRows } from '../input/json-rows.js';
import type { ReaderContext } from './reader.js';
import { type ScoredText, scoredText } from './scored-text.js';
import { sumTokens } from './tokens.js';

/**
 * Whether a row is a saved response of an inference server (vLLM, SGLang, OpenAI-shaped, TGI, llama.cpp) or of vLLM's
 * offline API, bare or inside a record of the user's or of a batch API.
 */
export function isResponseRow(row: JsonObject): boolean {
  return bodyOf(row) !== undefined;
}

/** The response itself: the row, or what it holds as `response`, `body`, `output` or `result`. */
function bodyOf(row: JsonObject): JsonObject | undefined {
  if (isBody(row)) return row;
  for (const key of ['response', 'body', 'output', 'result']) {
    const inner = row[key];
    const first = Array.isArray(inner) ? inner[0] : inner;
    const body = isObject(first) ? bodyOf(first) : undefined;
    if (body) return body;
  }
  return undefined;
}

function isBody(row: JsonObject): boolean {
  const { choices, meta_info: meta, details } = row;
  return (
    'prompt_logprobs' in row ||
    'completion_probabilities' in row ||
    (Array.isArray(choices) &&
      isObject(choices[0]) &&
      ['logprobs', 'text', 'message', 'prompt_logprobs'].some((key) => key in choices[0])) ||
    (isObject(meta) && ('prompt_tokens' in meta || 'input_token_logprobs' in meta)) ||
    (isObject(details) && ('prefill' in details || 'tokens' in details))
  );
}

/**
 * Reads saved responses in which a server scored prompt and held-out response together; the log-probabilities of the
 * response's tokens are summed.
 *
 * Where the response begins is told, in this order, by `prompt_tokens` (or `prompt_len`) in the user's record, by
 * `response_tokens` (or `response_len`), by the text of the prompt alone (`context`) with `text_offset`, or by the
 * options `promptTokens` and `responseTokens`. Responses are joined by the id in the user's record (`id`, `custom_id`,
 * `request_id`), or, where there is none, by a digest of the scored text.
 */
export async function readResponses(stream: FileStream, context: ReaderContext): Promise<void> {
  const { file, model, findings, join, options, source } = context;
  join.addModel(model, source);
  for await (const { value: record, row } of readJsonRows(stream)) {
    const body = bodyOf(record);
    if (!body) {
      findings.error('ERR_MALFORMED_FILE', 'The row holds no response of an inference server.', { file, row });
      continue;
    }
    const failure = record['error'] ?? body['error'];
    if (isObject(failure) || (typeof failure === 'string' && failure !== '')) {
      const message = 'The server answered with an error instead of a response: send this request again.';
      findings.error('ERR_MALFORMED_FILE', message, { file, row, response: recordId(record) ?? String(row) });
      continue;
    }
    const choices =
      Array.isArray(body['choices']) && body['choices'].length > 1 ? body['choices'].filter(isObject) : [undefined];
    for (const [index, choice] of choices.entries()) {
      const scored = scoredText(choice ? { ...body, choices: [choice] } : body);
      const contentHash = 'tokens' in scored ? digest(scored) : undefined;
      const own = recordId(record);
      const id =
        own === undefined
          ? contentHash?.replace(/^\w+:/, '')
          : choice
            ? `${own}#${toId(choice['index']) ?? index}`
            : own;
      const place: ErrorPlace = { file, row, model, ...(id !== undefined && { response: id }) };
      if (!('tokens' in scored)) {
        findings.error(scored.code, scored.message, place);
        continue;
      }
      const start = responseStart(record, scored, context);
      if (typeof start !== 'number') {
        findings.error('ERR_RESPONSE_SLICE', start, place);
        continue;
      }
      const logProb = sumTokens(scored.tokens, start, place, findings, options);
      if (logProb === null || id === undefined) continue;
      const tokens = scored.tokens.length - start;
      join.add({ id, file, row, tokens, contentHash, promptId: promptIdOf(record) }, model, logProb, source);
    }
  }
}

/** Ids that a server makes up (`cmpl-…`) are different for every model and join nothing. */
function recordId(record: JsonObject): string | undefined {
  for (const key of ['id', 'custom_id', 'example_id', 'doc_id', 'request_id', 'index']) {
    const id = toId(record[key]);
    if (id !== undefined && !/^(cmpl|chatcmpl|resp|batch_req)[-_]/.test(id)) return id;
  }
  return undefined;
}

function promptIdOf(record: JsonObject): string | undefined {
  return toId(record['prompt_id'] ?? record['promptId'] ?? record['prompt_hash']);
}

/** Digest of what was scored: of its text if the response has it, else of its token ids. */
function digest({ texts, ids }: ScoredText): string | undefined {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
  if (texts) return `text:${hash(texts.join(''))}`;
  return ids ? `tokens:${hash(ids.join(' '))}` : undefined;
}

/** Index of the first token of the response in `scored.tokens`, or why it cannot be told. */
function responseStart(record: JsonObject, scored: ScoredText, { options }: ReaderContext): number | string {
  const { length } = scored.tokens;
  const given = (...keys: string[]) => {
    const values = keys
      .map((key) => record[key])
      .filter((value) => typeof value === 'number' || typeof value === 'string');
    return values.map(toNumber).find((value) => typeof value === 'number');
  };
  const promptTokens = given('prompt_tokens', 'prompt_len', 'prompt_length', 'promptTokens', 'promptLength');
  const responseTokens = given(
    'response_tokens',
    'response_len',
    'response_length',
    'responseTokens',
    'responseLength',
  );
  const prompt = record['context'] ?? record['prompt_text'];
  let start: number | undefined;
  if (promptTokens !== undefined) start = promptTokens - scored.skipped;
  else if (responseTokens !== undefined) start = length - responseTokens;
  else if (typeof prompt === 'string' && scored.offsets) return startByOffset(prompt, scored.offsets);
  else if (options.promptTokens !== undefined) start = options.promptTokens - scored.skipped;
  else if (options.responseTokens !== undefined) start = length - options.responseTokens;
  if (start === undefined) {
    return (
      'Where the response begins is not known: add prompt_tokens or response_tokens to each record, or the text of the prompt alone as context ' +
      '(where the server gives text_offset), or pass --prompt-tokens.'
    );
  }
  if (Number.isInteger(start) && start >= 0 && start < length) return start;
  return (
    `The response would begin at token ${start} of the ${length} that were scored: prompt_tokens or response_tokens do not fit this response` +
    `${scored.skipped > 0 ? ', or the server was told to start later (logprob_start_len)' : ''}.`
  );
}

function startByOffset(prompt: string, offsets: readonly number[]): number | string {
  // Servers count code points, JavaScript counts UTF-16 units.
  const boundary = [...prompt].length;
  const start = offsets.findIndex((offset) => offset >= boundary);
  if (start < 0) return 'The scored text is not longer than the prompt: there is no token of a response.';
  if (offsets[start] === boundary) return start;
  return (
    'A token reaches across the end of the prompt, so that the response has no log-probability of its own: ' +
    'score prompt and response tokenised separately, and give prompt_tokens.'
  );
}
