import * as z from 'zod';
import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import { toLabels } from './prompt-labels.js';

/** Options of {@link offsetTournament}. */
export interface OffsetTournamentOptions extends JobOptions {
  /**
   * For each model, in model order, responses drawn from it and scored by every model (rows in the same order). Where
   * they have prompt ids, the estimate averages over prompts; else every response weighs the same.
   */
  readonly onPolicy: readonly LogProbs[];
  /**
   * Ratios N, each finite and at least 1.
   * @defaultValue [64]
   */
  readonly N?: readonly number[];
  /**
   * Exponent a of the offset 2·N^a, in [0, 1]. Theorem 6.4 wants N^(1−2a) ≥ 8.
   * @defaultValue 0.25
   */
  readonly a?: number;
}

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
  /** The rival that gives each model its objective. */
  readonly rivals: readonly string[];
  /** All models, best first. */
  readonly ranking: readonly string[];
  /** Objective of the second in the ranking less that of the winner; `null` with a single model. */
  readonly margin: number | null;
  /** `values[a][b]` = Ĉ_N(a‖b) − 2·N^a·Ĉ^b_N(a‖b). */
  readonly values: readonly (readonly number[])[];
}

const schema = z.strictObject({
  ...jobOptionsShape,
  onPolicy: z.array(z.instanceof(LogProbs)),
  N: ratiosSchema.default([64]),
  a: z.number().min(0).max(1).default(0.25),
});

type NativeOffset = Omit<OffsetTournament, 'winner' | 'rivals' | 'ranking' | 'values'> & {
  winner: number;
  rivals: number[];
  ranking: number[];
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
  const { onPolicy, N, a, threads } = checkOptions('offsetTournament', schema, options);
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
  const prompts = onPolicy.map(({ metadata }) => (metadata.promptIds ? toLabels(metadata.promptIds) : null));
  const handles = onPolicy.map(({ handle }) => handle);
  const output = await runJob(
    (job) => native.offsetTournament(logProbs.handle, handles, prompts, JSON.stringify({ N, a, threads }), job),
    options,
    logProbs.placeNames,
  );
  const name = (index: number) => models[index]!;
  return (JSON.parse(output.json) as NativeOffset[]).map((result, budget) => ({
    ...result,
    winner: name(result.winner),
    rivals: result.rivals.map(name),
    ranking: result.ranking.map(name),
    values: models.map((_, row) => [
      ...output.floats[budget]!.subarray(row * models.length, (row + 1) * models.length),
    ]),
  }));
}
