import type { GraphCheckpoint, GraphRun } from '../problems/graph-task.js';

/** The values of N of the left panel. */
export const LEFT_N = [2, 3, 4, 4.6, 5.7] as const;
/** The values of N for Pass@N of the right panels. */
export const PASS_N = [4, 8, 12] as const;

/** What picked which fine-tuning checkpoint. */
export interface Picks {
  /** The tournament's pick for each Pass@N, as an index into `fineTuning`. */
  readonly tournament: readonly number[];
  readonly leastKl: number;
  readonly leastCrossEntropy: number;
}

/** A run and what is picked from it. */
export interface Seed {
  readonly run: GraphRun;
  readonly fineTuning: readonly GraphCheckpoint[];
  readonly picks: Picks;
}

/** Cov_N of a checkpoint. */
export function coverageAt({ measures }: GraphCheckpoint, N: number): number {
  return measures.all.coverage[measures.N.indexOf(N)]!;
}

/** Pass@N of a checkpoint. */
export function passAt({ measures }: GraphCheckpoint, N: number): number {
  return measures.all.pass[measures.passN.indexOf(N)]!;
}

/** Mean probability of the path of a class, 0 for G1 and 1 for G2. */
export function pathProbability({ measures }: GraphCheckpoint, of: 0 | 1): number {
  return measures.classes[of]!.pass[measures.passN.indexOf(1)]!;
}
