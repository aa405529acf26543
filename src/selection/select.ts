import * as z from 'zod';
import { CoverageError } from '../error.js';
import { type JobOptions, type Progress, runJob } from '../job.js';
import { factWarnings, type MatrixFacts, matrixFacts, type Precision } from '../log-probs/facts.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { budgetsSchema, checkOptions, confidenceSchema, jobOptionsShape, seedSchema } from '../options.js';
import { passAtK, type SampleCounts } from '../pass-at-k/pass-at-k.js';
import { coverageProfile } from '../profile/coverage-profile.js';
import type { Estimate, Interval, Warning } from '../results/estimate.js';
import { bootstrapTournament, type Significance, type TournamentBootstrap } from '../tournament/bootstrap.js';
import { nearTies } from '../tournament/near-ties.js';
import { SavedTournament } from '../tournament/saved-tournament.js';
import { type Tournament, tournament } from '../tournament/tournament.js';
import { packageVersion } from '../version.js';
import { selectionCurves } from './curves.js';
import { findDisagreements, type Picks } from './disagreements.js';
import type {
  BootstrapResult,
  CrossEntropyResult,
  KlResult,
  PassAtNResult,
  SelectionResult,
  TournamentResult,
} from './result.js';

/** Options of {@link selectCheckpoint}. */
export interface SelectCheckpointOptions extends JobOptions {
  /** Best-of-N budgets, each a finite number of at least 1. */
  readonly N: readonly number[];
  /** A model whose log-probabilities play those of π_D (a teacher): it gives KL divergences and does not compete. */
  readonly reference?: string;
  /** Sampled responses of the same models, for the pick by Pass@N. */
  readonly samples?: SampleCounts;
  /**
   * Bootstrap replicates; 0 for none.
   * @defaultValue 1000
   */
  readonly replicates?: number;
  /**
   * Seed of all random numbers.
   * @defaultValue 0
   */
  readonly seed?: number;
  /**
   * Confidence of every interval, and what a winner's share of the replicates must reach to stand out of the noise.
   * @defaultValue 0.95
   */
  readonly confidence?: number;
  /**
   * Return the M×M counts of each N, too.
   * @defaultValue `true` up to 100 models
   */
  readonly counts?: boolean;
  /**
   * A saved tournament of exactly these models at exactly these N: its counts are taken instead of counted again, and
   * models come in its order.
   */
  readonly saved?: SavedTournament;
}

const schema = z.strictObject({
  ...jobOptionsShape,
  N: budgetsSchema,
  reference: z.string().optional(),
  samples: z
    .custom<SampleCounts>((value) => typeof value === 'object' && value !== null, 'must be sample counts')
    .optional(),
  replicates: z.int().min(0).max(1_000_000).default(1000),
  seed: seedSchema.default(0),
  confidence: confidenceSchema.default(0.95),
  counts: z.boolean().optional(),
  saved: z.custom<SavedTournament>((value) => value instanceof SavedTournament, 'must be a SavedTournament').optional(),
});

const COUNTS_UP_TO_MODELS = 100;

/**
 * Which checkpoint to take: the simple tournament [28,29] at each N with its bootstrap, beside the picks by
 * cross-entropy, by KL divergence (with a reference) and by Pass@N (with samples), and where they disagree.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_TOO_FEW_MODELS` below two models, `ERR_UNKNOWN_MODEL`; the signal's
 * reason when aborted
 */
export async function selectCheckpoint(input: LogProbs, options: SelectCheckpointOptions): Promise<SelectionResult> {
  const checked = checkOptions('selectCheckpoint', schema, options);
  const { N, reference, samples, replicates, seed, confidence, threads } = checked;
  const logProbs = inOrderOf(checked.saved, competitors(input, reference));
  const { models, responses, metadata } = logProbs;
  const stage = (name: string): JobOptions => ({
    ...(options.signal && { signal: options.signal }),
    ...(threads !== undefined && { threads }),
    ...(options.onProgress && {
      onProgress: (progress: Progress) => options.onProgress?.({ ...progress, stage: name }),
    }),
  });

  const counts = checked.counts ?? models.length <= COUNTS_UP_TO_MODELS;
  const tournaments = checked.saved
    ? savedTournaments(checked.saved, N, counts)
    : (await tournament(logProbs, { ...stage('tournament'), N, counts })).tournaments;
  const bootstrap =
    replicates === 0
      ? null
      : await bootstrapTournament(logProbs, { ...stage('bootstrap'), N, replicates, seed, confidence });
  const crossEntropy = await pickByCrossEntropy(logProbs, confidence, stage('cross-entropy'));
  const kl = reference === undefined ? null : await pickByKl(input, reference, confidence, stage('KL divergence'));
  const passAtN =
    samples === undefined
      ? null
      : await pickByPassAtN(models, samples, N, { replicates, seed, confidence }, stage('Pass@N'));
  const facts = await matrixFacts(logProbs, stage('checks'));
  const ties = await nearTies(logProbs, {
    ...stage('near-ties'),
    N,
    models: tournaments.map(({ winner }) => winner),
    precision: coarsest(facts),
  });
  const curves = await selectionCurves(logProbs, N, stage('curves'));

  const results = tournaments.map((result, index) =>
    describe(result, responses, confidence, bootstrap, ties[index]!.count, index),
  );
  const picks: Picks = { crossEntropy: crossEntropy.winner, kl: kl?.winner ?? null, passAtN };
  return {
    models,
    responses,
    prompts: metadata.promptIds === null ? null : new Set(metadata.promptIds).size,
    confidence,
    tournaments: results,
    crossEntropy,
    kl,
    passAtN,
    disagreements: await findDisagreements(logProbs, results, picks, stage('disagreements')),
    curves,
    warnings: [
      ...metadata.warnings,
      ...factWarnings(facts, responses, N),
      ...crossEntropyWarnings(models, crossEntropy),
    ],
    provenance: { version: packageVersion, sources: metadata.sources, seed: String(seed) },
  };
}

