import type { JobOutput } from '../../native/binding.cjs';
import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import * as z from '../zod.js';

/** Options of {@link tournament}. */
export interface TournamentOptions extends JobOptions {
  /** Ratios N, each a finite number of at least 1. */
  readonly N: readonly number[];
  /**
   * Return the M×M counts, too.
   * @defaultValue false
   */
  readonly counts?: boolean;
}

/** Outcome of the simple tournament at one N. Vectors are in model order. */
export interface Tournament {
  /** The ratio: a rival at least N times as likely counts against a model. */
  readonly N: number;
  /**
   * Model of the least score; ties go to the smaller reach, then to the greater mean log-likelihood, then to input order.
   */
  readonly winner: string;
  /** Score of each model: max over rivals of Ĉ_N(rival‖model), a share of responses in [0, 1]. Small is good. */
  readonly scores: readonly number[];
  /** The same as counts of responses. */
  readonly scoreCounts: readonly number[];
  /** Reach of each model: the ratio below N at which one more response would count against it; 0 where none can. */
  readonly reach: readonly number[];
  /** The rival that gives each model its score (the first of several). */
  readonly rivals: readonly string[];
  /** All models, best first. */
  readonly ranking: readonly string[];
  /** Score of the second in the ranking less that of the winner; `null` with a single model. */
  readonly margin: number | null;
  /**
   * `counts[a][b]` = number of responses on which model a's probability is at least N times model b's; `null` if not
   * asked for.
   */
  readonly counts: readonly (readonly number[])[] | null;
}

/** Result of {@link tournament}. */
export interface Tournaments {
  /** Names of the models, in input order. */
  readonly models: readonly string[];
  /** n, the number of responses. */
  readonly responses: number;
  /** One entry for each N, in the order asked for. */
  readonly tournaments: readonly Tournament[];
  /** Mean log-probability of each model in nats; `null` where it is −∞. */
  readonly meanLogProbs: readonly (number | null)[];
}

export const tournamentSchema = z.strictObject({
  ...jobOptionsShape,
  N: ratiosSchema,
  counts: z.boolean().default(false),
});

/** The core's tournament: models are indices. @internal */
export interface NativeTournament {
  readonly n: number;
  readonly winner: number;
  readonly scores: number[];
  readonly scoreCounts: number[];
  readonly reach: number[];
  readonly rivals: number[];
  readonly ranking: number[];
  readonly margin: number | null;
}

/**
 * The simple tournament between checkpoints [28,29]: Ĉ_N(a‖b) is the share of held-out responses on which a's
 * probability is at least N times b's; the score of b is its greatest Ĉ_N over all rivals a; the least score wins.
 *
 * All M² pairs are compared, at every N in one pass, O(M²n). For the winner alone use {@link selectWinner}.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`; the signal's reason when aborted
 */
export async function tournament(logProbs: LogProbs, options: TournamentOptions): Promise<Tournaments> {
  const { signal: _, onProgress: __, ...checked } = checkOptions('tournament', tournamentSchema, options);
  const { models, responses } = logProbs;
  const output = await runJob(
    (job) => native.tournament(logProbs.handle, JSON.stringify(checked), job),
    options,
    logProbs.placeNames,
  );
  return { responses, ...toTournaments(output, models, checked.counts) };
}

/** The binding's output with the names of the models. @internal */
export function toTournaments(
  output: JobOutput,
  models: readonly string[],
  counts: boolean,
): Omit<Tournaments, 'responses'> {
  const { tournaments } = JSON.parse(output.json) as { tournaments: NativeTournament[] };
  return {
    models,
    tournaments: tournaments.map((result, ratio) => ({
      ...nameTournament(result, models),
      counts: counts ? matrix(output.counts[0]!, ratio, models.length) : null,
    })),
    meanLogProbs: [...output.floats[0]!].map((mean) => (Number.isFinite(mean) ? mean : null)),
  };
}

/** The core's tournament with the names of the models. @internal */
export function nameTournament(result: NativeTournament, models: readonly string[]): Omit<Tournament, 'counts'> {
  const name = (index: number) => models[index]!;
  return {
    N: result.n,
    winner: name(result.winner),
    scores: result.scores,
    scoreCounts: result.scoreCounts,
    reach: result.reach,
    rivals: result.rivals.map(name),
    ranking: result.ranking.map(name),
    margin: result.margin,
  };
}

/** The matrix `[a][b]` at one N out of the counts `[N, a, b]`. @internal */
export function matrix(counts: Uint32Array, ratio: number, models: number): number[][] {
  return Array.from({ length: models }, (_, row) => {
    const start = (ratio * models + row) * models;
    return [...counts.subarray(start, start + models)];
  });
}
