import { type Command, Option } from 'commander';
import { FILE_FORMATS, type FileFormat } from '../files/formats.js';
import type { ColumnNames, ReadLogProbsOptions } from '../log-probs/read.js';
import { parseWholeNumber } from './arguments.js';

/** The command-line options that say how to read log-probabilities, as commander hands them over. */
export interface InputOptions {
  readonly format?: FileFormat;
  readonly transpose?: boolean;
  readonly negate?: boolean;
  readonly shared?: boolean;
  readonly ignoreHashes?: boolean;
  readonly keepClamped?: boolean;
  readonly promptTokens?: number;
  readonly responseTokens?: number;
  readonly filter?: string;
  readonly columns?: readonly [string, string][];
  readonly threads?: number;
}

const HEADING = 'Reading:';

/** What the argument INPUT of every command is. */
export const INPUT_ARGUMENT =
  'file of log-probabilities, folder of them, quoted pattern, or - for standard input; NAME=FILE names the model of a file that holds one';

/** Adds the options that say how to read log-probabilities. */
export function addInputOptions(command: Command): Command {
  return command
    .optionsGroup(HEADING)
    .addOption(
      new Option('--format <format>', 'format of all inputs (default: told from content and name)').choices(
        FILE_FORMATS,
      ),
    )
    .option('--transpose', 'a matrix has a row a response and a column a model')
    .option('--negate', 'values are negative log-probabilities: change their sign')
    .option('--shared', 'leave out responses that some model lacks, instead of refusing')
    .option('--ignore-hashes', 'do not insist that texts beside an id, or their hashes, are the same for every model')
    .option('--keep-clamped', 'take token log-probabilities of −9999 as they are, not as −∞')
    .option('--prompt-tokens <count>', 'tokens of the prompt before those of the response', parseWholeNumber(0))
    .option('--response-tokens <count>', 'tokens of the response, the last of each list', parseWholeNumber(1))
    .option('--filter <name>', 'filter of lm-evaluation-harness whose rows are read')
    .option(
      '--column <role=name>',
      'column of a role: id, model, logProb, tokenLogProbs, tokens, promptId, …, a field inside another as a.b; models=A,B names the models of a wide table',
      collectColumn,
    )
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1));
}

/** Collects `--column role=name`. */
export function collectColumn(text: string, previous: [string, string][] = []): [string, string][] {
  const [role = '', ...name] = text.split('=');
  return [...previous, [role, name.join('=')]];
}

/** `models` alone is a list, whose names are separated by commas. */
export function toColumns(columns: readonly [string, string][]): ColumnNames {
  return Object.fromEntries(columns.map(([role, name]) => [role, role === 'models' ? name.split(',') : name]));
}

/** The reader's options from the command line's. */
export function toReadOptions(options: InputOptions & { column?: [string, string][] }): ReadLogProbsOptions {
  const {
    format,
    transpose,
    negate,
    shared,
    ignoreHashes,
    keepClamped,
    promptTokens,
    responseTokens,
    filter,
    threads,
  } = options;
  return {
    format,
    transpose,
    negate,
    ignoreHashes,
    keepClamped,
    promptTokens,
    responseTokens,
    filter,
    ...(threads !== undefined && { threads }),
    ...(shared && { join: 'shared' as const }),
    ...(options.column && { columns: toColumns(options.column) }),
  };
}
