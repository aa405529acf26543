import { plural } from '../../src/text/format.js';
import type { Case, Goal, InputSpec, Task } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';
import { threadGoals } from './threads.js';

const HORIZON = 32;
const VOCABULARY = 16;
const BATCH_SIZE = 16;

/** Sums over tokens are added up in another order by every participant; steps carry the rounding on. */
const TOLERANCE = 1e-9;

/** Floating-point operations of a token: logits and gradient, a multiplication and an addition a feature. */
const flopsOf = (dim: number) => 4 * VOCABULARY * dim;

/** The measured limit of reading that many bytes again and again: the least size that holds them. */
function trafficRoof(bytes: number): string {
  const sizes = [
    ['bytes-16K', 16 << 10],
    ['bytes-512K', 512 << 10],
    ['bytes-16M', 16 << 20],
  ] as const;
  return sizes.find(([, size]) => bytes <= size)?.[0] ?? 'bytes-256M';
}

/** Every feature is four bytes (or eight) and used once for the logits, once for the gradient: four operations. */
function roofsOf({ dim, prompts, doubles }: Setting) {
  const bytes = doubles ? 8 : 4;
  return [
    { name: 'flops-f64' },
    { name: trafficRoof(bytes * prompts * HORIZON * VOCABULARY * dim), perUnit: bytes / 4 },
  ];
}

/** Training of linear models on dense table features, and evaluation with test-time training. */
export function trainingCases(scope: Scope): Case[] {
  const settings = [64, 1024].flatMap((dim) => [1, 64].map((prompts) => ({ dim, prompts })));
  return [...settings, { dim: 1024, prompts: 1, doubles: true }].flatMap((setting: Setting) => [
    procedureCase(
      {
        ...setting,
        name: 'sequence-sgd',
        title: 'Sequence SGD',
        task: { kind: 'training', procedure: 'sequenceSgd', stepSize: 0.01 },
      },
      [
        { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: setting.dim === 64 ? 6 : 3.5 },
        { kind: 'ratio', slow: 'numba', fast: 'core', atLeast: 10 },
        { kind: 'roofline', participant: 'core', atLeast: 0.7 },
      ],
      scope,
    ),
    procedureCase(
      {
        ...setting,
        name: 'normalized-sgd',
        title: `Normalized SGD, K = ${BATCH_SIZE}`,
        task: { kind: 'training', procedure: 'normalizedSgd', stepSize: 0.01, batchSize: BATCH_SIZE, damping: 0.5 },
      },
      [],
      scope,
    ),
    procedureCase(
      {
        ...setting,
        name: 'token-sgd',
        title: 'Token SGD',
        task: { kind: 'training', procedure: 'tokenSgd', stepSize: 0.01 },
      },
      [{ kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: setting.dim === 64 ? 25 : 5 }],
      scope,
    ),
    procedureCase(
      {
        ...setting,
        name: 'test-time',
        title: 'Evaluation with test-time training',
        task: { kind: 'testTime', theta: '$theta', stepSize: 0.1 },
      },
      [{ kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: setting.dim === 64 ? 25 : 5 }],
      scope,
    ),
    sweepCase(setting, scope),
  ]);
}

/** How large a problem is: with one prompt all features stay near the processor, with 64 they do not. */
interface Setting {
  readonly dim: number;
  readonly prompts: number;
  /** Whether features are of double precision; else each value is one of single precision, which everyone may make use of. */
  readonly doubles?: boolean;
}

const nameOf = (name: string, { dim, prompts, doubles }: Setting) =>
  `${name}-${dim}-${prompts}${doubles ? '-doubles' : ''}`;

/** As many responses as make a run of some tens of milliseconds, a whole number of batches. */
function inputsOf({ dim, prompts, doubles = false }: Setting, { quick }: Scope) {
  const responses = Math.ceil((quick ? 20_480 : 204_800) / dim / BATCH_SIZE) * BATCH_SIZE;
  const inputs: Record<string, InputSpec> = {
    features: { kind: 'features', prompts, horizon: HORIZON, vocabulary: VOCABULARY, dim, single: !doubles, seed: 6 },
    prompts: { kind: 'integers', shape: [responses], below: prompts, seed: 7 },
    tokens: { kind: 'integers', shape: [responses, HORIZON], below: VOCABULARY, seed: 8 },
  };
  return { responses, inputs };
}

const COMMON = { features: '$features', prompts: '$prompts', tokens: '$tokens', radius: 1 };

interface Procedure extends Setting {
  readonly name: string;
  readonly title: string;
  readonly task: Omit<Task, 'method' | 'threads'>;
}

function procedureCase(procedure: Procedure, goals: readonly Goal[], scope: Scope): Case {
  const { dim, prompts, name, title, task } = procedure;
  const { responses, inputs } = inputsOf(procedure, scope);
  const as = participantsOf({ ...COMMON, ...task } as typeof task, { roofs: roofsOf(procedure) });
  const theta: InputSpec = { kind: 'direction', dim, norm: 0.5, seed: 9 };
  return {
    name: nameOf(name, procedure),
    title: `${title}, ${plural(responses, 'response')} to ${plural(prompts, 'prompt')}, H=${HORIZON}, V=${VOCABULARY}, d=${dim}${procedure.doubles ? ', doubles' : ''}`,
    about:
      'One pass over the responses, dense features by prompt, position and token, computed with in double precision; ' +
      `the values are ${procedure.doubles ? 'of double precision, too' : 'of single precision, which the core keeps as they are'}. ` +
      'NumPy does one matrix product a sequence (or token) on one thread, Numba plain loops, JAX one compiled scan.',
    inputs: task.theta ? { ...inputs, theta } : inputs,
    participants: ['core', 'facade', 'numpy', 'numba', 'jax'].map((method) => as(method)),
    work: { unit: 'flops', amount: responses * HORIZON * flopsOf(dim) },
    tolerance: TOLERANCE,
    goals,
  };
}

function sweepCase(setting: Setting, scope: Scope): Case {
  const { dim, prompts } = setting;
  const { responses, inputs } = inputsOf(setting, scope);
  const runs = 32;
  const task = { ...COMMON, kind: 'sweep' as const, procedure: 'sequenceSgd', stepSize: 0.001, runs };
  const as = participantsOf(task, { roofs: roofsOf(setting) });
  const several = scope.threads.slice(1);
  return {
    name: nameOf('sweep', setting),
    title: `A sweep of ${runs} runs of sequence SGD, ${plural(responses, 'response')} to ${plural(prompts, 'prompt')}, d=${dim}${setting.doubles ? ', doubles' : ''}`,
    about: 'Runs differ by their step size and share the features; every thread takes the next run.',
    inputs,
    participants: [as('core'), ...several.flatMap((threads) => [as('core', { threads }), as('facade', { threads })])],
    work: { unit: 'flops', amount: runs * responses * HORIZON * flopsOf(dim) },
    tolerance: 0,
    goals: threadGoals(scope, 1.95),
  };
}
