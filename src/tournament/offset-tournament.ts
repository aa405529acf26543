import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema } from '../options.js';
import type { Interval } from '../results/estimate.js';
import * as z from '../zod.js';
import { toLabels } from './prompt-labels.js';

export const offsetTournamentSchema = z.strictObject({
  ...jobOptionsShape,
  onPolicy: z
    .array(z.instanceof(LogProbs))
    .readonly()
    .describe(
      'For each model, in model order, responses drawn from it and scored by every model (rows in the same order). With ' +
        'prompt ids, which the held-out responses then need as well, the responses to a prompt weigh as often as it is held ' +
        'out; without, every response weighs the same.',
    ),
  N: ratiosSchema.default([64]).describe('Ratios N, each finite and at least 1.'),
  a: z.number().min(0).max(1).default(0.25).describe('Exponent a of the offset 2·N^a. Theorem 6.4 wants N^(1−2a) ≥ 8.'),
  confidence: confidenceSchema
    .default(0.95)
    .describe('Confidence with which the possible winners hold a truly best model, at all N together.'),
});

/** Options of {@link offsetTournament}. */
export type OffsetTournamentOptions = JobOptions & Omit<z.input<typeof offsetTournamentSchema>, keyof JobOptions>;

/** Outcome of the offset tournament [32] at one N. Vectors are in model order. */
export interface OffsetTournament {
  readonly N: number;
  /** The exponent a. */
  readonly a: number;
  /** 2·N^a, what a rival's on-policy share is multiplied by. */
  readonly offset: number;
  /** Whether N^(1−2a) ≥ 8, without which theorem 6.4 promises nothing. */
  readonly withinTheorem: boolean;
  /** Model of the least objective; ties go to the greater mean log-likelihood, then to input order. */
  readonly winner: string;
  /** max over rivals of `values`. Small is good. */
  readonly objectives: readonly number[];
  /** Limits of each objective. They hold together, those of all models at all N, with the confidence asked for. */
  readonly objectiveIntervals: readonly Interval[];
  /** The rival that gives each model its objective. */
  readonly rivals: readonly string[];
  /** All models, best first. */
  readonly ranking: readonly string[];
  /** The models whose objective may be least, by rank. */
  readonly possibleWinners: readonly string[];
  /**
   * `clear` with one possible winner, `tied` where several share the least objective, `few` below 30 responses held out or
   * drawn from some model, else `noise`.
   */
  readonly verdict: 'clear' | 'noise' | 'tied' | 'few';
  /** Objective of the second in the ranking less that of the winner; `null` with a single model. */
  readonly margin: number | null;
  /** `values[a][b]` = Ĉ_N(a‖b) − 2·N^a·Ĉ^b_N(a‖b). */
  readonly values: readonly (readonly number[])[];
}

type NativeOffset = Omit<OffsetTournament, 'winner' | 'rivals' | 'ranking' | 'possibleWinners' | 'values'> & {
  winner: number;
  rivals: number[];
  ranking: number[];
  possibleWinners: number[];
};

/**
 * The offset tournament [32]: like the simple one, less 2·N^a times the chance that a rival's ratio reaches N on the
 * model's own responses.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_SHAPE_MISMATCH`
 */
export async function offsetTournament(
  logProbs: LogProbs,
  options: OffsetTournamentOptions,
): Promise<readonly OffsetTournament[]> {
  const { onPolicy, N, a, confidence, threads } = checkOptions('offsetTournament', offsetTournamentSchema, options);
  const { models } = logProbs;
  for (const responses of onPolicy) {
    if (responses.models.length === models.length && responses.models.some((name, index) => name !== models[index])) {
      throw new CoverageError(
        'ERR_SHAPE_MISMATCH',
        `On-policy responses are scored by ${responses.models.join(', ')}, but the models are ${models.join(', ')}: ` +
          'give the same models in the same order.',
        { place: { field: 'onPolicy' } },
      );
    }
  }
  const prompts = sharedLabels([logProbs, ...onPolicy]);
  const handles = onPolicy.map(({ handle }) => handle);
  const output = await runJob(
    (job) =>
      native.offsetTournament(logProbs.handle, handles, prompts, JSON.stringify({ N, a, confidence, threads }), job),
    options,
    logProbs.placeNames,
  );
  const name = (index: number) => models[index]!;
  return (JSON.parse(output.json) as NativeOffset[]).map((result, budget) => ({
    ...result,
    winner: name(result.winner),
    rivals: result.rivals.map(name),
    ranking: result.ranking.map(name),
    possibleWinners: result.possibleWinners.map(name),
    values: models.map((_, row) => [
      ...output.floats[budget]!.subarray(row * models.length, (row + 1) * models.length),
    ]),
  }));
}

/** Labels of the prompts of all responses, alike for all; `null` where no prompts are known. */
function sharedLabels(all: readonly LogProbs[]): Uint32Array[] | null {
  const ids = all.map(({ metadata }) => metadata.promptIds);
  if (ids.every((each) => each === null)) return null;
  const known = ids.filter((each) => each !== null);
  if (known.length < ids.length) {
    throw new CoverageError(
      'ERR_SHAPE_MISMATCH',
      `Prompt ids are known of ${ids[0] === null ? 'on-policy responses but not of the held-out ones' : 'the held-out responses but not of all on-policy ones'}: ` +
        'give them for both, or for neither if all responses are to the same prompt.',
      { place: { field: ids[0] === null ? 'logProbs' : 'onPolicy' } },
    );
  }
  const labels = toLabels(known.flat());
  let from = 0;
  return known.map((each) => {
    from += each.length;
    return labels.subarray(from - each.length, from);
  });
}
