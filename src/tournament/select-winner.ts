import { expectInstance } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { budgetsSchema, checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import * as z from '../zod.js';

/** The winner of the simple tournament at one N, what to take there, and what finding both took. */
export interface Winner {
  /** Budget K that N was made from as (K/2)^(2/3); `null` where N was given. */
  readonly bestOf: number | null;
  readonly N: number;
  /** The winner at N: always the model that the full tournament gives. */
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
  /** The N that what to take is held against: for a budget √(K/2), (K/2)^(2/3) and K/2, where N was given that one. */
  readonly span: readonly number[];
  /** What to take: the winner where N was given, for a budget what `selectCheckpoint` takes for it. */
  readonly recommendation: {
    /** The model whose score is, at its worst N of the span, least above the least score there. */
    readonly model: string;
    /** How far it is above it, a share of responses in [0, 1]. */
    readonly aboveLeast: number;
  };
  /** Elements compared at the other N of the span, and to find what stays closest to the least scores. */
  readonly spanElementsLookedAt: number;
}

export const selectWinnerSchema = z.strictObject({
  ...jobOptionsShape,
  bestOf: budgetsSchema
    .default([])
    .describe(
      'Budgets K in samples a prompt, whole numbers of at least 3. The winner is that at N = (K/2)^(2/3); what to take is ' +
        'held against √(K/2) and K/2, too.',
    ),
  N: ratiosSchema
    .or(z.array(z.never()).readonly())
    .default([])
    .describe('Ratios N besides, each a finite number of at least 1.'),
});

/** Options of {@link selectWinner}. */
export type SelectWinnerOptions = JobOptions & Omit<z.input<typeof selectWinnerSchema>, keyof JobOptions>;

type NativeWinner = Omit<Winner, 'N' | 'winner' | 'rival' | 'recommendation'> & {
  readonly n: number;
  readonly winner: number;
  readonly rival: number;
  readonly recommendation: { readonly model: number; readonly aboveLeast: number };
};

/**
 * The winner of the simple tournament at each budget and N, and what to take there, without the M×M counts: exact, and most
 * pairs are never looked at. Each budget and each N is answered by itself.
 *
 * A candidate is out as soon as its count against some rival exceeds the best known score. Results and the numbers of
 * pairs and elements are the same at any number of threads.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_TOO_FEW_MODELS` below two models; the signal's reason when aborted
 */
export async function selectWinner(logProbs: LogProbs, options: SelectWinnerOptions): Promise<readonly Winner[]> {
  const { signal: _, onProgress: __, ...checked } = checkOptions('selectWinner', selectWinnerSchema, options);
  expectInstance('selectWinner()', logProbs, LogProbs);
  const output = await runJob(
    (job) => native.selectWinner(logProbs.handle, JSON.stringify(checked), job),
    options,
    logProbs.placeNames,
  );
  const { winners } = JSON.parse(output.json) as { winners: NativeWinner[] };
  const name = (index: number) => logProbs.models[index]!;
  return winners.map(({ bestOf, n, winner, rival, recommendation, ...rest }) => ({
    bestOf,
    N: n,
    winner: name(winner),
    rival: name(rival),
    ...rest,
    recommendation: { ...recommendation, model: name(recommendation.model) },
  }));
}
