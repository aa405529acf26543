import type { Case, Participant } from '../case.js';
import type { Scope } from './index.js';

/** All experiments of the paper as one command, on one thread and on two. */
export function reproduceCases({ quick, threads }: Scope): Case[] {
  const as = (count: number): Participant => ({
    id: count === 1 ? 'command' : `command, ${count} threads`,
    host: 'command',
    task: { kind: 'reproduce', method: 'reproduce', threads: count },
  });
  const several = threads.filter((count) => count === 1 || count === 2);
  if (quick || several.length < 2) return [];
  return [
    {
      name: 'reproduce-all',
      title: 'The whole command reproduce all --quick --json',
      about:
        'Every experiment, from the start of the program to its end. Threads change how long it takes, never what is found.',
      inputs: {},
      participants: several.map(as),
      work: { unit: 'commands', amount: 1 },
      tolerance: 0,
      goals: [{ kind: 'ratio', slow: 'command', fast: 'command, 2 threads', atLeast: 1.9 }],
      once: true,
    },
  ];
}
