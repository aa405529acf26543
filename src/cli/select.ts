import { join } from 'node:path';
import { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { readLogProbs } from '../log-probs/read.js';
import { type Figure, figurePng, figureSvg } from '../report/figure.js';
import { selectionFigures } from '../report/selection/figures.js';
import { selectionHtml } from '../report/selection/html.js';
import { selectionCsv, selectionTables } from '../report/selection/text.js';
import { terminalOptions } from '../report/terminal.js';
import { writeReportFile } from '../report/write-file.js';
import { uncoveredCsv } from '../selection/per-response.js';
import type { SelectionResult } from '../selection/result.js';
import { selectCheckpoint } from '../selection/select.js';
import { selectWinner } from '../tournament/select-winner.js';
import { parseBudgets, parseConfidence, parseNames, parseWholeNumber } from './arguments.js';
import { EXIT } from './exit-codes.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface SelectOptions extends InputOptions {
  readonly N: number[];
  readonly reference?: string;
  readonly models?: string[];
  readonly replicates: number;
  readonly seed: number;
  readonly confidence: number;
  readonly winnerOnly?: boolean;
  readonly requireSignificant?: boolean;
  readonly counts?: boolean;
  readonly json?: boolean;
  readonly csv?: string;
  readonly report?: string;
  readonly figures?: string;
  readonly png?: boolean;
  readonly perResponse?: string;
  readonly quiet?: boolean;
}

/** `coverage-principle select`: which checkpoint to take, how sure, and where cross-entropy would have gone wrong. */
export function selectCommand(context: CommandContext): Command {
  const command = new Command('select')
    .description(
      'Choose a checkpoint by the coverage tournament [28,29] on held-out responses, and say how sure the choice is\n' +
        'and what cross-entropy (and KL divergence, and Pass@N, where given) would have chosen.',
    )
    .argument('<input...>', INPUT_ARGUMENT)
    .requiredOption('-N, --N <list>', 'Best-of-N budgets, e.g. 4,16,64', parseBudgets)
    .option('--reference <model>', 'model whose log-probabilities play the data distribution (a teacher): adds KL')
    .option('--models <names>', 'only these models, comma-separated', parseNames)
    .optionsGroup('How sure:')
    .option('--replicates <count>', 'bootstrap replicates, 0 for none', parseWholeNumber(0), 1000)
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), 0)
    .option('--confidence <share>', 'confidence of all intervals', parseConfidence, 0.95)
    .option('--require-significant', `exit with ${EXIT.notSignificant} if a winner is within noise`)
    .option('--winner-only', 'find the winners without the matrix of counts or a bootstrap: for many models')
    .optionsGroup('Output:')
    .option('--json', 'the result as one JSON object on stdout')
    .option('--counts', 'include the M×M counts whatever the number of models (default: up to 100)')
    .option('--csv <file>', 'one row a model and N')
    .option('--report <file>', 'one self-contained HTML file')
    .option('--figures <folder>', 'the figures of the report as SVG files')
    .option('--png', 'with --figures: PNG files, too (needs @resvg/resvg-js)')
    .option('--per-response <file>', 'CSV of the responses that the other picks fail to cover')
    .option('--quiet', 'no progress');
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
  const logProbs = options.models ? all.selectModels(options.models) : all;
  const job = { signal, ...(threads !== undefined && { threads }) };
  if (options.winnerOnly) {
    await printWinners(logProbs, options, { ...job, onProgress: progress.stage('winner') }, progress);
    return;
  }
  const result = await selectCheckpoint(logProbs, {
    ...job,
    N,
    seed,
    confidence,
    replicates: options.replicates,
    ...(options.counts && { counts: true }),
    ...(options.reference !== undefined && { reference: options.reference }),
    onProgress: (snapshot) => progress.stage(snapshot.stage ?? '')(snapshot),
  });
  progress.clear();
  await writeOutputs(result, logProbs, options);
  process.stdout.write(
    options.json ? `${JSON.stringify(result, null, 2)}\n` : selectionTables(result, terminalOptions(process.stdout)),
  );
  if (options.requireSignificant && result.tournaments.some(({ significant }) => significant !== true)) {
    exitWith(EXIT.notSignificant);
  }
}

async function writeOutputs(result: SelectionResult, logProbs: LogProbs, options: SelectOptions): Promise<void> {
  if (options.csv !== undefined) await writeReportFile(options.csv, selectionCsv(result));
  if (options.report !== undefined) await writeReportFile(options.report, selectionHtml(result));
  if (options.perResponse !== undefined) await writeReportFile(options.perResponse, uncoveredCsv(result, logProbs));
  if (options.figures !== undefined)
    await writeFigures(options.figures, selectionFigures(result), options.png === true);
}

async function writeFigures(folder: string, figures: readonly Figure[], png: boolean): Promise<void> {
  for (const figure of figures) {
    await writeReportFile(join(folder, `${figure.id}.svg`), figureSvg(figure));
    if (png) await writeReportFile(join(folder, `${figure.id}.png`), figurePng(figure));
  }
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
