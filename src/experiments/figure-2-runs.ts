import type { GraphRun } from '../problems/graph-task.js';

export const HORIZONS = [8, 16, 24] as const;
/** Weight of the class whose choices cannot be learned. */
export const HARD = 0.05;
/** Weight of all classes with choices. */
export const CHOICES = 0.06;
/** KL of the calibrated learner a layer: half of the layers have a choice, each costs log 2. */
export const LIMIT_SLOPE = (HARD * Math.LN2) / 2;

/** The runs of one H, one a seed. */
export interface AtHorizon {
  readonly H: number;
  readonly runs: readonly GraphRun[];
}

/** Both learners at each H. */
export interface Learners {
  readonly overfitting: readonly AtHorizon[];
  readonly calibrated: readonly AtHorizon[];
}

export type Quantity = 'kl' | 'coverage' | 'ratio';

/** KL, Cov_16 or their ratio at a checkpoint of a run. */
export function valueAt(run: GraphRun, checkpoint: number, quantity: Quantity): number {
  const { kl, coverage } = run.checkpoints[checkpoint]!.measures.all;
  // θ is bounded and finite: no path has probability 0.
  if (quantity === 'kl') return kl!;
  return quantity === 'coverage' ? coverage[0]! : kl! / coverage[0]!;
}

/** The same at the end of training, one value a run. */
export function atEnd({ runs }: AtHorizon, quantity: Quantity): number[] {
  return runs.map((run) => valueAt(run, run.checkpoints.length - 1, quantity));
}
