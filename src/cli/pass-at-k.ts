import { Command, Option } from 'commander';
import { FILE_FORMATS, type FileFormat } from '../files/formats.js';
import { passAtK } from '../pass-at-k/pass-at-k.js';
import { type ReadSampleCountsOptions, readSampleCounts } from '../pass-at-k/read-sample-counts.js';
import { passAtKReport } from '../report/pass-at-k/report.js';
import { packageVersion } from '../version.js';
import { parseConfidence, parseWholeNumber, parseWholeNumbers } from './arguments.js';
import { collectColumn, toColumns } from './input-options.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface PassAtKOptions extends OutputOptions {
  readonly k: number[];
  readonly replicates: number;
  readonly seed: number;
  readonly confidence: number;
  readonly base?: string;
  readonly format?: FileFormat;
  readonly tests?: 'plus' | 'base';
  readonly column?: [string, string][];
  readonly samples?: number;
  readonly metric?: string;
  readonly filter?: string;
  readonly transpose?: boolean;
  readonly shared?: boolean;
  readonly threads?: number;
}

/** `coverage-principle pass-at-k`: unbiased Pass@k with intervals. */
export function passAtKCommand({ signal }: CommandContext): Command {
  const command = new Command('pass-at-k')
    .description(
      'Unbiased Pass@k from sampled responses that are right or wrong, with intervals over problems that hold at any number ' +
        'of them. A k above the number of samples of some problem gives null with the reason, never a number.',
    )
    .argument(
      '<input...>',
      'file of samples or counts, folder of them, quoted pattern, or - for standard input; NAME=FILE names the model of a file that holds one',
    )
    .option('-k, --k <list>', 'values of k, e.g. 1,4,16', parseWholeNumbers, [1])
    .option(
      '--replicates <count>',
      'resamples of the problems for shares of picks, and simulations of the null of --base; 0 for none',
      parseWholeNumber(0),
      1000,
    )
    .option('--seed <seed>', 'seed of the resamples and simulations', parseWholeNumber(0), 0)
    .option('--confidence <share>', 'confidence of all intervals', parseConfidence, 0.95)
    .option('--base <model>', 'model before tuning: coverage ratio of each other model, problems lost and won');
  addOutputOptions(command, 'one row a model and k');
  return command
    .optionsGroup('Reading:')
    .addOption(
      new Option('--format <format>', 'format of all inputs (default: told from content and name)').choices(
        FILE_FORMATS,
      ),
    )
    .option(
      '--column <role=name>',
      'column of a role: id, model, sample, samples, correct, passed, a field inside another as a.b; models=A,B names the models of a table with a column for each',
      collectColumn,
    )
    .addOption(new Option('--tests <which>', 'tests of evalplus that decide').choices(['plus', 'base']).default('plus'))
    .option('--samples <count>', 'samples per problem of counts that do not say', parseWholeNumber(1))
    .option(
      '--metric <name>',
      'metric (lm-evaluation-harness, OLMES, HELM) or scorer (inspect_ai) that says right or wrong',
    )
    .option('--filter <name>', 'filter of lm-evaluation-harness whose rows are read')
    .option('--transpose', 'a matrix has a row a problem and a column a model')
    .option('--shared', 'leave out problems that some model lacks, instead of refusing')
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1))
    .action(async (inputs: string[], options: PassAtKOptions) => {
      const progress = new ProgressLine(options.quiet);
      const { k, replicates, seed, confidence, base, threads } = options;
      const counts = await readSampleCounts(inputs, {
        ...toReadOptions(options),
        signal,
        onProgress: progress.stage('Reading'),
      });
      const { models, problems, samples, correct, sources, warnings } = counts;
      await checkOutputs(options, sources);
      const job = { signal, onProgress: progress.stage('Pass@k'), ...(threads !== undefined && { threads }) };
      const estimates = await passAtK(
        { models, problems, samples, correct },
        { ...job, k, replicates, seed, confidence, ...(base !== undefined && { base }) },
      ).finally(() => progress.clear());
      const extras = { warnings, provenance: { version: packageVersion, sources, seed: String(seed) } };
      await writeOutputs(passAtKReport(estimates, extras), options);
    });
}

function toReadOptions(options: PassAtKOptions): ReadSampleCountsOptions {
  const { format, tests, samples, metric, filter, transpose, shared, column, threads } = options;
  return {
    format,
    tests,
    samples,
    metric,
    filter,
    transpose,
    ...(shared && { join: 'shared' as const }),
    ...(column && { columns: toColumns(column) }),
    ...(threads !== undefined && { threads }),
  };
}
