import type { ErrorPlace } from '../error.js';
import type { Findings } from '../input/findings.js';
import { compareIds } from '../input/ids.js';
import { LogProbs, type ModelSource } from './log-probs.js';

/** What a row of the input says of a response, whatever the models that scored it. */
export interface Observation {
  /** Id of the response: equal ids are the same response, whatever the file and the line. */
  readonly id: string;
  /** File it is from. */
  readonly file: string;
  /** One-based line, or zero-based record where the format has no lines. */
  readonly row: number;
  /** Tokens of the response. */
  readonly tokens?: number | undefined;
  /** Equal ids mean the same prompt. */
  readonly promptId?: string | undefined;
  /** Digest of what was scored; it must be the same for every model. */
  readonly contentHash?: string | undefined;
}

/** How models that were not scored on the same responses are treated. */
export type JoinMode = 'exact' | 'shared';

/** Log-probabilities may exceed zero by rounding, up to this many nats; the same as in the core. */
const POSITIVE_TOLERANCE = 1e-6;

interface Column {
  readonly name: string;
  readonly source: ModelSource;
  /** By number of the response; NaN where there is none. */
  values: Float64Array;
  count: number;
}

interface ResponseFacts {
  tokens: number | undefined;
  promptId: string | undefined;
  contentHash: string | undefined;
  /** The observation the facts are from. */
  model: string;
}

/**
 * Puts observations from any number of files together into one matrix, by model name and response id, never by line.
 */
export class Join {
  readonly #findings: Findings;
  readonly #mode: JoinMode;
  readonly #ignoreHashes: boolean;
  readonly #numbers = new Map<string, number>();
  readonly #facts: ResponseFacts[] = [];
  readonly #columns = new Map<string, Column>();
  #sameTokens = true;

  constructor(findings: Findings, options: { join: JoinMode; ignoreHashes: boolean }) {
    this.#findings = findings;
    this.#mode = options.join;
    this.#ignoreHashes = options.ignoreHashes;
  }

  /** Number of models seen so far. */
  get models(): number {
    return this.#columns.size;
  }

  /** Number of responses seen so far. */
  get responses(): number {
    return this.#facts.length;
  }

  /** Announces a model before its observations, so that models have the order of the inputs. */
  addModel(name: string, source: ModelSource): void {
    if (this.#columns.has(name)) return;
    this.#columns.set(name, { name, source, values: new Float64Array(64).fill(Number.NaN), count: 0 });
  }

  /**
   * Adds the log-probability, in nats, of an observed response under one model; reports values that are none, and
   * repeated or contradictory ids. One observation serves all models of a row: nothing is allocated for a value.
   */
  add(observation: Observation, model: string, logProb: number, source: ModelSource): void {
    if (!(logProb <= POSITIVE_TOLERANCE)) {
      this.#reportIllegal(observation, model, logProb);
      return;
    }
    let column = this.#columns.get(model);
    if (column === undefined) {
      this.addModel(model, source);
      column = this.#columns.get(model)!;
    }
    let number = this.#numbers.get(observation.id);
    if (number === undefined) {
      number = this.#facts.length;
      this.#numbers.set(observation.id, number);
      const { tokens, promptId, contentHash } = observation;
      this.#facts.push({ tokens, promptId, contentHash, model });
    } else if (!this.#agrees(number, observation, model)) {
      return;
    }
    if (number >= column.values.length) {
      const grown = new Float64Array(Math.max(number + 1, column.values.length * 2)).fill(Number.NaN);
      grown.set(column.values);
      column.values = grown;
    }
    if (!Number.isNaN(column.values[number]!)) {
      this.#findings.error(
        'ERR_DUPLICATE_RESPONSE',
        'The response occurs twice for this model: keep one. lm-evaluation-harness appends to an existing file when a run is repeated.',
        place(observation, model),
      );
      return;
    }
    column.values[number] = logProb;
    column.count += 1;
  }

