import { describe, expect, test } from 'vitest';
import * as experiments from '../src/experiments.js';
import * as root from '../src/index.js';
import { CoverageError, LogProbs, SavedTournament } from '../src/index.js';
import * as linear from '../src/linear.js';

/*
 * Every public function, constructor and method, called with values of every wrong kind in every place: what comes back is
 * an answer or a CoverageError with a code, never an error of the language from somewhere inside.
 */

const deep = (levels: number): unknown => (levels === 0 ? 1 : { parts: [deep(levels - 1)] });
const cycle: { self?: unknown } = {};
cycle.self = cycle;

/** Values of every kind. */
const WRONG: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, Number.NaN, 2 ** 60, 5n, '', 'x', Symbol('s')],
  ...[[], [null], [[]], [1, 'x'], {}, { models: 5 }, { N: 'x' }, { signal: 5 }, { threads: 0 }, cycle, deep(3000)],
  ...[() => undefined, new Date(0), new Map(), new Float64Array(2), new Uint8Array(1), Promise.resolve(1), /x/],
];

const logProbs = LogProbs.fromArrays(
  [
    [-1, -2, -3],
    [-2, -2, -2],
  ],
  { models: ['a', 'b'] },
);
const { data, class: sets } = experiments.namedProblem({ name: 'prop-i.1', horizon: 4, responses: 20 });
const { features } = sets!;
const model = new linear.LinearModel(features, new Float64Array(features.dim));
const responses = await data.sample(3);
const run = await linear.train({ ...sets!, data, steps: 2, checkpoints: { every: 1 }, validation: { heldOut: 3 } });
const training = await linear.Training.create([{ ...sets!, data, steps: 2 }]);
const task = new experiments.GraphTask({ figure: 'figure-1' });
const saved = await SavedTournament.start(logProbs, { N: [2] });

/** What may be right in a place, so that later places are reached. */
const RIGHT: readonly unknown[] = [logProbs, data, model, features, responses];

/** Writes files, or runs for long, whatever it is given that is right; or is the inside of another. */
const LEFT_OUT = new Set(['writeReportFile', 'write', 'dispose', 'reproduce', 'doctor', 'ofOne']);

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'object';
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The calls, of which none may end in an error of the language; returns those that do. */
async function failures(name: string, call: (...args: never[]) => unknown, places: number): Promise<string[]> {
  const found: string[] = [];
  const attempt = async (args: readonly unknown[]) => {
    const error = await outcome(() => call(...(args as never[])));
    if (error === undefined || error instanceof CoverageError) return;
    found.push(
      `${name}(${args.map(shown).join(', ')}): ${error instanceof Error ? `${error.name}: ${error.message}` : shown(error)}`.slice(
        0,
        200,
      ),
    );
  };
  for (const wrong of WRONG) {
    await attempt([wrong]);
    if (places > 1) await attempt([wrong, {}]);
    for (const right of RIGHT) {
      if (places > 1) await attempt([right, wrong]);
      if (places > 2) await attempt([right, model, wrong]);
    }
  }
  return found;
}

/** Places that arguments have: those with defaults are not counted by `length`. */
function placesOf(method: { readonly length: number }): number {
  return Math.min(3, method.length + 1);
}

const doors = { ...root, ...linear, ...experiments } as Readonly<Record<string, unknown>>;
const isClass = (value: unknown) =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

describe('functions', () => {
  const functions = Object.entries(doors).filter(([name, value]) => {
    return typeof value === 'function' && !isClass(value) && !LEFT_OUT.has(name);
  }) as [string, (...args: never[]) => unknown][];

  test.each(functions)('%s', async (name, call) => {
    expect(await failures(name, call, placesOf(call))).toEqual([]);
  });
});

describe('functions of files, which are not called with what is right', () => {
  test('writeReportFile', async () => {
    for (const wrong of WRONG.filter((value) => typeof value !== 'string')) {
      expect(await outcome(() => root.writeReportFile(wrong as never, 'x'))).toMatchObject({
        code: 'ERR_INVALID_OPTION',
      });
    }
    for (const wrong of [undefined, null, 5, Symbol('s'), {}, () => 1]) {
      const error = await outcome(() => root.writeReportFile('no-such-folder/x', wrong as never));
      expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    }
  });

  test('doctor', async () => {
    expect(await failures('doctor', root.doctor, 2)).toEqual([]);
  });
});

describe('classes', () => {
  const classes = Object.entries(doors).filter(([name, value]) => isClass(value) && name !== 'CoverageError') as [
    string,
    new (...args: never[]) => unknown,
  ][];

  test.each(classes)('static functions of %s', async (name, type) => {
    for (const key of Object.getOwnPropertyNames(type)) {
      const call = (type as unknown as Record<string, unknown>)[key];
      if (typeof call !== 'function' || LEFT_OUT.has(key)) continue;
      expect(await failures(`${name}.${key}`, call.bind(type), placesOf(call)), key).toEqual([]);
    }
  });

  const instances = { logProbs, data, model, features, responses, run, training, task, saved };
  test.each(Object.entries(instances))('methods of %s', async (name, instance) => {
    for (let type = Object.getPrototypeOf(instance); type !== Object.prototype; type = Object.getPrototypeOf(type)) {
      for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
        if (typeof value !== 'function' || key === 'constructor' || LEFT_OUT.has(key)) continue;
        expect(await failures(`${name}.${key}`, value.bind(instance), placesOf(value)), key).toEqual([]);
      }
    }
  });

  test.each([
    ['LinearModel', (...args: never[]) => new linear.LinearModel(...(args as unknown as [never, never]))],
    ['GraphTask', (...args: never[]) => new experiments.GraphTask(...(args as unknown as [never]))],
  ])('constructor of %s', async (name, call) => {
    expect(await failures(name, call, 2)).toEqual([]);
  });
});
