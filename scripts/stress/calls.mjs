// Random calls of every function that the package exports, with arguments right and wrong: each must settle, with a value
// or a CoverageError, never with another error, and the process must live on.
import { numbers, scratch } from './shared.mjs';

const CALLS = 12_000;
/** The package calls it itself, with a name of its own first. */
const INTERNAL = new Set(['Training.ofOne']);
/** A call that takes longer than this hangs. */
const PATIENCE_MS = 20_000;

export async function calls() {
  // Some write a file where they are told to.
  const from = process.cwd();
  process.chdir(scratch('calls'));
  const doors = [await import('coverage-principle'), await import('coverage-principle/linear')];
  const { CoverageError, LogProbs } = doors[0];
  const next = numbers(20251015);
  const pick = (values) => values[Math.floor(next() * values.length)];
  const matrix = LogProbs.fromArrays([Float64Array.of(-1, -2, -3, -4), Float64Array.of(-2, -1, -4, -3)]);
  const functions = doors.flatMap((door) =>
    Object.entries(door).filter(([name, value]) => typeof value === 'function' && !name.startsWith('Coverage')),
  );
  const statics = functions.flatMap(([name, value]) =>
    Object.getOwnPropertyNames(value)
      .filter((key) => typeof value[key] === 'function' && !INTERNAL.has(`${name}.${key}`))
      .map((key) => [`${name}.${key}`, value[key].bind(value)]),
  );
  // A class called without `new` is a TypeError of the language itself.
  const targets = [...functions.filter(([, value]) => !/^class\b/.test(String(value))), ...statics];
  const leaf = () =>
    pick([
      undefined,
      null,
      true,
      0,
      1,
      2,
      4,
      -1,
      0.5,
      1e300,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '',
      'a',
      '__proto__',
      7n,
      Symbol('s'),
      () => 1,
      new Map(),
      new Date(0),
      [],
      [[]],
      {},
      Object.create(null),
      new Float64Array(3),
      Float64Array.of(-1, -2),
      new Uint8Array(5),
      matrix,
      [2, 4],
      [4, 16],
      ['a', 'b'],
      new Proxy({}, {}),
      'no/such/file.csv',
      { length: 3 },
      [undefined],
      { toString: null },
      Promise.resolve(1),
      AbortSignal.abort(),
    ]);
  const keys = [
    'N',
    'bestOf',
    'k',
    'models',
    'logProbs',
    'reference',
    'threads',
    'seed',
    'replicates',
    'signal',
    'onProgress',
    'promptIds',
    'name',
    'confidence',
    'features',
    'data',
    'steps',
    'stepSize',
    'horizon',
    'dim',
    'vocabulary',
    'rows',
    'constructor',
    '__proto__',
    'inputs',
    'format',
    'columns',
    'n',
    'c',
  ];
  const object = (depth) =>
    Object.fromEntries(Array.from({ length: Math.floor(next() * 5) }, () => [pick(keys), argument(depth - 1)]));
  const argument = (depth) => {
    if (depth === 0 || next() < 0.5) return leaf();
    if (next() < 0.3) return Array.from({ length: Math.floor(next() * 4) }, () => argument(depth - 1));
    return object(depth);
  };
  const failures = [];
  const kinds = { value: 0, CoverageError: 0 };
  process.on('unhandledRejection', (reason) => failures.push(`unhandled rejection: ${reason}`));
  for (let call = 0; call < CALLS; call += 1) {
    const [name, target] = targets[call % targets.length];
    const args = Array.from({ length: Math.floor(next() * 4) }, () => argument(2));
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, 'late');
    });
    try {
      const outcome = await Promise.race([(async () => target(...args))(), late]);
      if (outcome === 'late') failures.push(`${name}: not settled after ${PATIENCE_MS} ms`);
      kinds.value += 1;
    } catch (error) {
      const own = args.some((argument) => argument?.signal?.aborted || argument?.aborted);
      if (error instanceof CoverageError) kinds.CoverageError += 1;
      else if (!(own && error?.name === 'AbortError')) failures.push(`${name}: ${error?.name}: ${error?.message}`);
    }
    clearTimeout(timer);
  }
  process.chdir(from);
  const unlike = [...new Set(failures)];
  const found = `${CALLS} calls of ${targets.length} functions: ${kinds.value} values, ${kinds.CoverageError} CoverageErrors, ${failures.length} others of ${unlike.length} kinds`;
  return { found, failures: unlike };
}
