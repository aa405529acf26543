import { availableParallelism } from 'node:os';
import { plural } from '../../src/text/format.js';
import type { Case, InputSpec, Participant } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';
import { threadGoals } from './threads.js';

/** The size at which everyone is compared. */
const FULL_SIZE = { models: 256, responses: 16_384 };
/** Half a second on one thread. */
const MANY_THREADS_SIZE = { models: 512, responses: 65_536 };
const QUICK_SIZE = { models: 64, responses: 4096 };
const ONE_N = [16];
const EIGHT_N = [2, 4, 8, 16, 32, 64, 128, 256];
/** Three that are no powers of one number, and the least of them. */
const THREE_N = [3, 5, 7];
/** Eight from the one N on: what more values of N cost, the least being the same. */
const EIGHT_N_FROM_ONE = [16, 32, 64, 128, 256, 512, 1024, 2048];

const checkpoints = (models: number, responses: number, dtype: 'f4' | 'f8' = 'f4'): InputSpec => ({
  kind: 'checkpoints',
  models,
  responses,
  dtype,
  noise: 0.3,
  seed: 1,
});

/** Pairs of models times responses: one subtraction each, which serves both directions. */
const pairs = (models: number, responses: number) => ((models * (models - 1)) / 2) * responses;
const sizeOf = ({ quick }: Scope) => (quick ? QUICK_SIZE : FULL_SIZE);

const UNIT = 'pairs of elements';

const size = (models: number, responses: number) => `${plural(models, 'model')}, ${plural(responses, 'response')}`;

const ROOFS = [{ name: 'compares-f32' }];
const counting = (budgets: readonly number[], common: Partial<Participant> = {}) =>
  participantsOf({ kind: 'tournament', file: '$matrix', budgets }, common);

/** Pairs of elements a second, as a rough guide to who can be asked to take part at which size. */
const ROUGH_SPEEDS: Readonly<Record<string, number>> = {
  naive: 3e8,
  javascript: 2e8,
  numpy: 2e8,
  numpyPairs: 6e8,
  numba: 5e8,
  numbaPairs: 1e9,
  torch: 3e8,
};

/** The methods that finish a run of that much work in reasonable time. */
export function affordable(methods: readonly string[], work: number, { quick }: Scope): string[] {
  const limit = quick ? 1 : 25;
  return methods.filter((method) => work / (ROUGH_SPEEDS[method] ?? Number.POSITIVE_INFINITY) <= limit);
}

/** The tournament: all counts. */
export function tournamentCases(scope: Scope): Case[] {
  return [headline(scope), variants(scope), ...threads(scope), unrelated(scope), outOfCore(), ...growth(scope)];
}

function headline(scope: Scope): Case {
  const { models, responses } = sizeOf(scope);
  const as = counting(ONE_N, { roofs: ROOFS });
  const work = pairs(models, responses);
  const others = affordable(['naive', 'javascript', 'numpy', 'numpyPairs', 'numba', 'numbaPairs', 'torch'], work, {
    ...scope,
    quick: false,
  });
  return {
    name: 'tournament',
    title: `Tournament, ${size(models, responses)}, single precision, one N, one thread`,
    about:
      'All pairwise counts of the checkpoints of one run. Core, binding and facade do the same work and differ by what it costs ' +
      'to get there; naive is the plain double loop in Rust, javascript the same in JavaScript.',
    inputs: { matrix: checkpoints(models, responses) },
    participants: ['core', 'binding', 'facade', 'previous', ...others].map((method) => as(method)),
    work: { unit: UNIT, amount: work },
    tolerance: 0,
    goals: [
      { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: 25 },
      { kind: 'ratio', slow: 'numba', fast: 'core', atLeast: 15 },
      { kind: 'roofline', participant: 'core', atLeast: 0.6 },
    ],
  };
}

