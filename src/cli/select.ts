import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import type { SampleCounts } from '../pass-at-k/pass-at-k.js';
import type { Warning } from '../results/estimate.js';
import { ratioOfBestOf, spanOfBestOf } from '../selection/budget.js';
import type { CountsPart } from '../selection/counts-part.js';
import type { TournamentResult } from '../selection/result.js';
import { compact, count, percent, points } from '../text/format.js';
import type { SavedTournament } from '../tournament/saved-tournament.js';
import type { Winner } from '../tournament/select-winner.js';
import { writeReportFile } from '../write-file.js';
import {
  checkAsked,
  matchNames,
  parseBudgets,
  parseConfidence,
  parseNames,
  parsePositive,
  parseRatios,
  parseWholeNumber,
} from './arguments.js';
import { EXIT } from './exit-codes.js';
import {
  type AnswerOptions,
  addAnswerOptions,
  addInputOptions,
  INPUT_ARGUMENT,
  type InputOptions,
  readAnswers,
  toReadOptions,
} from './input-options.js';
import {
  addOutputOptions,
  checkOutputs,
  flagOf,
  isJsonAlone,
  type OutputOptions,
  printJson,
  writeOutputs,
} from './output-options.js';
import { addPartOptions, type PartOptions, refuseBesideShard } from './part-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';
import { checkRacers, isDecided, raceAmong, raceResultAt, refuseBesideRace } from './select-race.js';
import type { KeptTournament } from './select-watch.js';

interface SelectOptions extends InputOptions, OutputOptions, AnswerOptions, PartOptions {
  readonly bestOf?: number[];
  readonly N?: number[];
  readonly reference?: string;
  readonly models?: string[];
  readonly replicates?: number;
  readonly seed: number;
  readonly confidence: number;
  readonly winnerOnly?: boolean;
  readonly requireSignificant?: boolean;
  readonly acceptTies?: string[];
  readonly baseline?: string;
  readonly failIfWorse?: boolean;
  readonly counts?: boolean;
  readonly perResponse?: string;
  readonly samples?: string;
  readonly tournament?: string;
  readonly watch?: boolean;
  readonly every: number;
  readonly out?: string;
}

/** `coverage-principle select`: which checkpoint to take, how sure, and where cross-entropy would have gone wrong. */
export function selectCommand(context: CommandContext): Command {
  const command = new Command('select')
    .description(
      'Choose a checkpoint by the coverage tournament [28,29] on held-out responses, and say how sure the choice is ' +
        'and what cross-entropy (and KL divergence, and Pass@N, where given) would have chosen.',
    )
    .argument('<input...>', INPUT_ARGUMENT)
    .option(
      '-K, --best-of <list>',
      'budgets K, samples a prompt, e.g. 4,16: a tournament at N = (K/2)^(2/3) for each, its choice held against √(K/2) and K/2, too',
      parseBudgets,
    )
    .option('-N, --N <list>', 'ratios N at which to hold the tournament, for those who mean the ratio', parseRatios)
    .option('--reference <model>', 'model whose log-probabilities play the data distribution (a teacher): adds KL')
    .option('--samples <file>', 'sampled responses of the same models, right or wrong: adds the pick by Pass@K')
    .option('--tournament <file>', 'keep the counts there; models already in it are not compared with each other again')
    .option(
      '--watch',
      'go on until interrupted: choose anew as files of checkpoints come into the folders, print the verdict, rewrite the outputs',
    )
    .option('--every <seconds>', 'with --watch: time between two looks', parsePositive, 2)
    .option('--out <file>', 'with --shard: where to write the part; one that is there already is left as it is')
    .option('--models <names>', "only these models, comma-separated; * stands for any text, as in 'step-*'", parseNames)
    .optionsGroup('How sure:')
    .option(
      '--replicates <count>',
      'bootstrap replicates behind the win shares, 0 for none (default: what costs less than the tournament or next to nothing)',
      parseWholeNumber(0),
    )
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), DEFAULTS.seed)
    .option(
      '--confidence <share>',
      'confidence of all intervals and of the possible winners',
      parseConfidence,
      DEFAULTS.confidence,
    )
    .option('--require-significant', `exit with ${EXIT.notClear} unless every verdict is clear`)
    .option(
      '--accept-ties <names>',
      'with --require-significant: accept several possible winners if all are among these, comma-separated',
      parseNames,
    )
    .option('--baseline <model>', 'the model to be no worse than')
    .option('--fail-if-worse', `exit with ${EXIT.notClear} if the baseline is shown to be better than all others`)
    .option('--winner-only', 'find what to take without the matrix of counts, verdicts or intervals: for many models');
  addPartOptions(command, 'the counting, the pairs of models being shared');
  addAnswerOptions(command);
  addOutputOptions(command, 'one row a model and N')
    .option('--counts', 'include the M×M counts whatever the number of models (default: up to 100)')
    .option('--per-response <file>', 'CSV of the responses that the other picks fail to cover');
  return addInputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (inputs: string[], options: SelectOptions) => {
      const progress = new ProgressLine(options.quiet);
      try {
        if (!options.watch) await select(inputs, options, context, progress, null);
        else {
          refuseBesideWatch(options);
          const { KeptTournament, watchAndSelect } = await import('./select-watch.js');
          const kept = new KeptTournament();
          const { signal } = context;
          await watchAndSelect(inputs, { signal, every: options.every }, () =>
            select(inputs, options, context, progress, kept),
          );
        }
      } finally {
        progress.clear();
      }
    });
}

