import type { ErrorPlace } from '../error.js';
import { located } from '../input/findings.js';
import { normalise, show, toId, toNumber } from '../input/json.js';
import type { RowSink } from '../input/rows.js';
import type { Observation } from './join.js';
import type { ReaderContext } from './reader.js';
import { sumTokens } from './tokens.js';

/**
 * Names under which a column is recognised, in any case and with or without `_`, `-`, `.` and spaces; the first that
 * is there counts.
 */
const NAMES = {
  id: ['id', 'responseid', 'exampleid', 'sampleid', 'itemid', 'docid', 'key', 'uid', 'customid', 'idx', 'index'],
  // A checkpoint tells apart what a model name may not.
  model: ['checkpoint', 'ckpt', 'model', 'modelname', 'modelid', 'step'],
  logProb: [
    'logprob',
    'loglikelihood',
    'logp',
    'sumlogprob',
    'sequencelogprob',
    'totallogprob',
    'cumulativelogprob',
    'll',
    'lp',
  ],
  tokenLogProbs: ['tokenlogprobs', 'logprobs', 'pertokenlogprobs', 'tokenlogprob'],
  tokens: ['tokencount', 'ntokens', 'numtokens', 'tokens', 'responsetokens', 'responselength', 'completiontokens'],
  promptId: ['promptid', 'prompthash', 'questionid', 'problemid'],
  promptTokens: ['prompttokens', 'promptlen', 'promptlength', 'nprompttokens', 'responsestart'],
  contentHash: ['contenthash', 'targethash', 'responsehash'],
} as const;

/** Columns that go with the scores and are no scores themselves. */
const ALONGSIDE = new Set([
  ...['prompt', 'response', 'text', 'target', 'doc', 'question', 'answer', 'completion', 'context', 'continuation'],
  ...['task', 'subject', 'dataset', 'split', 'category', 'language', 'url', 'source', 'finalword', 'sentence', ''],
]);

/** Losses by name: their sign is the opposite. */
const LOSSES = ['nll', 'loss', 'surprisal', 'negloglikelihood', 'negativeloglikelihood', 'neglogprob', 'crossentropy'];

type Role = keyof typeof NAMES;

/** Which column holds what, where columns are not named as expected. */
export interface ColumnNames {
  /** Id of the response. */
  readonly id?: string | undefined;
  /** Name of the model or checkpoint: a row a model and response (long). */
  readonly model?: string | undefined;
  /** Log-probability of the response in nats. */
  readonly logProb?: string | undefined;
  /** List of log-probabilities of the tokens. */
  readonly tokenLogProbs?: string | undefined;
  /** Number of tokens of the response. */
  readonly tokens?: string | undefined;
  /** Id of the prompt; equal ids mean the same prompt. */
  readonly promptId?: string | undefined;
  /** Number of tokens of the prompt at the beginning of `tokenLogProbs`. */
  readonly promptTokens?: string | undefined;
  /** Digest of what was scored, which must be the same for every model. */
  readonly contentHash?: string | undefined;
  /** Columns that are models: a row a response (wide); default: all columns that are nothing else. */
  readonly models?: readonly string[] | undefined;
}

interface Plan {
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly logProb: string | undefined;
  readonly tokenLogProbs: string | undefined;
  readonly tokens: string | undefined;
  readonly promptId: string | undefined;
  readonly promptTokens: string | undefined;
  readonly contentHash: string | undefined;
  /** Columns that are models: a wide table. Empty: a long one. */
  readonly models: readonly string[];
}

/**
 * Reads rows of named values, from whatever format: long (a row a model and response) or wide (a row a response, a
 * column a model).
 *
 * @internal
 */
export class RowReader implements RowSink {
  readonly #context: ReaderContext;
  readonly plan: Plan;
  #rows = 0;

