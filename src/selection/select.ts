import { answersSchema } from '../answers/read.js';
import { CoverageError, expectInstance } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { factWarnings, type NativeMatrixFacts, nameFacts } from '../log-probs/facts.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import {
  budgetsSchema,
  checkOptions,
  confidenceSchema,
  jobOptionsShape,
  ratiosSchema,
  seedSchema,
} from '../options.js';
import { flattenCounts, type SampleCounts } from '../pass-at-k/pass-at-k.js';
import type { Estimate, Warning } from '../results/estimate.js';
import { promptLabels } from '../tournament/prompt-labels.js';
import { SavedTournament } from '../tournament/saved-tournament.js';
import { matrix, type NativeTournament, nameTournament } from '../tournament/tournament.js';
import { packageVersion } from '../version.js';
import * as z from '../zod.js';
import { selectByAnswers } from './answers.js';
import { competitors } from './competitors.js';
import { CountsPart, handleOfParts } from './counts-part.js';
import { explain } from './explanation.js';
import type {
  CrossEntropyResult,
  Disagreement,
  PassAtKPicks,
  SelectionCurves,
  SelectionRecommendation,
  SelectionResult,
  TournamentResult,
} from './result.js';

export const selectCheckpointSchema = z.strictObject({
  ...jobOptionsShape,
  bestOf: budgetsSchema
    .default([])
    .describe(
      'Budgets K: how many samples a prompt are drawn at test time, or how many rollouts in RL; whole numbers of at least ' +
        '3. Each is answered by a tournament at N = (K/2)^(2/3); what to take for it is held against √(K/2) and K/2, too.',
    ),
  N: ratiosSchema
    .or(z.array(z.never()).readonly())
    .default([])
    .describe('Ratios N at which to hold tournaments besides, each a finite number of at least 1.'),
  reference: z
    .string()
    .optional()
    .describe(
      'A model whose log-probabilities play those of π_D (a teacher): it gives KL divergences and does not compete.',
    ),
  samples: z
    .custom<SampleCounts>((value) => typeof value === 'object' && value !== null, 'must be sample counts')
    .optional()
    .describe('Sampled responses of the same models, for the pick by Pass@k at each budget (or whole N).'),
  answers: answersSchema
    .optional()
    .describe('Log-probabilities of the answers under the same models: adds the tournaments between answers.'),
  answersProposal: z
    .string()
    .optional()
    .describe(
      'Name of the model among the answers that reasonings were drawn from; the others’ values are then log π(r, a | x). ' +
        'By default each model drew its own.',
    ),
  replicates: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe(
      'Bootstrap replicates behind the win shares, a picture; 0 for none. By default as many, up to 1,000, as cost less ' +
        'than the tournament or next to nothing; none where these would be fewer than 100.',
    ),
  seed: seedSchema.default(0).describe('Seed of all random numbers.'),
  confidence: confidenceSchema
    .default(0.95)
    .describe('Confidence of every interval, and of the possible winners at all N together.'),
  counts: z.boolean().optional().describe('Return the M×M counts of each N, too; by default up to 100 models.'),
  saved: z
    .custom<SavedTournament>((value) => value instanceof SavedTournament, 'must be a SavedTournament')
    .optional()
    .describe(
      'A saved tournament of exactly these models at these N: its counts are taken instead of counted again, and models ' +
        'come in its order.',
    ),
  parts: z
    .array(z.custom<CountsPart>((value) => value instanceof CountsPart, 'must be a CountsPart'))
    .readonly()
    .optional()
    .describe('All parts of what this selection counts, counted elsewhere: nothing is counted again.'),
});

/** Options of {@link selectCheckpoint}. */
export type SelectCheckpointOptions = JobOptions & Omit<z.input<typeof selectCheckpointSchema>, keyof JobOptions>;

const COUNTS_UP_TO_MODELS = 100;