const EXAMPLES = `
Examples:
  $ coverage-principle select checkpoints.npy --best-of 4,16,64
  $ coverage-principle select step1000=a/samples_x.jsonl step2000=b/samples_x.jsonl --best-of 16 --report report.html
  $ coverage-principle select scores.csv --best-of 16 --reference teacher --json > selection.json`;

async function select(
  inputs: string[],
  options: SelectOptions,
  { signal, exitWith }: CommandContext,
  progress: ProgressLine,
  kept: KeptTournament | null,
): Promise<void> {
  const { bestOf = [], N = [], seed, confidence, threads } = options;
  const race = await raceAmong(inputs, { signal });
  if (race !== null) {
    checkQuestions(options);
    refuseBesideRace(options, NOT_OF_A_RACE, DEFAULTS);
    checkRacers(race, options.acceptTies ?? []);
    const result = await raceResultAt(race, ratios(options));
    progress.clear();
    const { raceReport } = await import('../report/race/report.js');
    await writeOutputs(raceReport(result), options);
    if (options.requireSignificant && !isDecided(result, options.acceptTies ?? [])) exitWith(EXIT.notClear);
    return;
  }
  checkAsked(options);
  checkQuestions(options);
  checkShard(options);
  // Loaded once the command line is found to make sense: --help and a mistake in it are answered without.
  const { readLogProbs } = await import('../log-probs/read.js');
  const all = await readLogProbs(inputs, { ...toReadOptions(options), signal, onProgress: progress.stage('reading') });
  const answers = await readAnswers(options, { signal, onProgress: progress.stage('reading answers') });
  await checkOutputs(options, [
    ...all.metadata.sources,
    ...(answers?.metadata.sources ?? []),
    ...(options.samples === undefined ? [] : [{ file: options.samples }]),
  ]);
  const logProbs = options.models ? all.selectModels(matchNames(options.models, all.models)) : all;
  for (const name of [...(options.acceptTies ?? []), ...(options.baseline === undefined ? [] : [options.baseline])]) {
    logProbs.modelIndex(name);
  }
  const job = { signal, ...(threads !== undefined && { threads }) };
  if (options.winnerOnly) {
    refuseBesideWinnerOnly(options);
    await printWinners(logProbs, options, { ...job, onProgress: progress.stage('winner') }, progress);
    return;
  }
  if (options.shard) {
    const { selectPart } = await import('./select-part.js');
    const asked = { bestOf, N, ...(options.reference !== undefined && { reference: options.reference }) };
    const onProgress = progress.stage('counting');
    const made = await selectPart(logProbs, options.out!, { ...job, ...asked, shard: options.shard, onProgress });
    progress.clear();
    process.stdout.write(made);
    return;
  }
  const samples = options.samples === undefined ? null : await readSamples(options.samples, signal);
  const competing = competitors(logProbs, options);
  const saved =
    options.tournament !== undefined
      ? await keepTournament(options.tournament, competing, options, job)
      : ((await kept?.of(competing, neededRatios(options), job)) ?? null);
  const { selectCheckpoint } = await import('../selection/select.js');
  const result = await selectCheckpoint(logProbs, {
    ...job,
    bestOf,
    N,
    seed,
    confidence,
    ...(options.replicates !== undefined && { replicates: options.replicates }),
    ...(options.counts && { counts: true }),
    ...(samples && { samples }),
    ...(saved && { saved }),
    ...(options.parts && { parts: await readParts(options.parts) }),
    ...(answers && { answers }),
    ...(options.answersProposal !== undefined && { answersProposal: options.answersProposal }),
    ...(options.reference !== undefined && { reference: options.reference }),
    onProgress: (snapshot) => progress.stage(snapshot.stage ?? '')(snapshot),
  });
  progress.clear();
  if (options.perResponse !== undefined) {
    const { uncoveredCsv } = await import('../selection/per-response.js');
    await writeReportFile(options.perResponse, await uncoveredCsv(result, logProbs));
  }
  if (isJsonAlone(options)) await printJson(result);
  else {
    const { selectionReport } = await import('../report/selection/report.js');
    await writeOutputs(selectionReport(result), options, kept?.lines(result));
  }
  if (options.requireSignificant && !result.tournaments.every((each) => isSettled(each, options.acceptTies ?? []))) {
    exitWith(EXIT.notClear);
  }
  if (options.failIfWorse && result.tournaments.some((each) => isBest(each, options.baseline!))) {
    exitWith(EXIT.notClear);
  }
}

