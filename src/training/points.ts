import { CoverageError, type Problem } from '../error.js';
import { grid, type Point, pointName } from '../linear/sweep.js';
import { checkOptions } from '../options.js';
import { type CheckedTrainConfig, trainConfigSchema } from './schema.js';

/** The configuration of one run. */
export interface RunConfig {
  /** What the sweep says of it; empty without a sweep. */
  readonly point: Point<Record<string, (number | string | boolean)[]>>;
  /** Name of the run, from its point; empty without a sweep. */
  readonly name: string;
  readonly config: CheckedTrainConfig;
}

/**
 * The runs of a configuration: one, or one for each point of its sweep. All problems of all runs are reported at once.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` with the dotted path of every problem
 */
export function runConfigs(config: unknown): RunConfig[] {
  const { sweep, ...base } = checkOptions('train', trainConfigSchema, config);
  if (!sweep || Object.keys(sweep).length === 0) return [{ point: {}, name: '', config: base }];
  const problems: Problem[] = [];
  const runs = grid(sweep).map((point) => {
    const changed = structuredCloneOfData(config) as Record<string, unknown>;
    delete changed['sweep'];
    for (const [path, value] of Object.entries(point)) set(changed, path, value);
    try {
      return { point, name: pointName(shortened(point)), config: checkOptions('train', trainConfigSchema, changed) };
    } catch (error) {
      if (!(error instanceof CoverageError)) throw error;
      for (const { path, message } of error.problems) {
        problems.push({ path, message: `${message} (in the run ${pointName(point)})` });
      }
      return undefined;
    }
  });
  if (problems.length > 0) {
    const list = problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new CoverageError('ERR_INVALID_OPTION', `Invalid options of train(): ${list}.`, {
      problems,
      place: { field: problems[0]!.path },
    });
  }
  return runs.filter((run) => run !== undefined);
}

/** A copy of nested plain data; functions and other values are shared. */
function structuredCloneOfData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneOfData);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, structuredCloneOfData(part)]));
}

function set(target: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  let object = target;
  for (const key of keys.slice(0, -1)) {
    const inner = Object.hasOwn(object, key) ? object[key] : undefined;
    const next = typeof inner === 'object' && inner !== null ? inner : {};
    define(object, key, next);
    object = next as Record<string, unknown>;
  }
  define(object, keys.at(-1)!, value);
}

/** Sets a key as data, also one called `__proto__`. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

/** The axes by their last names, where these tell them apart. */
function shortened<T>(point: Readonly<Record<string, T>>): Record<string, T> {
  const last = (path: string) => path.split('.').at(-1)!;
  const names = Object.keys(point).map(last);
  const distinct = new Set(names).size === names.length;
  return Object.fromEntries(Object.entries(point).map(([path, value]) => [distinct ? last(path) : path, value]));
}