function variants(scope: Scope): Case {
  const { models, responses } = sizeOf(scope);
  const as = counting(ONE_N, { roofs: ROOFS });
  const eight = counting(EIGHT_N, { roofs: ROOFS, group: 'eight N' });
  const least = counting([EIGHT_N[0]!], { roofs: ROOFS, group: 'N = 2' });
  const fromOne = counting(EIGHT_N_FROM_ONE, { roofs: ROOFS, group: '8 N from 16' });
  const three = counting(THREE_N, { roofs: ROOFS, group: 'N = 3, 5, 7' });
  const leastOfThree = counting([THREE_N[0]!], { roofs: ROOFS, group: 'N = 3' });
  const avx2 = participantsOf(
    { kind: 'tournament', file: '$matrix', budgets: ONE_N, instructions: 'avx2' },
    { roofs: [{ name: 'compares-f32', instructions: 'avx2' }] },
  );
  const double = participantsOf(
    { kind: 'tournament', file: '$double', budgets: ONE_N },
    { roofs: [{ name: 'compares-f64' }] },
  );
  return {
    name: 'tournament-variants',
    title: `Tournament, ${size(models, responses)}: AVX2, double precision, eight values of N`,
    about: 'One pass over the data serves all values of N; double precision has half as many values in a vector.',
    inputs: { matrix: checkpoints(models, responses), double: checkpoints(models, responses, 'f8') },
    participants: [
      as('core'),
      avx2('core', { id: 'core, AVX2' }),
      as('numpy'),
      double('core', { id: 'core, f64' }),
      double('numbaPairs', { id: 'numbaPairs, f64' }),
      eight('core', { id: 'core, 8 N' }),
      eight('numbaPairs', { id: 'numbaPairs, 8 N' }),
      least('core', { id: 'core, N = 2' }),
      fromOne('core', { id: 'core, 8 N from 16' }),
      three('core', { id: 'core, N = 3, 5, 7' }),
      leastOfThree('core', { id: 'core, N = 3' }),
    ],
    work: { unit: UNIT, amount: pairs(models, responses) },
    tolerance: 0,
    goals: [
      { kind: 'ratio', slow: 'numpy', fast: 'core, AVX2', atLeast: 20 },
      { kind: 'ratio', slow: 'core, 8 N', fast: 'core', atMost: 2 },
      { kind: 'ratio', slow: 'core, 8 N', fast: 'core, N = 2', atMost: 2 },
      { kind: 'ratio', slow: 'core, 8 N from 16', fast: 'core', atMost: 2 },
      { kind: 'ratio', slow: 'core, N = 3, 5, 7', fast: 'core', atMost: 1.5 },
      { kind: 'ratio', slow: 'core, N = 3, 5, 7', fast: 'core, N = 3', atMost: 1.5 },
      { kind: 'ratio', slow: 'core, f64', fast: 'core', atMost: 1 / 0.45, note: '45% of the speed' },
    ],
  };
}

/** Two sizes: where one thread takes milliseconds, starting the others is felt. */
function threads(scope: Scope): Case[] {
  const several = scope.threads.filter((threads) => threads > 1);
  const sizes = [sizeOf(scope), ...(scope.quick ? [] : [MANY_THREADS_SIZE])];
  return sizes.map(({ models, responses }, index) => {
    const as = counting(ONE_N, { roofs: ROOFS });
    const beside = index === 0 ? ['core', 'facade', 'numbaPairs', 'torch'] : ['core', 'facade'];
    return {
      name: index === 0 ? 'tournament-threads' : 'tournament-threads-large',
      title: `Tournament, ${size(models, responses)}, on several threads`,
      about: 'Threads change speed, never the counts.',
      inputs: { matrix: checkpoints(models, responses) },
      participants: [as('core'), ...several.flatMap((threads) => beside.map((method) => as(method, { threads })))],
      work: { unit: UNIT, amount: pairs(models, responses) },
      tolerance: 0,
      goals: threadGoals(scope, 1.8),
    };
  });
}