// What few selections need is loaded by those.

async function readSamples(file: string, signal: AbortSignal): Promise<SampleCounts> {
  const { readSampleCounts } = await import('../pass-at-k/read-sample-counts.js');
  return readSampleCounts(file, { signal });
}

async function readParts(files: readonly string[]): Promise<CountsPart[]> {
  const { readCountsParts } = await import('./select-part.js');
  return readCountsParts(files);
}

/** Clear, or left to models that the user takes for equals; of what is to be taken, not of another that wins at N alone. */
function isSettled({ possibleWinners, recommendation }: TournamentResult, equals: readonly string[]): boolean {
  const { model, verdict } = recommendation;
  if (verdict === 'clear') return true;
  if (!possibleWinners.includes(model)) return false;
  return (verdict === 'noise' || verdict === 'tied') && possibleWinners.every((name) => equals.includes(name));
}

/** Whether all others are shown to be worse than the model. */
function isBest({ verdict, winner }: TournamentResult, model: string): boolean {
  return verdict === 'clear' && winner === model;
}

/** What is insisted on must make sense together. */
function checkQuestions({ baseline, failIfWorse, acceptTies, requireSignificant }: SelectOptions): void {
  const wrong = (field: string, message: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field } });
  if (failIfWorse && baseline === undefined) throw wrong('baseline', 'Name the model with --baseline MODEL.');
  if (baseline !== undefined && !failIfWorse)
    throw wrong('failIfWorse', '--baseline is for --fail-if-worse: give both.');
  if (acceptTies !== undefined && !requireSignificant) {
    throw wrong('requireSignificant', '--accept-ties is for --require-significant: give both.');
  }
}

/** A part is counts, and nothing else. */
function checkShard(options: SelectOptions): void {
  const wrong = (field: string, message: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field } });
  if ((options.shard === undefined) !== (options.out === undefined)) {
    throw options.shard
      ? wrong('out', 'Say where the part is to be written: --out FILE.')
      : wrong(
          'shard',
          '--out is for a part, --shard I/N; a result goes to stdout, or where --csv, --report and others say.',
        );
  }
  if (options.shard) refuseBesideShard(options, NOT_OF_A_PART);
}

/** What a race cannot have, or has had. */
const NOT_OF_A_RACE = [
  'reference',
  'samples',
  'tournament',
  'shard',
  'out',
  'models',
  'replicates',
  'seed',
  'confidence',
  'baseline',
  'failIfWorse',
  'winnerOnly',
  'counts',
  'perResponse',
  'answers',
  'answersProposal',
  'answersColumn',
  'format',
  'transpose',
  'negate',
  'shared',
  'ignoreHashes',
  'keepClamped',
  'promptTokens',
  'responseTokens',
  'filter',
  'column',
] as const;
/** What options have that nobody gave. */
const DEFAULTS = { seed: 0, confidence: 0.95 } as const;

/** What a part cannot have. */
const NOT_OF_A_PART = [
  'winnerOnly',
  'watch',
  'tournament',
  'json',
  'csv',
  'markdown',
  'report',
  'figures',
  'perResponse',
] as const;

/** The ratios of all tournaments: those of the budgets, then those given as such. */
function ratios({ bestOf = [], N = [] }: SelectOptions): number[] {
  return [...bestOf.map(ratioOfBestOf), ...N];
}

