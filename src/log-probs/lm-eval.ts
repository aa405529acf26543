import type { FileStream } from '../input/file-stream.js';
import { isObject, type JsonObject, show, toId, toNumber } from '../input/json.js';
import { readJsonRows } from '../input/json-rows.js';
import type { ReaderContext } from './reader.js';

/** Whether a row is of a `samples_*.jsonl` file of lm-evaluation-harness. */
export function isLmEvalRow(row: JsonObject): boolean {
  return 'doc_id' in row && ('filtered_resps' in row || 'resps' in row);
}

/**
 * Reads a `samples_<task>_<date>.jsonl` file of lm-evaluation-harness (`--log_samples`), one model and task a file.
 *
 * `loglikelihood` and `loglikelihood_rolling` give the log-probability of the target, `multiple_choice` that of the
 * gold choice. Rows are joined by `doc_id`; where the file has hashes of prompt and target they must agree between
 * models. Of several filters the first is taken, or the one asked for.
 */
export async function readLmEval(stream: FileStream, context: ReaderContext): Promise<void> {
  const { file, model, findings, join, options, source } = context;
  join.addModel(model, source);
  let filter = options.filter;
  for await (const { value: sample, row } of readJsonRows(stream)) {
    const doc = toId(sample['doc_id']);
    if (doc === undefined || !isLmEvalRow(sample)) {
      const message =
        'The row has no doc_id or no responses (resps): it is not of lm-evaluation-harness --log_samples.';
      findings.error('ERR_MALFORMED_FILE', message, { file, row });
      continue;
    }
    if (typeof sample['filter'] === 'string') {
      filter ??= sample['filter'];
      if (sample['filter'] !== filter) continue;
    }
    const id = `${context.idPrefix}${doc}`;
    const score = scoreOf(sample);
    if (typeof score !== 'number') {
      findings.error(score.code, score.message, { file, row, model, response: id });
      continue;
    }
    const promptHash = toId(sample['prompt_hash']);
    const targetHash = toId(sample['target_hash']);
    join.add(
      {
        id,
        file,
        row,
        promptId: promptHash,
        contentHash: promptHash && targetHash ? `lm-eval:${promptHash} ${targetHash}` : undefined,
      },
      model,
      options.negate ? 0 - score : score,
      source,
    );
  }
}

interface Fault {
  readonly code: string;
  readonly message: string;
}

/** Log-probability of the held-out response of one document. */
function scoreOf(sample: JsonObject): number | Fault {
  const responses = listOf(sample['filtered_resps']) ?? firstRepeats(sample['resps']);
  if (!responses || responses.length === 0) {
    return { code: 'ERR_MALFORMED_FILE', message: 'The document has no response (filtered_resps is empty).' };
  }
  const requests = requestsOf(sample['arguments']);
  if (requests.some(({ generates }) => generates)) return GENERATED;
  const scores = responses.map((response) => (Array.isArray(response) ? response[0] : response));
  const gold = scores.length === 1 ? 0 : goldIndex(sample, scores.map(toNumber), requests);
  if (typeof gold !== 'number') return gold;
  const score = toNumber(scores[gold]);
  if (typeof score === 'number') return score;
  if (score === null) return { code: 'ERR_NULL_LOG_PROB', message: 'The log-probability is null.' };
  return typeof scores[gold] === 'string'
    ? GENERATED
    : { code: 'ERR_NOT_A_NUMBER', message: `The log-probability is ${show(scores[gold])}.` };
}

const GENERATED: Fault = {
  code: 'ERR_UNSUPPORTED_FILE',
  message:
    'The task generates text (generate_until), whose log-probabilities lm-evaluation-harness does not save: ' +
    'use a loglikelihood or multiple_choice task; generated samples are input for Pass@k.',
};

interface Request {
  readonly continuation: string | undefined;
  readonly generates: boolean;
}

/** What was asked of the model: `{ gen_args_0: { arg_0, arg_1 } }`, in older files a list of lists. */
function requestsOf(value: unknown): Request[] {
  const requests = isObject(value) ? Object.values(value) : (listOf(value) ?? []);
  return requests.map((request) => {
    const second = isObject(request) ? request['arg_1'] : Array.isArray(request) ? request[1] : undefined;
    return {
      continuation: typeof second === 'string' ? second : undefined,
      // Generation settings, which newer versions write as text.
      generates:
        isObject(second) || (typeof second === 'string' && /^\{.*\b(until|max_gen_toks|do_sample)\b/.test(second)),
    };
  });
}

/**
 * Which of several choices is the right one. `target` holds the index or the text, as text in either case; where it
 * could be both, the row's own accuracy decides.
 */
function goldIndex(
  sample: JsonObject,
  scores: readonly (number | null | undefined)[],
  requests: readonly Request[],
): number | Fault {
  const target = sample['target'];
  const candidates = new Set<number>();
  const index = typeof target === 'number' || typeof target === 'string' ? toNumber(target) : undefined;
  if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < scores.length)
    candidates.add(index);
  if (typeof target === 'string') {
    const texts = choiceTexts(sample, requests, scores.length);
    texts.forEach((text, choice) => {
      if (text !== undefined && text.trim() === target.trim()) candidates.add(choice);
    });
  }
  const [only] = candidates;
  if (candidates.size === 1) return only!;
  const byAccuracy = [...candidates].filter((choice) => agreesWithAccuracy(sample, scores, choice));
  if (byAccuracy.length === 1) return byAccuracy[0]!;
  const message =
    candidates.size === 0
      ? `The target ${show(target)} is neither the number nor the text of one of the ${scores.length} choices: the right choice cannot be told.`
      : `The target ${show(target)} fits several of the ${scores.length} choices: the right one cannot be told.`;
  return { code: 'ERR_UNKNOWN_TARGET', message };
}

function choiceTexts(sample: JsonObject, requests: readonly Request[], count: number): (string | undefined)[] {
  const doc = isObject(sample['doc']) ? sample['doc'] : {};
  const choices = isObject(doc['choices']) ? doc['choices']['text'] : doc['choices'];
  if (Array.isArray(choices) && choices.length === count) return choices.map((choice) => toId(choice));
  return requests.slice(0, count).map(({ continuation }) => continuation);
}

function agreesWithAccuracy(
  sample: JsonObject,
  scores: readonly (number | null | undefined)[],
  choice: number,
): boolean {
  const accuracy = toNumber(sample['acc']);
  if (accuracy !== 0 && accuracy !== 1) return false;
  const finite = scores.map((score) => score ?? Number.NEGATIVE_INFINITY);
  const likeliest = finite.indexOf(Math.max(...finite));
  return (likeliest === choice) === (accuracy === 1);
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** `resps` is requests × repeats. */
function firstRepeats(value: unknown): readonly unknown[] | undefined {
  return listOf(value)?.map((repeats) => (Array.isArray(repeats) ? repeats[0] : repeats));
}
