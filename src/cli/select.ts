import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { readLogProbs } from '../log-probs/read.js';
import { readSampleCounts } from '../pass-at-k/read-sample-counts.js';
import { selectionReport } from '../report/selection/report.js';
import { uncoveredCsv } from '../selection/per-response.js';
import { selectCheckpoint } from '../selection/select.js';
import { SavedTournament } from '../tournament/saved-tournament.js';
import { selectWinner } from '../tournament/select-winner.js';
import { writeReportFile } from '../write-file.js';
import { parseConfidence, parseNames, parseRatios, parseWholeNumber } from './arguments.js';
import { EXIT } from './exit-codes.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface SelectOptions extends InputOptions, OutputOptions {
  readonly N: number[];
  readonly reference?: string;
  readonly models?: string[];
  readonly replicates: number;
  readonly seed: number;
  readonly confidence: number;
  readonly winnerOnly?: boolean;
  readonly requireSignificant?: boolean;
  readonly counts?: boolean;
  readonly perResponse?: string;
  readonly samples?: string;
  readonly tournament?: string;
}

/** `coverage-principle select`: which checkpoint to take, how sure, and where cross-entropy would have gone wrong. */
export function selectCommand(context: CommandContext): Command {
  const command = new Command('select')
    .description(
      'Choose a checkpoint by the coverage tournament [28,29] on held-out responses, and say how sure the choice is\n' +
        'and what cross-entropy (and KL divergence, and Pass@N, where given) would have chosen.',
    )
    .argument('<input...>', INPUT_ARGUMENT)
    .requiredOption('-N, --N <list>', 'ratios N of the tournament, e.g. 4,16,64', parseRatios)
    .option('--reference <model>', 'model whose log-probabilities play the data distribution (a teacher): adds KL')
    .option('--samples <file>', 'sampled responses of the same models, right or wrong: adds the pick by Pass@N')
    .option('--tournament <file>', 'keep the counts there; models already in it are not compared with each other again')
    .option('--models <names>', 'only these models, comma-separated', parseNames)
    .optionsGroup('How sure:')
    .option('--replicates <count>', 'bootstrap replicates, 0 for none', parseWholeNumber(0), 1000)
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), 0)
    .option('--confidence <share>', 'confidence of all intervals', parseConfidence, 0.95)
    .option('--require-significant', `exit with ${EXIT.notSignificant} if a winner is within noise`)
    .option('--winner-only', 'find the winners without the matrix of counts or a bootstrap: for many models');
  addOutputOptions(command, 'one row a model and N')
    .option('--counts', 'include the M×M counts whatever the number of models (default: up to 100)')
    .option('--per-response <file>', 'CSV of the responses that the other picks fail to cover');
  return addInputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (inputs: string[], options: SelectOptions) => {
      const progress = new ProgressLine(options.quiet === true || options.json === true);
      try {
        await select(inputs, options, context, progress);
      } finally {
        progress.clear();
      }
    });
}

const EXAMPLES = `
Examples:
  $ coverage-principle select checkpoints.npy -N 4,16,64
  $ coverage-principle select step1000=a/samples_x.jsonl step2000=b/samples_x.jsonl -N 16 --report report.html
  $ coverage-principle select scores.csv -N 8 --reference teacher --json > selection.json`;

async function select(
  inputs: string[],
  options: SelectOptions,
  { signal, exitWith }: CommandContext,
  progress: ProgressLine,
): Promise<void> {
  const { N, seed, confidence, threads } = options;
  const all = await readLogProbs(inputs, { ...toReadOptions(options), signal, onProgress: progress.stage('reading') });
  checkOutputs(options, [
    ...all.metadata.sources,
    ...(options.samples === undefined ? [] : [{ file: options.samples }]),
  ]);
  const logProbs = options.models ? all.selectModels(options.models) : all;
  const job = { signal, ...(threads !== undefined && { threads }) };
  if (options.winnerOnly) {
    refuseBesideWinnerOnly(options);
    await printWinners(logProbs, options, { ...job, onProgress: progress.stage('winner') }, progress);
    return;
  }
  const samples = options.samples === undefined ? null : await readSampleCounts(options.samples, { signal });
  const saved =
    options.tournament === undefined ? null : await keepTournament(options.tournament, logProbs, options, job);
  const result = await selectCheckpoint(logProbs, {
    ...job,
    N,
    seed,
    confidence,
    replicates: options.replicates,
    ...(options.counts && { counts: true }),
    ...(samples && { samples }),
    ...(saved && { saved }),
    ...(options.reference !== undefined && { reference: options.reference }),
    onProgress: (snapshot) => progress.stage(snapshot.stage ?? '')(snapshot),
  });
  progress.clear();
  if (options.perResponse !== undefined)
    await writeReportFile(options.perResponse, await uncoveredCsv(result, logProbs));
  await writeOutputs(selectionReport(result), options);
  if (options.requireSignificant && result.tournaments.some(({ significant }) => significant !== true)) {
    exitWith(EXIT.notSignificant);
  }
}

/** Reads the saved tournament, if there is one, extends it by the models that are new, and writes it. */
async function keepTournament(
  file: string,
  logProbs: LogProbs,
  { N, reference }: SelectOptions,
  job: JobOptions,
): Promise<SavedTournament> {
  const competing =
    reference === undefined ? logProbs : logProbs.selectModels(logProbs.models.filter((name) => name !== reference));
  const saved = existsSync(file)
    ? await (await SavedTournament.read(file)).extend(competing, job)
    : await SavedTournament.start(competing, { ...job, N });
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
    'tournament',
    'counts',
    'requireSignificant',
  ] as const;
  const given = needing.filter((name) => options[name] !== undefined);
  if (given.length === 0) return;
  const flags = given.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `--winner-only finds the winners and nothing else: leave out ${flags.join(', ')}, or leave out --winner-only.`,
    { place: { field: given[0]! } },
  );
}

async function printWinners(
  logProbs: LogProbs,
  options: SelectOptions,
  job: Parameters<typeof selectWinner>[1] extends infer O ? Omit<O, 'N'> : never,
  progress: ProgressLine,
): Promise<void> {
  if (logProbs.models.length < 2) {
    throw new CoverageError(
      'ERR_TOO_FEW_MODELS',
      'A choice needs at least two models: add the log-probabilities of another.',
    );
  }
  const winners = await selectWinner(logProbs, { ...job, N: options.N });
  progress.clear();
  if (options.json) {
    const result = {
      models: logProbs.models,
      responses: logProbs.responses,
      tournaments: winners,
      warnings: logProbs.metadata.warnings,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  for (const { N, winner, score, rival, pairsLookedAt, pairsTotal } of winners) {
    const share = ((100 * pairsLookedAt) / pairsTotal).toFixed(1);
    process.stdout.write(
      `N = ${N}: ${winner} (score ${score.toFixed(4)} against ${rival}; looked at ${share}% of ${pairsTotal} pairs)\n`,
    );
  }
}