/**
 * Which checkpoint to take: the simple tournament [28,29] at each budget and ratio, which models may be best and how sure
 * that is, beside the picks by cross-entropy, by KL divergence (with a reference) and by Pass@k (with samples), and where
 * they disagree.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_TOO_FEW_MODELS` below two models, `ERR_UNKNOWN_MODEL`; the signal's
 * reason when aborted
 */
export async function selectCheckpoint(input: LogProbs, options: SelectCheckpointOptions): Promise<SelectionResult> {
  const checked = checkOptions('selectCheckpoint', selectCheckpointSchema, options);
  const { bestOf, N, reference, samples, replicates, seed, confidence, threads, saved, parts, answers } = checked;
  expectInstance('selectCheckpoint()', input, LogProbs);
  const logProbs = inOrderOf(saved, competitors(input, reference));
  const { models, responses, metadata } = logProbs;
  if (saved && parts) {
    throw new CoverageError('ERR_INVALID_OPTION', 'Give the counts once: a saved tournament, or parts.', {
      place: { field: 'parts' },
    });
  }
  const counted = parts && handleOfParts(parts, models);
  const counts = checked.counts ?? models.length <= COUNTS_UP_TO_MODELS;
  const settings = JSON.stringify({ bestOf, N, replicates, seed, confidence, counts, threads });
  const output = await runJob(
    (job) =>
      native.select(
        logProbs.handle,
        promptLabels(logProbs),
        reference === undefined ? null : input.selectModels([reference]).handle,
        samples === undefined ? null : sampleMatrices(models, samples),
        saved?.handle ?? null,
        counted ?? null,
        settings,
        job,
      ),
    options,
    logProbs.placeNames,
  );
  const found = JSON.parse(output.json) as NativeSelection;
  const byAnswers = answers && (await selectByAnswers(answers, checked.answersProposal, logProbs, settings, options));
  const { unit, units, resolution } = found;
  const name = (index: number) => models[index]!;
  const nameOrNull = (index: number | null) => (index === null ? null : name(index));
  const crossEntropy = { ...found.crossEntropy, winner: name(found.crossEntropy.winner) };
  const tournaments = found.tournaments.map((at, index): TournamentResult => {
    const { bestOf, scoreIntervals, possibleWinners, verdict, sharing, responsesNeeded, winShares, nearTies } = at;
    const { span, recommendation } = at;
    const named = {
      bestOf,
      ...nameTournament(at, models),
      scoreIntervals,
      possibleWinners: possibleWinners.map(name),
      verdict,
      span,
      recommendation: { ...recommendation, model: name(recommendation.model) },
      sharing,
      resolution,
      responsesNeeded,
      winShares,
      counts: counts ? matrix(output.counts[0]!, index, models.length) : null,
      nearTies,
    };
    return { ...named, explanation: explain(named, { unit, units, tailResponses: at.tailResponses }) };
  });
  return {
    schemaVersion: 2,
    version: packageVersion,
    models,
    responses,
    prompts: metadata.promptIds === null ? null : new Set(metadata.promptIds).size,
    unit,
    units,
    confidence,
    recommendation: { ...found.recommendation, model: name(found.recommendation.model) },
    tournaments,
    crossEntropy,
    kl: found.kl && { reference: reference!, winner: nameOrNull(found.kl.winner), values: found.kl.values },
    passAtK: found.passAtK && {
      picks: found.passAtK.map((pick) => ({ ...pick, winner: nameOrNull(pick.winner) })),
    },
    answers: byAnswers ?? null,
    disagreements: found.disagreements.map((each) => ({
      ...each,
      pick: name(each.pick),
      winner: name(each.winner),
      ruledOut: !tournaments.find(({ N }) => N === each.N)!.possibleWinners.includes(name(each.pick)),
      rival: name(each.rival),
      worst: each.worst.map(({ response, logRatio }) => ({ response: logProbs.responseId(response), logRatio })),
    })),
    curves: { ...found.curves, winners: found.curves.winners.map(name) },
    replicates: found.replicates,
    warnings: [
      ...metadata.warnings,
      ...factWarnings(
        nameFacts(found.facts, models),
        responses,
        tournaments.map(({ N }) => N),
      ),
      ...crossEntropyWarnings(models, crossEntropy),
      ...(answers?.metadata.warnings ?? []),
    ],
    provenance: { version: packageVersion, sources: metadata.sources, seed: String(seed) },
  };
}

