import type { Case } from '../case.js';
import { bootstrapCases } from './bootstrap.js';
import { readingCases } from './reading.js';
import { reproduceCases } from './reproduce.js';
import { selectCases } from './select.js';
import { startCases } from './start.js';
import { tournamentCases } from './tournament.js';
import { trainingCases } from './training.js';
import { winnerCases } from './winner.js';

/** What of the benchmark is asked for. */
export interface Scope {
  /** Numbers of threads, ascending, the first 1. */
  readonly threads: readonly number[];
  /** Leave out what takes long: for trying out. */
  readonly quick: boolean;
}

/** All cases, in the order they run. */
export function allCases(scope: Scope): Case[] {
  return [
    tournamentCases,
    winnerCases,
    bootstrapCases,
    trainingCases,
    readingCases,
    selectCases,
    startCases,
    reproduceCases,
  ].flatMap((cases) => cases(scope));
}
