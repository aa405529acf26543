import type { Case, Goal, InputSpec, Task } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';

const HORIZON = 32;
const VOCABULARY = 16;
const PROMPTS = 64;
const BATCH_SIZE = 16;

/** Sums over tokens are added up in another order by every participant; steps carry the rounding on. */
const TOLERANCE = 1e-9;

/** Floating-point operations of a token: logits and gradient, a multiplication and an addition a feature. */
const flopsOf = (dim: number) => 4 * VOCABULARY * dim;

/** Every feature is eight bytes and used once for the logits, once for the gradient: four operations. */
const roofsOf = (dim: number) => [
  { name: 'flops-f64' },
  // All features of 64 prompts: 16 MiB at d = 64, 256 MiB at d = 1,024.
  { name: dim === 64 ? 'bytes-16M' : 'bytes-256M', perUnit: 2 },
];

/** Training of linear models on dense table features, and evaluation with test-time training. */
export function trainingCases(scope: Scope): Case[] {
  return [64, 1024].flatMap((dim) => [
    procedureCase(
      {
        dim,
        name: 'sequence-sgd',
        title: 'Sequence SGD',
        task: { kind: 'training', procedure: 'sequenceSgd', stepSize: 0.01 },
      },
      [
        { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: dim === 64 ? 5 : 2 },
        { kind: 'ratio', slow: 'numba', fast: 'core', atLeast: 10 },
        { kind: 'roofline', participant: 'core', atLeast: 0.7 },
      ],
      scope,
    ),
    procedureCase(
      {
        dim,
        name: 'normalized-sgd',
        title: `Normalized SGD, K = ${BATCH_SIZE}`,
        task: { kind: 'training', procedure: 'normalizedSgd', stepSize: 0.01, batchSize: BATCH_SIZE, damping: 0.5 },
      },
      [],
      scope,
    ),
    procedureCase(
      { dim, name: 'token-sgd', title: 'Token SGD', task: { kind: 'training', procedure: 'tokenSgd', stepSize: 0.01 } },
      [{ kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: dim === 64 ? 25 : 5 }],
      scope,
    ),
    procedureCase(
      {
        dim,
        name: 'test-time',
        title: 'Evaluation with test-time training',
        task: { kind: 'testTime', theta: '$theta', stepSize: 0.1 },
      },
      [{ kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: dim === 64 ? 25 : 5 }],
      scope,
    ),
    sweepCase(dim, scope),
  ]);
}

/** The features of one prompt, and as many responses as make a run of tens of milliseconds. */
function inputsOf(dim: number, { quick }: Scope): { responses: number; inputs: Record<string, InputSpec> } {
  const responses = (quick ? 20_480 : 204_800) / dim;
  return {
    responses,
    inputs: {
      features: { kind: 'features', prompts: PROMPTS, horizon: HORIZON, vocabulary: VOCABULARY, dim, seed: 6 },
      prompts: { kind: 'integers', shape: [responses], below: PROMPTS, seed: 7 },
      tokens: { kind: 'integers', shape: [responses, HORIZON], below: VOCABULARY, seed: 8 },
      theta: { kind: 'direction', dim, norm: 0.5, seed: 9 },
    },
  };
}

const COMMON = { features: '$features', prompts: '$prompts', tokens: '$tokens', radius: 1 };

interface Procedure {
  readonly dim: number;
  readonly name: string;
  readonly title: string;
  readonly task: Omit<Task, 'method' | 'threads'>;
}

function procedureCase({ dim, name, title, task }: Procedure, goals: readonly Goal[], scope: Scope): Case {
  const { responses, inputs } = inputsOf(dim, scope);
  const as = participantsOf({ ...COMMON, ...task } as typeof task, { roofs: roofsOf(dim) });
  const { theta, ...others } = inputs;
  return {
    name: `${name}-${dim}`,
    title: `${title}, ${responses} responses, H=${HORIZON}, V=${VOCABULARY}, d=${dim}`,
    about:
      'One pass over the responses, dense features by prompt, position and token, double precision. NumPy does one ' +
      'matrix product a sequence (or token) on one thread, Numba plain loops, JAX one compiled scan.',
    inputs: task.theta ? { ...others, theta: theta! } : others,
    participants: ['core', 'facade', 'numpy', 'numba', 'jax'].map((method) => as(method)),
    work: { unit: 'flops', amount: responses * HORIZON * flopsOf(dim) },
    tolerance: TOLERANCE,
    goals,
  };
}

function sweepCase(dim: number, scope: Scope): Case {
  const { responses, inputs } = inputsOf(dim, scope);
  const { theta: _, ...others } = inputs;
  const runs = 32;
  const task = { ...COMMON, kind: 'sweep' as const, procedure: 'sequenceSgd', stepSize: 0.001, runs };
  const as = participantsOf(task, { roofs: roofsOf(dim) });
  const several = scope.threads.slice(1);
  return {
    name: `sweep-${dim}`,
    title: `A sweep of ${runs} runs of sequence SGD, ${responses} responses each, d=${dim}`,
    about: 'Runs differ by their step size and share the features; every thread takes the next run.',
    inputs: others,
    participants: [as('core'), ...several.flatMap((threads) => [as('core', { threads }), as('facade', { threads })])],
    work: { unit: 'flops', amount: runs * responses * HORIZON * flopsOf(dim) },
    tolerance: 0,
    goals: several.includes(2) ? [{ kind: 'ratio', slow: 'core', fast: 'core, 2 threads', atLeast: 1.9 }] : [],
  };
}
