import { count, plural } from '../../src/text/format.js';
import type { Case, InputSpec, Participant, Task } from '../case.js';
import type { Scope } from './index.js';

/** Ratios that are no powers of one another. */
const RATIOS = [2, 5, 12, 30];
const REPLICATES = 1000;

/** Models, responses, and how often as fast as the script the command is to be. */
const SIZES = [
  [20, 5000, 20],
  [256, 16_384, 50],
  [100, 100_000, 50],
  [50, 1_000_000, 50],
] as const;

/** The whole command, from the start of the program to its end. */
export function selectCases(scope: Scope): Case[] {
  return SIZES.slice(0, scope.quick ? 1 : SIZES.length).map((size) => selectCase(size, scope));
}

function selectCase([models, responses, atLeast]: (typeof SIZES)[number], { threads }: Scope): Case {
  const matrix: InputSpec = {
    kind: 'checkpoints',
    models,
    responses,
    dtype: 'f4',
    noise: 0.3,
    measured: true,
    seed: 5,
  };
  const as = (method: string): Participant => ({
    id: method,
    host: 'command',
    task: {
      kind: 'select',
      method,
      file: '$matrix',
      ratios: RATIOS,
      replicates: REPLICATES,
      threads: threads.at(-1)!,
    } as Task,
  });
  return {
    name: `select-${models}-${responses}`,
    title: `The whole command select --json, ${plural(models, 'checkpoint')}, ${plural(responses, 'response')}`,
    about:
      `Reading a .npy file, tournaments at four N, picks, intervals and ${count(REPLICATES)} resamples, each run a process from ` +
      'its start to its end. script: the same in NumPy and SciPy (benchmark/peers/select_script.py), with 200 resamples whose ' +
      'time is multiplied by five. parts: the start of the program, and reading, choosing and writing in a process that is warm.',
    inputs: { matrix },
    participants: [as('command'), as('parts'), as('script')],
    work: { unit: 'pairs of elements', amount: ((models * (models - 1)) / 2) * responses * RATIOS.length },
    // The script takes more than five minutes there.
    ...(models * responses > 20_000_000 && { once: true }),
    // Means of log-probabilities are added up in another order.
    tolerance: 1e-9,
    goals: [
      { kind: 'ratio', slow: 'script', fast: 'command', atLeast },
      { kind: 'ratio', slow: 'command', fast: 'parts', atMost: 1.5 },
    ],
  };
}