  #reportIllegal(observation: Observation, model: string, logProb: number): void {
    if (Number.isNaN(logProb)) {
      this.#findings.error(
        'ERR_NAN_LOG_PROB',
        'The log-probability is NaN: score the response again, or drop it for every model.',
        place(observation, model),
      );
    } else {
      this.#findings.error(
        'ERR_POSITIVE_LOG_PROB',
        `The log-probability is ${logProb}, above zero: did you pass negative log-likelihoods? Then negate them (--negate).`,
        place(observation, model),
      );
    }
  }

  /** Whether the observation is about the same text as those of the same id before it. */
  #agrees(number: number, observation: Observation, model: string): boolean {
    const facts = this.#facts[number]!;
    if (!this.#ignoreHashes && comparable(facts.contentHash, observation.contentHash)) {
      if (facts.contentHash !== observation.contentHash) {
        this.#findings.error(
          'ERR_MISMATCHED_RESPONSE',
          `Prompt or response are not the same as those of this id under model ${facts.model}: score the same data with the same prompts ` +
            '(or say that the difference does not matter: --ignore-hashes).',
          place(observation, model),
        );
        return false;
      }
    }
    facts.contentHash ??= observation.contentHash;
    facts.promptId ??= observation.promptId;
    if (facts.tokens === undefined) {
      facts.tokens = observation.tokens;
    } else if (observation.tokens !== undefined && observation.tokens !== facts.tokens) {
      this.#sameTokens = false;
      this.#findings.warn(
        'WARN_TOKEN_COUNTS',
        `The response has ${observation.tokens} tokens here and ${facts.tokens} under ${facts.model}: with one tokenizer, ` +
          'something was truncated, or an end-of-sequence token was scored for one and not for the other.',
        place(observation, model),
      );
    }
    return true;
  }

  /**
   * The matrix; `null` if there is none, after the reason was reported. Responses are sorted by id (whole numbers by
   * value, then the rest by code unit), so that the order of rows in the files does not matter.
   */
  finish(): LogProbs | null {
    const columns = [...this.#columns.values()];
    if (columns.length === 0 || this.#facts.length === 0) {
      this.#findings.error('ERR_NO_RESPONSES', 'The input holds no scored response.', {});
      return null;
    }
    const ids = [...this.#numbers.keys()];
    const shared = ids.map((_, number) => columns.every(({ values }) => !Number.isNaN(values[number] ?? Number.NaN)));
    const complete = shared.every(Boolean);
    if (!complete && this.#mode === 'exact') {
      this.#reportMissing(columns, ids);
      return null;
    }
    const order = ids.map((_, number) => number).filter((number) => shared[number]);
    order.sort((a, b) => compareIds(ids[a]!, ids[b]!));
    if (order.length === 0) {
      this.#findings.error(
        'ERR_NO_RESPONSES',
        'No response was scored by all models: check that the files are of the same task and use the same ids.',
        {},
      );
      return null;
    }
    if (!complete) {
      this.#findings.warn(
        'WARN_RESPONSES_LEFT_OUT',
        `${ids.length - order.length} of ${ids.length} responses were left out: not every model scored them.`,
        {},
      );
    }
    const facts = order.map((number) => this.#facts[number]!);
    const promptIds = facts.map(({ promptId }) => promptId);
    const tokenCounts = facts.map(({ tokens }) => tokens);
    const all = <T>(values: (T | undefined)[]) => (values.includes(undefined) ? null : (values as T[]));
    return LogProbs.fromArrays(
      columns.map(({ values }) => Float64Array.from(order, (number) => values[number]!)),
      {
        models: columns.map(({ name }) => name),
        responseIds: order.map((number) => ids[number]!),
        promptIds: all(promptIds),
        tokenCounts: this.#sameTokens ? all(tokenCounts) : null,
        sources: columns.map(({ source }) => source),
        warnings: this.#findings.warnings,
      },
    );
  }

  #reportMissing(columns: readonly Column[], ids: readonly string[]): void {
    for (const { name, source, values, count } of columns) {
      if (count === ids.length) continue;
      const missing = ids.filter((_, number) => Number.isNaN(values[number] ?? Number.NaN));
      const some = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ', …' : '');
      this.#findings.error(
        'ERR_MISSING_RESPONSE',
        `${missing.length} of ${ids.length} responses were not scored by this model (${some}): score them, ` +
          'or compare on the responses that all models have (--shared).',
        { ...(source.file !== undefined && { file: source.file }), model: name, response: missing[0]! },
      );
    }
  }
}

function place({ file, row, id }: Observation, model: string): ErrorPlace {
  return { file, row, model, response: id };
}

/** Digests of different kinds (`text:…`, `tokens:…`) say nothing about each other. */
function comparable(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a.slice(0, a.indexOf(':')) === b.slice(0, b.indexOf(':'));
}