function unrelated(scope: Scope): Case {
  const { models, responses } = sizeOf(scope);
  const as = counting(ONE_N, { roofs: ROOFS });
  const eight = counting(EIGHT_N, { roofs: ROOFS, group: 'eight N' });
  return {
    name: 'tournament-unrelated',
    title: `Tournament, ${size(models, responses)}: rows that have nothing in common`,
    about:
      'The worst case for anything that hopes that few responses pass the threshold: here about half do. ' +
      'Checkpoints of one run look otherwise, models of different makers lie in between.',
    inputs: { matrix: { kind: 'unrelated', models, responses, dtype: 'f4', spread: 40, seed: 2 } },
    participants: [
      as('core'),
      as('numba'),
      eight('core', { id: 'core, 8 N' }),
      eight('numbaPairs', { id: 'numbaPairs, 8 N' }),
    ],
    work: { unit: UNIT, amount: pairs(models, responses) },
    tolerance: 0,
    goals: [],
  };
}

/** A matrix of 4 GB. */
function outOfCore(): Case {
  const models = 64;
  const responses = 1 << 24;
  const as = counting(ONE_N, { roofs: ROOFS, alone: true });
  return {
    name: 'tournament-4-gb',
    title: `Tournament, ${size(models, responses)}: 4 GiB in memory`,
    about:
      'In a process of its own, reading included. Its memory is what no file backs (RssAnon of Linux), at its greatest: the ' +
      'matrix and little else.',
    inputs: { matrix: checkpoints(models, responses) },
    participants: [as('core')],
    work: { unit: UNIT, amount: pairs(models, responses) },
    tolerance: 0,
    goals: [
      { kind: 'fact', participant: 'core', fact: 'ownMemoryBytes', atMost: 4 * models * responses + (256 << 20) },
    ],
    large: true,
  };
}

/** How time grows with the number of models, of responses, of values of N, and of threads. */
function growth(scope: Scope): Case[] {
  const methods = ['numpy', 'numpyPairs', 'numba', 'numbaPairs', 'torch', 'javascript'];
  const point = (
    axis: string,
    value: number,
    { models, responses, budgets = ONE_N }: { models: number; responses: number; budgets?: readonly number[] },
  ): Case => {
    const work = pairs(models, responses);
    const as = counting(budgets, { roofs: ROOFS });
    return {
      name: `tournament-by-${axis}-${value}`,
      title: `Tournament, ${size(models, responses)}, ${plural(budgets.length, 'value')} of N`,
      about: `One of a series by the number of ${axis}.`,
      inputs: { matrix: checkpoints(models, responses) },
      participants: ['core', 'facade', ...affordable(methods, work * budgets.length, scope)].map((method) =>
        as(method),
      ),
      work: { unit: UNIT, amount: work },
      tolerance: 0,
      goals: [],
      series: { name: `tournament-by-${axis}`, axis, value },
    };
  };
  const by = (axis: string, values: readonly number[], make: (value: number) => Parameters<typeof point>[2]) =>
    values.map((value) => point(axis, value, make(value)));
  const { models, responses } = sizeOf(scope);
  return [
    ...by('models', scope.quick ? [16, 64, 256] : [16, 64, 250, 500, 1000, 2000], (models) => ({
      models,
      responses: 5000,
    })),
    ...by('responses', scope.quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6], (responses) => ({
      models: 16,
      responses,
    })),
    ...by('N', scope.quick ? [1, 8] : [1, 2, 3, 4, 6, 8], (count) => ({
      models: models / 2,
      responses,
      budgets: EIGHT_N.slice(0, count).reverse(),
    })),
    ...threadSeries(scope),
  ];
}

function threadSeries(scope: Scope): Case[] {
  const { models, responses } = sizeOf(scope);
  const as = counting(ONE_N);
  const most = availableParallelism();
  const values = [...new Set([1, 2, 4, 8, 16, 32, 64, 128, most])].filter((threads) => threads <= most);
  return values.map((threads) => ({
    name: `tournament-by-threads-${threads}`,
    title: `Tournament, ${size(models, responses)}, ${plural(threads, 'thread')}`,
    about: 'One of a series by the number of threads, up to all that the machine has.',
    inputs: { matrix: checkpoints(models, responses) },
    participants: ['core', ...(scope.quick ? [] : ['numbaPairs', 'torch'])].map((method) =>
      as(method, { threads, id: method }),
    ),
    work: { unit: UNIT, amount: pairs(models, responses) },
    tolerance: 0,
    goals: [],
    series: { name: 'tournament-by-threads', axis: 'threads', value: threads },
  }));
}
