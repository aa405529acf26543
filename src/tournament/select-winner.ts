import * as z from 'zod';
import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';

/** Options of {@link selectWinner}. */
export interface SelectWinnerOptions extends JobOptions {
  /** Ratios N, each a finite number of at least 1. */
  readonly N: readonly number[];
}

/** The winner of the simple tournament at one N, and what finding it took. */
export interface Winner {
  readonly N: number;
  /** The winner: always the model that the full tournament gives. */
  readonly winner: string;
  /** Its score, in [0, 1]. */
  readonly score: number;
  /** The same as a count of responses. */
  readonly scoreCount: number;
  /** Its worst rival (the first of several). */
  readonly rival: string;
  /** Ordered pairs (rival, candidate) of which at least one element was compared. */
  readonly pairsLookedAt: number;
  /** Compared elements: (pair, response) combinations. */
  readonly elementsLookedAt: number;
  /** Elements compared to settle which of several models of the least score has the smallest reach. */
  readonly tieElementsLookedAt: number;
  /** Ordered pairs that there are: M·(M − 1). */
  readonly pairsTotal: number;
  /** Elements that the full tournament compares. */
  readonly elementsTotal: number;
}

export const selectWinnerSchema = z.strictObject({ ...jobOptionsShape, N: ratiosSchema });

type NativeWinner = Omit<Winner, 'N' | 'winner' | 'rival'> & { n: number; winner: number; rival: number };

/**
 * The winner of the simple tournament at each N without the M×M counts: exact, and most pairs are never looked at.
 *
 * A candidate is out as soon as its count against some rival exceeds the best known score. Results and the numbers of
 * pairs and elements are the same at any number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; the signal's reason when aborted
 */
export async function selectWinner(logProbs: LogProbs, options: SelectWinnerOptions): Promise<readonly Winner[]> {
  const { signal: _, onProgress: __, ...checked } = checkOptions('selectWinner', selectWinnerSchema, options);
  const output = await runJob(
    (job) => native.selectWinner(logProbs.handle, JSON.stringify(checked), job),
    options,
    logProbs.placeNames,
  );
  const { winners } = JSON.parse(output.json) as { winners: NativeWinner[] };
  return winners.map(({ n, winner, rival, ...rest }) => ({
    N: n,
    winner: logProbs.models[winner]!,
    rival: logProbs.models[rival]!,
    ...rest,
  }));
}