  /** `columns`: the names that rows have, from a header or the first row. */
  constructor(columns: readonly string[], context: ReaderContext) {
    this.#context = context;
    this.plan = makePlan(columns, context);
    if (this.plan.id === undefined && context.inputs > 1) {
      throw missingColumn(
        'There is no column of response ids, by which several files are joined. Add a column id',
        columns,
        context.file,
      );
    }
    for (const model of this.plan.models) context.join.addModel(model, context.source);
  }

  /** The columns that are looked at. */
  get columns(): string[] {
    const { models, ...roles } = this.plan;
    return [...Object.values(roles).filter((name) => name !== undefined), ...models];
  }

  /** Reads one row; `get` gives the value of a column, `row` says where it stands. */
  read(get: (column: string) => unknown, row: number): void {
    const { plan } = this;
    const { file } = this.#context;
    const id = plan.id === undefined ? String(this.#rows) : toId(get(plan.id));
    this.#rows += 1;
    if (id === undefined) {
      this.#context.findings.error(
        'ERR_MISSING_ID',
        `Column ${plan.id} is ${show(get(plan.id!))}: every row needs an id.`,
        {
          file,
          row,
        },
      );
      return;
    }
    const observation = {
      id,
      file,
      row,
      promptId: plan.promptId === undefined ? undefined : toId(get(plan.promptId)),
      contentHash: plan.contentHash === undefined ? undefined : hashOf(get(plan.contentHash)),
      tokens: plan.tokens === undefined ? undefined : (toNumber(get(plan.tokens)) ?? undefined),
    };
    if (plan.models.length > 0) {
      for (const model of plan.models) this.#addValue(model, get(model), model, observation);
      return;
    }
    const model = plan.model === undefined ? this.#context.model : toId(get(plan.model));
    if (model === undefined) {
      this.#context.findings.error('ERR_MISSING_MODEL', `Column ${plan.model} does not name a model.`, {
        file,
        row,
        response: id,
      });
      return;
    }
    const tokenLogProbs = plan.tokenLogProbs === undefined ? undefined : get(plan.tokenLogProbs);
    if (tokenLogProbs === undefined || tokenLogProbs === null) {
      if (plan.logProb !== undefined) this.#addValue(model, get(plan.logProb), plan.logProb, observation);
      else this.#addValue(model, tokenLogProbs, plan.tokenLogProbs!, observation);
      return;
    }
    this.#addTokens(model, tokenLogProbs, get, observation);
  }

  #addValue(model: string, value: unknown, column: string, observation: Observation): void {
    const { options, join, source } = this.#context;
    const logProb = toNumber(value);
    if (logProb === undefined || logProb === null) this.#reportValue(model, value, column, observation);
    else join.add(observation, model, options.negate ? 0 - logProb : logProb, source);
  }

  #reportValue(model: string, value: unknown, column: string, { file, row, id }: Observation): void {
    const { findings } = this.#context;
    const place = { file, row, model, response: id };
    if (toNumber(value) === undefined) {
      const advice =
        typeof value === 'string' && /^[-+]?[\d.]+,\d/.test(value.trim())
          ? ': write a decimal point and no thousands separators.'
          : '. If the column is no model, name those that are (--column models=NAME,…).';
      findings.error('ERR_NOT_A_NUMBER', `Column ${column} is ${show(value)}, not a number${advice}`, place);
    } else {
      findings.error(
        'ERR_NULL_LOG_PROB',
        `Column ${column} has no value. If it was −∞: JSON has no infinity and JSON.stringify writes null for it; write the text "-inf".`,
        place,
      );
    }
  }

  #addTokens(model: string, value: unknown, get: (column: string) => unknown, observation: Observation): void {
    const { findings, options, join, source } = this.#context;
    const { file, row, id } = observation;
    const place: ErrorPlace = { file, row, model, response: id };
    const tokens = parseList(value);
    if (tokens === undefined) {
      findings.error(
        'ERR_NOT_A_NUMBER',
        `Column ${this.plan.tokenLogProbs} is ${show(value)}, not a list of numbers.`,
        place,
      );
      return;
    }
    const inRow = this.plan.promptTokens === undefined ? undefined : toNumber(get(this.plan.promptTokens));
    const start = inRow ?? options.promptTokens ?? 0;
    if (!Number.isInteger(start) || start < 0 || start >= tokens.length) {
      findings.error(
        'ERR_RESPONSE_SLICE',
        `The response is said to begin at token ${start}, the list has ${tokens.length}: it must have at least one token of the response.`,
        place,
      );
      return;
    }
    const logProb = sumTokens(tokens, start, place, findings, options);
    if (logProb === null) return;
    join.add({ ...observation, tokens: tokens.length - start }, model, logProb, source);
  }
}

