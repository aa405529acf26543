import type { Findings } from '../input/findings.js';
import { located } from '../input/findings.js';
import { isObject, type JsonObject, normalise, show, toId, toNumber } from '../input/json.js';
import type { RowSink } from '../input/rows.js';
import type { CountJoin } from './count-join.js';

/** Names under which a column is recognised, as `normalise` writes them; the first that is there counts. */
const NAMES = {
  id: [
    'id',
    'problemid',
    'taskid',
    'questionid',
    'problem',
    'docid',
    'origdsetidx',
    'exampleid',
    'task',
    'idx',
    'index',
    'question',
  ],
  model: ['checkpoint', 'ckpt', 'model', 'modelname', 'modelid', 'step'],
  samples: ['n', 'numsamples', 'nsamples', 'total', 'samplecount', 'numgenerations'],
  correct: ['c', 'numcorrect', 'ncorrect', 'correctcount', 'correct', 'passes', 'numpassed'],
  flags: [
    'correct',
    'iscorrects',
    'iscorrect',
    'corrects',
    'passed',
    'pass',
    'success',
    'results',
    'gradedlist',
    'scores',
    'rewards',
    'score',
    'reward',
  ],
} as const;

/** What a reader of counts is given. */
export interface CountContext {
  readonly file: string;
  /** Name of the model, for files that do not say. */
  readonly model: string;
  readonly join: CountJoin;
  readonly findings: Findings;
  readonly options: CountOptions;
}

/** What the readers need of the options, defaults filled in. */
export interface CountOptions {
  readonly tests: 'plus' | 'base';
  readonly samples: number | undefined;
  readonly metric: string | undefined;
  readonly filter: string | undefined;
  readonly transpose: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads rows that say how many samples of a problem are right: `{ id, n, c }`, a list of flags (`{ id, correct: [] }`,
 * Large Language Monkeys' `is_corrects`), or one flag a row and sample (human-eval's `passed`).
 *
 * @internal
 */
export class CountRowReader implements RowSink {
  readonly #context: CountContext;
  readonly #id: string;
  readonly #model: string | undefined;
  readonly #samples: string | undefined;
  readonly #correct: string | undefined;
  readonly #flags: string | undefined;

  constructor(columns: readonly string[], context: CountContext) {
    this.#context = context;
    const find = (names: readonly string[]) =>
      names.map((name) => columns.find((column) => normalise(column) === name)).find((column) => column !== undefined);
    const id = find(NAMES.id);
    this.#model = find(NAMES.model);
    this.#samples = find(NAMES.samples);
    this.#correct = find(NAMES.correct);
    this.#flags = find(NAMES.flags);
    const shown = columns.slice(0, 12).join(', ') + (columns.length > 12 ? ', …' : '');
    if (id === undefined) {
      const message = `There is no column of problem ids (id, task_id): samples are counted by problem. The columns are: ${shown}.`;
      throw located('ERR_MISSING_COLUMN', message, { file: context.file });
    }
    if (this.#flags === undefined && (this.#samples === undefined || this.#correct === undefined)) {
      const message = `There are neither counts (n and c) nor flags (correct, passed, is_corrects): evaluate the samples first. The columns are: ${shown}.`;
      throw located('ERR_MISSING_COLUMN', message, { file: context.file });
    }
    this.#id = id;
  }