/** The core's selection: models and responses are indices. */
interface NativeSelection {
  readonly recommendation: NativeRecommendation;
  readonly unit: 'response' | 'prompt';
  readonly units: number;
  readonly resolution: number | null;
  readonly tournaments: readonly NativeSelectionAt[];
  readonly crossEntropy: Omit<CrossEntropyResult, 'winner'> & { readonly winner: number };
  readonly kl: { readonly winner: number | null; readonly values: readonly Estimate[] } | null;
  readonly passAtK:
    | readonly (Omit<PassAtKPicks['picks'][number], 'winner'> & { readonly winner: number | null })[]
    | null;
  readonly disagreements: readonly (Omit<Disagreement, 'pick' | 'winner' | 'ruledOut' | 'rival' | 'worst'> & {
    readonly pick: number;
    readonly winner: number;
    readonly rival: number;
    readonly worst: readonly { readonly response: number; readonly logRatio: number | null }[];
  })[];
  readonly curves: Omit<SelectionCurves, 'winners'> & { readonly winners: readonly number[] };
  readonly replicates: number;
  readonly facts: NativeMatrixFacts;
}

type NativeRecommendation = Omit<SelectionRecommendation, 'model'> & { readonly model: number };

type NativeSelectionAt = NativeTournament &
  Pick<
    TournamentResult,
    'bestOf' | 'scoreIntervals' | 'verdict' | 'span' | 'sharing' | 'responsesNeeded' | 'winShares' | 'nearTies'
  > & {
    readonly possibleWinners: readonly number[];
    readonly recommendation: NativeRecommendation;
    readonly tailResponses: number | null;
  };

/** The samples of the models in their order: how many, and how many are right, models × problems. */
function sampleMatrices(models: readonly string[], samples: SampleCounts): Uint32Array[] {
  const missing = models.filter((name) => !samples.models.includes(name));
  if (missing.length > 0) {
    throw new CoverageError(
      'ERR_UNKNOWN_MODEL',
      `The samples have no model called ${missing.slice(0, 5).join(', ')}: they are of ${samples.models.slice(0, 10).join(', ')}. ` +
        'Names must agree with those of the log-probabilities.',
      { place: { model: missing[0]! } },
    );
  }
  const rows = models.map((name) => samples.models.indexOf(name));
  const counts: SampleCounts = {
    models,
    problems: samples.problems,
    samples: rows.map((row) => samples.samples[row]!),
    correct: rows.map((row) => samples.correct[row]!),
  };
  return [flattenCounts('samples', counts.samples, counts), flattenCounts('correct', counts.correct, counts)];
}

/** The models in the order of a saved tournament, which must be of the same ones. */
function inOrderOf(saved: SavedTournament | undefined, logProbs: LogProbs): LogProbs {
  if (saved === undefined) return logProbs;
  const { models } = saved;
  if (models.length !== logProbs.models.length || models.some((name) => !logProbs.models.includes(name))) {
    throw new CoverageError(
      'ERR_INPUT_CHANGED',
      `The saved tournament is of ${models.length} models, the log-probabilities are of ${logProbs.models.length} or of others: extend it first.`,
    );
  }
  return logProbs.selectModels(models);
}

function crossEntropyWarnings(models: readonly string[], { infinite }: CrossEntropyResult): Warning[] {
  return infinite.flatMap((count, model) =>
    count === 0
      ? []
      : [
          {
            code: 'WARN_INFINITE_CROSS_ENTROPY',
            message: `${models[model]} rules out ${count} responses (log-probability −∞), so its cross-entropy is infinite.`,
          },
        ],
  );
}