function makePlan(columns: readonly string[], context: ReaderContext): Plan {
  const { columns: chosen, negate } = context.options;
  const byName = new Map<string, string>();
  for (const column of columns) if (!byName.has(normalise(column))) byName.set(normalise(column), column);
  const find = (role: Role, names: readonly string[] = NAMES[role]) => {
    const wanted = chosen[role];
    if (wanted !== undefined) {
      if (columns.includes(wanted)) return wanted;
      throw missingColumn(`There is no column called ${wanted}`, columns, context.file);
    }
    const found = names.find((name) => byName.has(name));
    return found === undefined ? undefined : byName.get(found);
  };
  const absent = chosen.models?.find((model) => !columns.includes(model));
  if (absent !== undefined) throw missingColumn(`There is no column called ${absent}`, columns, context.file);

  const side = {
    // pandas writes its index as a first column without a name.
    id: find('id') ?? columns.find((column, index) => index === 0 && /^(unnamed: 0)?$/i.test(column)),
    model: find('model'),
    tokens: find('tokens'),
    promptId: find('promptId'),
    promptTokens: find('promptTokens'),
    contentHash: find('contentHash'),
  };
  const loss = LOSSES.map((name) => byName.get(name)).find((name) => name !== undefined);
  const logProb = chosen.models ? undefined : (find('logProb') ?? (negate ? loss : undefined));
  const tokenLogProbs = chosen.models ? undefined : find('tokenLogProbs');
  if (logProb !== undefined || tokenLogProbs !== undefined) {
    if (side.id === undefined) {
      throw missingColumn(
        'There is no column of response ids: rows are joined by id, never by line. Add a column id',
        columns,
        context.file,
      );
    }
    return { ...side, logProb, tokenLogProbs, models: [] };
  }
  if (loss !== undefined && side.model !== undefined) {
    throw missingColumn(
      `Column ${loss} seems to hold losses, which are negative log-probabilities: pass --negate`,
      columns,
      context.file,
    );
  }
  const taken = new Set(Object.values(side));
  const models = chosen.models ?? columns.filter((column) => !taken.has(column) && !ALONGSIDE.has(normalise(column)));
  if (models.length === 0) {
    throw missingColumn(
      'There is no column of log-probabilities: logProb, tokenLogProbs, or a column for each model',
      columns,
      context.file,
    );
  }
  return { ...side, model: undefined, logProb, tokenLogProbs, models };
}

function missingColumn(message: string, columns: readonly string[], file: string) {
  const shown = columns.slice(0, 12).join(', ') + (columns.length > 12 ? ', …' : '');
  return located('ERR_MISSING_COLUMN', `${message}. The columns are: ${shown}.`, { file });
}

function hashOf(value: unknown): string | undefined {
  const id = toId(value);
  return id === undefined ? undefined : `given:${id}`;
}

/** A list, or its JSON text as tables hold it. */
function parseList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  if (typeof value !== 'string' || !value.trim().startsWith('[')) return undefined;
  const inner = value
    .trim()
    .replace(/^\[|\]$/g, '')
    .trim();
  return inner === '' ? [] : inner.split(/[\s,]+/);
}
