import { uniforms } from './random.js';

/**
 * A finite class on which likelihood misleads. Of K prompts, each with its own probability, π_D gives one response for
 * certain. Model 0 gives it the probability N^-a everywhere (just above), so Cov of it is 0 beyond N^a but its likelihood
 * is the worst; every other model fits perfectly except on a set of prompts of its own, where it gives N^-(1+a)/3.
 */
export interface TournamentClass {
  readonly N: number;
  readonly a: number;
  /** Probability that a prompt is in the set where model j ≥ 1 is wrong; model 0 has none. These sets are disjoint. */
  readonly wrong: readonly number[];
}

/** Shares of the wrong sets fall geometrically from `first` to `last`; ties go to the first, the worst of them. */
export function tournamentClass(
  models: number,
  N: number,
  a: number,
  sizes: readonly [number, number],
): TournamentClass {
  const [first, last] = sizes;
  const total = models - 1;
  const wrong = Array.from({ length: total }, (_, index) => first * (last / first) ** (index / Math.max(1, total - 1)));
  return { N, a, wrong: [0, ...wrong] };
}

/** How many of n responses fall on the wrong set of each model, drawn as one multinomial. */
export function drawCounts({ wrong }: TournamentClass, n: number, key: readonly number[]): number[] {
  const uniform = uniforms(...key);
  const counts = wrong.map(() => 0);
  const ends: number[] = [];
  let sum = 0;
  for (const share of wrong) {
    sum += share;
    ends.push(sum);
  }
  for (let response = 0; response < n; response += 1) {
    const at = uniform();
    if (at >= sum) continue;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at < ends[middle]!) high = middle;
      else low = middle + 1;
    }
    counts[low]! += 1;
  }
  return counts;
}

/** log π(y | x) on the wrong set of model j, for model m. */
export function logProb({ N, a }: TournamentClass, model: number, set: number): number {
  if (model === 0) return -a * Math.log(N) * (1 - 1e-9);
  return model === set ? -(1 + a) * Math.log(N) - Math.log(3) : 0;
}
