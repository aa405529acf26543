import { alignAnswers, type MonteCarlo } from '../answers/aligned.js';
import type { AnswerLogProbs } from '../answers/answer-log-probs.js';
import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import type { Interval } from '../results/estimate.js';
import { type NativeTournament, nameTournament } from '../tournament/tournament.js';
import type { AnswerSelection, SelectionRecommendation, SelectionVerdict } from './result.js';

/** The core's result: models are indices. */
interface NativeAnswerSelection {
  readonly exact: boolean;
  readonly reasonings: readonly [number, number];
  readonly monteCarlo: readonly MonteCarlo[];
  readonly recommendation: NativeRecommendation;
  readonly tournaments: readonly (NativeTournament & {
    readonly bestOf: number | null;
    readonly scoreIntervals: readonly Interval[];
    readonly possibleWinners: readonly number[];
    readonly verdict: SelectionVerdict;
    readonly span: readonly number[];
    readonly recommendation: NativeRecommendation;
    readonly sharing: number;
    readonly undecided: readonly number[];
  })[];
}

type NativeRecommendation = Omit<SelectionRecommendation, 'model'> & { readonly model: number };

/** The tournaments between answers; `settings` are those of `select`. @internal */
export async function selectByAnswers(
  answers: AnswerLogProbs,
  proposal: string | undefined,
  whole: LogProbs,
  settings: string,
  options: JobOptions,
): Promise<AnswerSelection> {
  const { models } = whole;
  const aligned = alignAnswers(answers, whole, { models, proposal });
  const output = await runJob(
    (job) =>
      native.selectByAnswers(
        aligned.answers.handle,
        aligned.ofResponse,
        aligned.exact,
        aligned.proposal?.handle ?? null,
        whole.responses,
        aligned.prompts,
        settings,
        job,
      ),
    options,
    whole.placeNames,
  );
  const { exact, reasonings, monteCarlo, recommendation, tournaments } = JSON.parse(
    output.json,
  ) as NativeAnswerSelection;
  const named = (taken: NativeRecommendation) => ({ ...taken, model: models[taken.model]! });
  return {
    exact,
    reasonings,
    proposal: proposal ?? null,
    monteCarlo,
    recommendation: named(recommendation),
    tournaments: tournaments.map((at) => ({
      bestOf: at.bestOf,
      ...nameTournament(at, models),
      scoreIntervals: at.scoreIntervals,
      possibleWinners: at.possibleWinners.map((index) => models[index]!),
      verdict: at.verdict,
      span: at.span,
      recommendation: named(at.recommendation),
      sharing: at.sharing,
      undecided: at.undecided,
    })),
  };
}