/** Those, and what budgets are held against besides. */
function neededRatios(options: SelectOptions): number[] {
  return [...new Set([...ratios(options), ...(options.bestOf ?? []).flatMap(spanOfBestOf)])];
}

/** The models that take part: all but the reference. */
function competitors(logProbs: LogProbs, { reference }: SelectOptions): LogProbs {
  if (reference === undefined) return logProbs;
  return logProbs.selectModels(logProbs.models.filter((name) => name !== reference));
}

/** A watch has no exit code of its own, and the winner alone needs no tournament that is kept. */
function refuseBesideWatch(options: SelectOptions): void {
  const given = (['winnerOnly', 'requireSignificant', 'failIfWorse'] as const).find((name) => options[name]);
  if (given === undefined) return;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `--watch goes on until it is interrupted: leave out ${flagOf(given)}, or leave out --watch.`,
    { place: { field: given } },
  );
}

/** Reads the saved tournament, if there is one, extends it by the models that are new, and writes it. */
async function keepTournament(
  file: string,
  competing: LogProbs,
  options: SelectOptions,
  job: JobOptions,
): Promise<SavedTournament> {
  const { SavedTournament } = await import('../tournament/saved-tournament.js');
  const saved = existsSync(file)
    ? await (await SavedTournament.read(file)).extend(competing, job)
    : await SavedTournament.start(competing, { ...job, N: neededRatios(options) });
  await saved.write(file);
  return saved;
}

/** What needs the matrix of counts or a bootstrap cannot be had beside `--winner-only`; silence would mislead. */
function refuseBesideWinnerOnly(options: SelectOptions): void {
  const needing = [
    'csv',
    'report',
    'figures',
    'perResponse',
    'samples',
    'reference',
    'answers',
    'tournament',
    'counts',
    'requireSignificant',
    'acceptTies',
    'baseline',
    'failIfWorse',
  ] as const;
  const given = needing.filter((name) => options[name] !== undefined);
  if (given.length === 0) return;
  const flags = given.map(flagOf);
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `--winner-only finds the winners and nothing else: leave out ${flags.join(', ')}, or leave out --winner-only.`,
    { place: { field: given[0]! } },
  );
}

/** What `select --winner-only --json` prints. */
export interface PrintedWinners {
  /** Names of the models, in input order. */
  readonly models: readonly string[];
  /** n, the number of held-out responses. */
  readonly responses: number;
  /** One entry for each N. */
  readonly tournaments: readonly Winner[];
  readonly warnings: readonly Warning[];
}

async function printWinners(
  logProbs: LogProbs,
  options: SelectOptions,
  job: JobOptions,
  progress: ProgressLine,
): Promise<void> {
  if (logProbs.models.length < 2) {
    throw new CoverageError(
      'ERR_TOO_FEW_MODELS',
      'A choice needs at least two models: add the log-probabilities of another.',
    );
  }
  const { bestOf = [], N = [] } = options;
  const { selectWinner } = await import('../tournament/select-winner.js');
  const winners = await selectWinner(logProbs, { ...job, bestOf, N });
  progress.clear();
  if (options.json) {
    const result: PrintedWinners = {
      models: logProbs.models,
      responses: logProbs.responses,
      tournaments: winners,
      warnings: logProbs.metadata.warnings,
    };
    await printJson(result);
    return;
  }
  for (const each of winners) process.stdout.write(`${winnerLine(each, logProbs.responses)}\n`);
}

/** `Best-of-12 (N = 3.302): take a …`, `N = 4: take a …`. */
function winnerLine(at: Winner, responses: number): string {
  const { bestOf, N, span, recommendation, winner, score, rival, pairsLookedAt, pairsTotal } = at;
  const occasion = bestOf === null ? `N = ${compact(N)}` : `Best-of-${bestOf} (N = ${compact(N)})`;
  const among = `looked at ${((100 * pairsLookedAt) / pairsTotal).toFixed(1)}% of ${count(pairsTotal)} pairs`;
  const won = `score ${percent(score, responses)} against ${rival}`;
  const { model, aboveLeast } = recommendation;
  if (model === winner) return `${occasion}: take ${model} (${won}; ${among})`;
  const over = `N = ${compact(span[0]!)} to ${compact(span.at(-1)!)}`;
  return (
    `${occasion}: take ${model}, at most ${points(aboveLeast, responses)} above the least score over ${over} ` +
    `(at N = ${compact(N)} alone ${winner} wins, ${won}; ${among})`
  );
}
