import type { Goal } from '../case.js';
import type { Scope } from './index.js';

/** How much of one thread's time more threads have to save, wherever they are timed. `two`: what two have to reach, if that is asked. */
export function threadGoals({ threads }: Scope, two?: number): Goal[] {
  const goals: [number, number | undefined][] = [
    [2, two],
    [16, 13],
  ];
  return goals.flatMap(([count, atLeast]) =>
    atLeast !== undefined && threads.includes(count)
      ? [{ kind: 'ratio', slow: 'core', fast: `core, ${count} threads`, atLeast }]
      : [],
  );
}