  get columns(): string[] {
    const columns = [this.#id, this.#model, this.#samples, this.#correct, this.#flags];
    return [...new Set(columns.filter((column) => column !== undefined))];
  }

  read(get: (column: string) => unknown, row: number): void {
    const { file, findings, join } = this.#context;
    const id = toId(get(this.#id));
    const model = this.#model === undefined ? this.#context.model : toId(get(this.#model));
    if (id === undefined || model === undefined) {
      const column = id === undefined ? this.#id : this.#model!;
      findings.error('ERR_MISSING_ID', `Column ${column} is ${show(get(column))}: every row needs an id.`, {
        file,
        row,
      });
      return;
    }
    const place = { file, row, model, response: id };
    const [samples, correct] = [this.#samples, this.#correct].map((column) =>
      column === undefined ? undefined : toNumber(get(column)),
    );
    if (typeof samples === 'number' && typeof correct === 'number') {
      join.addCounts(place, samples, correct);
      return;
    }
    const value = this.#flags === undefined ? undefined : get(this.#flags);
    const list = listOf(value);
    if (list) {
      const flags = list.map(toFlag);
      const unknown = flags.indexOf(undefined);
      if (unknown >= 0) this.#reportFlag(list[unknown], place);
      else join.addCounts(place, flags.length, flags.filter(Boolean).length);
      return;
    }
    const flag = toFlag(value);
    if (flag === undefined) this.#reportFlag(value, place);
    else join.addSample(place, flag);
  }

  #reportFlag(value: unknown, place: { file: string; row: number; model: string; response: string }): void {
    this.#context.findings.error(
      'ERR_NOT_A_FLAG',
      `Column ${this.#flags ?? this.#correct} is ${show(value)}, which says neither right nor wrong (true, false, 1, 0).`,
      place,
    );
  }
}

/** A list, or its JSON text as tables hold it. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.trim().startsWith('[')) return undefined;
  const inner = value.trim().slice(1, -1).trim();
  return inner === '' ? [] : inner.split(/[\s,]+/);
}

/** Right or wrong, however it is written; `undefined` if it is neither. */
export function toFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (word === 1 || word === '1' || word === '1.0' || word === 'true' || word === 'pass' || word === 'passed')
    return true;
  if (word === 0 || word === '0' || word === '0.0' || word === 'false' || word === 'fail' || word === 'failed')
    return false;
  return undefined;
}

/** Whether a row is an `eval_results.json` of evalplus. */
export function isEvalplus(row: JsonObject): boolean {
  return isObject(row['eval']) && Object.values(row['eval']).every((task) => isObject(task) || Array.isArray(task));
}

/**
 * Reads an `eval_results.json` of evalplus: older files list `[status, details]` by test set, newer ones an object a
 * sample. A sample passes the extended tests only if it passes the base tests, too.
 */
export function readEvalplus(results: JsonObject, row: number, context: CountContext): void {
  const { file, model, join, findings, options } = context;
  for (const [id, task] of Object.entries(results['eval'] as JsonObject)) {
    const place = { file, row, model, response: id };
    const samples = Array.isArray(task) ? task.map(newerStatus) : isObject(task) ? olderStatuses(task) : [];
    if (samples.length === 0) {
      findings.error('ERR_MALFORMED_FILE', 'The problem has no evaluated sample.', place);
      continue;
    }
    const withPlus = samples.filter(({ plus }) => plus !== undefined).length;
    if (options.tests === 'plus' && withPlus > 0 && withPlus < samples.length) {
      findings.error(
        'ERR_MALFORMED_FILE',
        'Some samples were run on the extended tests and some were not: evaluate again.',
        place,
      );
      continue;
    }
    if (options.tests === 'plus' && withPlus === 0) {
      findings.warn('WARN_BASE_TESTS_ONLY', 'The samples were run on the base tests only, so these decide.', {
        file,
        model,
      });
    }
    const passed = samples.filter(({ base, plus }) => base && (options.tests === 'base' || plus !== false));
    join.addCounts(place, samples.length, passed.length);
  }
}

interface Status {
  readonly base: boolean;
  /** `undefined` where the extended tests were not run. */
  readonly plus: boolean | undefined;
}

function newerStatus(sample: unknown): Status {
  const { base_status: base, plus_status: plus } = isObject(sample) ? sample : {};
  return { base: base === 'pass', plus: typeof plus === 'string' ? plus === 'pass' : undefined };
}

function olderStatuses(task: JsonObject): Status[] {
  const statuses = (value: unknown) =>
    Array.isArray(value)
      ? value.map(
          (entry) =>
            (Array.isArray(entry) ? entry[0] : entry) === 'success' ||
            (Array.isArray(entry) ? entry[0] : entry) === 'pass',
        )
      : [];
  const plus = statuses(task['plus']);
  return statuses(task['base']).map((base, index) => ({ base, plus: plus[index] }));
}
