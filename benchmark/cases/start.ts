import type { Case, Goal, InputSpec, Participant, Task } from '../case.js';

/** How long the command takes before it has anything to do, over what Node takes by itself. */
export function startCases(): Case[] {
  const matrix: InputSpec = { kind: 'checkpoints', models: 4, responses: 50, dtype: 'f4', noise: 0.3, seed: 1 };
  const as = (id: string, ...words: string[]): Participant => ({
    id,
    host: 'command',
    task: { kind: 'start', method: 'start', threads: 1, file: '$matrix', words } as Task,
    group: id,
  });
  const commands = [
    as('--version', 'MAIN', '--version'),
    as('--help', 'MAIN', '--help'),
    as('select', 'MAIN', 'select', 'FILE', '-N', '2,4', '--json'),
  ];
  return [
    {
      name: 'start',
      title: 'The start of the command',
      about: 'Node by itself, --version, --help, and select on a tiny file, each a process from its start to its end.',
      inputs: { matrix },
      participants: [as('node', '-e', '0'), ...commands],
      work: { unit: 'commands', amount: 1 },
      tolerance: 0,
      goals: commands.map(({ id }): Goal => ({ kind: 'ratio', slow: id, fast: 'node', atMost: 2 })),
    },
  ];
}
