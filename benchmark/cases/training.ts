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

/** Every feature is eight bytes and used once for the logits, once for the gradient: four operations. */
const roofsOf = (dim: number, prompts: number) => [
  { name: 'flops-f64' },
  { name: trafficRoof(8 * prompts * HORIZON * VOCABULARY * dim), perUnit: 2 },
];

/** Training of linear models on dense table features, and evaluation with test-time training. */
export function trainingCases(scope: Scope): Case[] {
  const settings = [64, 1024].flatMap((dim) => [1, 64].map((prompts) => ({ dim, prompts })));
  return settings.flatMap((setting) => [
    procedureCase(
      {
        ...setting,
        name: 'sequence-sgd',
        title: 'Sequence SGD',
        task: { kind: 'training', procedure: 'sequenceSgd', stepSize: 0.01 },
      },
      [
        { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: setting.dim === 64 ? 5 : 2 },
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
}

/** As many responses as make a run of some tens of milliseconds, a whole number of batches. */
function inputsOf({ dim, prompts }: Setting, { quick }: Scope) {
  const responses = Math.ceil((quick ? 20_480 : 204_800) / dim / BATCH_SIZE) * BATCH_SIZE;
  const inputs: Record<string, InputSpec> = {
    features: { kind: 'features', prompts, horizon: HORIZON, vocabulary: VOCABULARY, dim, seed: 6 },
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

function procedureCase({ dim, prompts, name, title, task }: Procedure, goals: readonly Goal[], scope: Scope): Case {
  const { responses, inputs } = inputsOf({ dim, prompts }, scope);
  const as = participantsOf({ ...COMMON, ...task } as typeof task, { roofs: roofsOf(dim, prompts) });
  const theta: InputSpec = { kind: 'direction', dim, norm: 0.5, seed: 9 };
  return {
    name: `${name}-${dim}-${prompts}`,
    title: `${title}, ${plural(responses, 'response')} to ${plural(prompts, 'prompt')}, H=${HORIZON}, V=${VOCABULARY}, d=${dim}`,
    about:
      'One pass over the responses, dense features by prompt, position and token, double precision. NumPy does one ' +
      'matrix product a sequence (or token) on one thread, Numba plain loops, JAX one compiled scan.',
    inputs: task.theta ? { ...inputs, theta } : inputs,
    participants: ['core', 'facade', 'numpy', 'numba', 'jax'].map((method) => as(method)),
    work: { unit: 'flops', amount: responses * HORIZON * flopsOf(dim) },
    tolerance: TOLERANCE,
    goals,
  };
}

function sweepCase({ dim, prompts }: Setting, scope: Scope): Case {
  const { responses, inputs } = inputsOf({ dim, prompts }, scope);
  const runs = 32;
  const task = { ...COMMON, kind: 'sweep' as const, procedure: 'sequenceSgd', stepSize: 0.001, runs };
  const as = participantsOf(task, { roofs: roofsOf(dim, prompts) });
  const several = scope.threads.slice(1);
  return {
    name: `sweep-${dim}-${prompts}`,
    title: `A sweep of ${runs} runs of sequence SGD, ${plural(responses, 'response')} to ${plural(prompts, 'prompt')}, d=${dim}`,
    about: 'Runs differ by their step size and share the features; every thread takes the next run.',
    inputs,
    participants: [as('core'), ...several.flatMap((threads) => [as('core', { threads }), as('facade', { threads })])],
    work: { unit: 'flops', amount: runs * responses * HORIZON * flopsOf(dim) },
    tolerance: 0,
    goals: threadGoals(scope, 1.9),
  };
}