function competitors(input: LogProbs, reference: string | undefined): LogProbs {
  const left = input.models.filter((name) => name !== reference);
  if (reference !== undefined) input.modelIndex(reference);
  if (left.length < 2) {
    throw new CoverageError(
      'ERR_TOO_FEW_MODELS',
      `A choice needs at least two models, but there is ${left.length === 0 ? 'none' : `only ${left[0]}`}` +
        `${reference === undefined ? '' : ` besides the reference ${reference}`}: add the log-probabilities of another checkpoint.`,
    );
  }
  return reference === undefined ? input : input.selectModels(left);
}

async function pickByCrossEntropy(
  logProbs: LogProbs,
  confidence: number,
  options: JobOptions,
): Promise<CrossEntropyResult> {
  const output = await runJob(
    (job) => native.crossEntropies(logProbs.handle, confidence, options.threads, job),
    options,
    logProbs.placeNames,
  );
  const estimates = JSON.parse(output.json) as Estimate[];
  const values = estimates.map(({ value }) => value);
  const infinite = estimates.map(({ value }, model) =>
    value !== null ? 0 : logProbs.row(model).filter((logProb) => logProb === Number.NEGATIVE_INFINITY).length,
  );
  return {
    winner: logProbs.models[leastIndex(values, infinite)]!,
    values,
    intervals: estimates.map(({ interval }) => interval),
    infinite,
  };
}

/** The least known value, the first of several; where none is known, the model that rules out the fewest responses. */
function leastIndex(values: readonly (number | null)[], infinite: readonly number[]): number {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    const [value, least] = [values[index] ?? Number.POSITIVE_INFINITY, values[best] ?? Number.POSITIVE_INFINITY];
    if (value < least || (value === least && infinite[index]! < infinite[best]!)) best = index;
  }
  return best;
}

async function pickByKl(
  input: LogProbs,
  reference: string,
  confidence: number,
  options: JobOptions,
): Promise<KlResult> {
  const { models } = await coverageProfile(input, { ...options, reference, confidence });
  const values = models.map(({ kl }) => kl);
  const known = values.some(({ value }) => value !== null);
  const least = leastIndex(
    values.map(({ value }) => value),
    models.map(({ infinite }) => infinite),
  );
  return { reference, winner: known ? models[least]!.model : null, values };
}

async function pickByPassAtN(
  models: readonly string[],
  samples: SampleCounts,
  budgets: readonly number[],
  settings: { replicates: number; seed: number; confidence: number },
  options: JobOptions,
): Promise<PassAtNResult> {
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
  const k = budgets.filter((budget) => Number.isInteger(budget));
  if (k.length === 0) return { picks: [] };
  const { perK } = await passAtK(counts, { ...options, ...settings, k });
  return { picks: perK.map(({ k: budget, pick, values }) => ({ N: budget, winner: pick, values })) };
}

function describe(
  result: Tournament,
  responses: number,
  confidence: number,
  bootstrap: TournamentBootstrap | null,
  nearTies: number,
  index: number,
): TournamentResult {
  const ends = native.binomialIntervals(Uint32Array.from(result.scoreCounts), responses, confidence);
  const scoreIntervals = result.scoreCounts.map((_, model): Interval => [ends[2 * model]!, ends[2 * model + 1]!]);
  const resampled = bootstrap && toBootstrapResult(bootstrap, index);
  const significance = bootstrap?.tournaments[index]?.significance ?? null;
  return {
    ...result,
    scoreIntervals,
    bootstrap: resampled,
    significant: significance?.decisive ?? null,
    verdict: verdict(result.winner, significance),
    nearTies,
  };
}

function toBootstrapResult(bootstrap: TournamentBootstrap, index: number): BootstrapResult {
  const { winShares, scoreIntervals, margin, reason } = bootstrap.tournaments[index]!;
  const { replicates, unit, units, confidence } = bootstrap;
  return {
    replicates,
    unit,
    units,
    confidence,
    winShares,
    scoreIntervals,
    margin,
    ...(reason !== undefined && { reason }),
  };
}

function verdict(winner: string, significance: Significance | null): string {
  if (significance === null) return `${winner} has the least score; without a bootstrap its certainty is unknown.`;
  if (significance.decisive) return `${winner} stands out of the noise.`;
  return `${winner} has the least score, within noise. ${significance.reasons.map(({ message }) => message).join(' ')}`;
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

function savedTournaments(saved: SavedTournament, N: readonly number[], counts: boolean): readonly Tournament[] {
  const { tournaments } = saved.results();
  return N.map((budget) => {
    const found = tournaments.find((result) => result.N === budget);
    if (found) return counts ? found : { ...found, counts: null };
    throw new CoverageError(
      'ERR_INPUT_CHANGED',
      `The saved tournament has N = ${saved.N.join(', ')}, but not ${budget}: start another for other values of N.`,
      { place: { field: 'N' } },
    );
  });
}

/** Coarse numbers make near-ties: the coarsest format that holds some model's values exactly is what counts. */
function coarsest({ models }: MatrixFacts): Precision {
  const order: readonly Precision[] = ['bfloat16', 'float16', 'float32', 'float64'];
  return order.find((precision) => models.some((model) => model.precision === precision)) ?? 'float64';
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
