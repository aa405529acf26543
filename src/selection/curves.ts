import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { tournament } from '../tournament/tournament.js';
import type { SelectionCurves } from './result.js';

const GRID_POINTS = 33;
/** Above this many models the grid is the values of N asked for: M×M counts at each point would take too much memory. */
const GRID_UP_TO_MODELS = 200;

/** Scores and winners on a grid of N that is even in log N, from 1 to well past the greatest N asked for. */
export async function selectionCurves(
  logProbs: LogProbs,
  budgets: readonly number[],
  options: JobOptions,
): Promise<SelectionCurves> {
  const N = logProbs.models.length > GRID_UP_TO_MODELS ? [...budgets].sort((a, b) => a - b) : grid(budgets);
  const { tournaments } = await tournament(logProbs, { ...options, N });
  return {
    N,
    scores: logProbs.models.map((_, model) => tournaments.map(({ scores }) => scores[model]!)),
    winners: tournaments.map(({ winner }) => winner),
  };
}

function grid(budgets: readonly number[]): number[] {
  const top = 4 * Math.max(4, ...budgets);
  const even = Array.from({ length: GRID_POINTS }, (_, index) => top ** (index / (GRID_POINTS - 1)));
  return [...new Set([...even, ...budgets])].sort((a, b) => a - b);
}
