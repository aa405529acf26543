import { native } from '../native.js';
import type { Verdict } from '../report/experiment/verdict.js';
import { compact, plural } from '../report/format.js';
import { offsetTournament } from '../tournament/offset-tournament.js';
import { selectWinner } from '../tournament/select-winner.js';
import { covOf, drawHeldOut, drawOnPolicy, type EventsClass, score } from './events-class.js';
import type { ExperimentContext } from './experiment.js';
import { jobOf } from './part.js';
import { uniforms } from './random.js';

/** δ of the bounds. */
export const DELTA = 0.05;

/** Data sets to draw. */
export interface TrialSettings {
  /** Held-out responses. */
  readonly n: number;
  readonly replicates: number;
  /** What tells the random streams of this sweep from others'. */
  readonly key: number;
  /** Responses that each model draws for each prompt of the offset tournament. */
  readonly each?: number;
}

/** Which tournament. */
export type Kind = 'simple' | 'offset';

/** Cov at `threshold` of the winner of the class's N, one value a data set, for each tournament asked for. */
export async function winnersCov(
  kinds: readonly Kind[],
  task: EventsClass,
  threshold: number,
  { n, replicates, key, each = 1 }: TrialSettings,
  { seed, signal, threads }: Pick<ExperimentContext, 'seed' | 'signal' | 'threads'>,
): Promise<number[][]> {
  const job = jobOf({ signal, threads });
  const covs = Object.fromEntries(task.models.map((model) => [model.name, covOf(task, model, threshold)]));
  const values = kinds.map((): number[] => []);
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    signal?.throwIfAborted();
    const uniform = uniforms(seed, key, task.N, n, task.models.length, replicate);
    const held = drawHeldOut(task, n, uniform);
    using heldOut = score(task, held);
    for (const [at, kind] of kinds.entries()) {
      if (kind === 'simple') {
        const [picked] = await selectWinner(heldOut, { ...job, N: [task.N] });
        values[at]!.push(covs[picked!.winner]!);
      } else {
        const onPolicy = task.models.map((_, model) => score(task, drawOnPolicy(task, model, held, each, uniform)));
        const [picked] = await offsetTournament(heldOut, { ...job, onPolicy, N: [task.N], a: task.a });
        for (const responses of onPolicy) responses.dispose();
        values[at]!.push(covs[picked!.winner]!);
      }
    }
  }
  return values;
}

/** Trials of one point of a sweep, with the bound that they are held against. */
export interface Bounded {
  readonly values: readonly number[];
  readonly bound: number;
}

/**
 * The verdict on a bound that holds with probability 1 − δ: the point of the sweep where it held least often decides. The
 * constant of ≲ is 1.
 */
export function boundVerdict(claim: string, source: string, points: readonly Bounded[]): Verdict {
  const least = points.reduce((worst, each) => (shareWithin(each) < shareWithin(worst) ? each : worst));
  const kept = shareWithin(least);
  const greatest = Math.max(...points.flatMap(({ values, bound }) => values.map((value) => value / bound)));
  const counts = Uint32Array.of(Math.round(kept * least.values.length));
  const [low, high] = native.binomialIntervals(counts, least.values.length, 0.95);
  return {
    claim: `${claim} with probability 1 − δ, δ = ${DELTA}, the constant of ≲ taken as 1 (share of data sets at the least favourable of ${plural(points.length, 'point')}; greatest left side over right side ${compact(greatest)})`,
    source,
    predicted: `≥ ${1 - DELTA}`,
    measured: kept,
    interval: [low!, high!],
    holds: high! >= 1 - DELTA,
  };
}

function shareWithin({ values, bound }: Bounded): number {
  return values.filter((value) => value <= bound).length / values.length;
}

/** Bisections of {@link worstCov}; then it is known to 3 %. */
const BISECTIONS = 7;

/**
 * The greatest Cov that models may have, all but one or two of M the same, so that one of them still wins more than a
 * share δ of the data sets: what a bound that holds with probability 1 − δ has to allow for. With its error from the
 * bisection and from the number of data sets.
 */
export async function worstCov(
  n: number,
  covs: (fails: number) => Promise<readonly number[]>,
): Promise<{ value: number; standardError: number }> {
  let [low, high] = [0.5 / n, 24 / n];
  let replicates = 0;
  for (let bisection = 0; bisection < BISECTIONS; bisection += 1) {
    const middle = Math.sqrt(low * high);
    const values = await covs(middle);
    replicates = values.length;
    // In sums of probabilities the last bits may be lost.
    const won = values.filter((value) => value > 0.99 * middle).length;
    if (won > DELTA * values.length) low = middle;
    else high = middle;
  }
  const value = Math.sqrt(low * high);
  // The share falls like e^{-n·fails}: its relative error is an error of n·fails.
  const sampling = Math.sqrt((1 - DELTA) / (DELTA * replicates)) / (n * value);
  return { value, standardError: value * Math.hypot(sampling, Math.log(high / low) / 2) };
}
