import { type Command, Option } from 'commander';
import type { ReadLogProbsOptions } from '../log-probs/read.js';
import { LOG_PROBS_FORMATS, type LogProbsFormat } from '../log-probs/reader.js';
import type { ColumnNames } from '../log-probs/row-reader.js';
import { parseWholeNumber } from './arguments.js';

/** The command-line options that say how to read log-probabilities, as commander hands them over. */
export interface InputOptions {
  readonly format?: LogProbsFormat;
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
export const INPUT_ARGUMENT = 'file of log-probabilities, or NAME=FILE to name the model of a file that holds one';

/** Adds the options that say how to read log-probabilities. */
export function addInputOptions(command: Command): Command {
  return command
    .optionsGroup(HEADING)
    .addOption(
      new Option('--format <format>', 'format of all inputs (default: told from name and content)').choices(
        LOG_PROBS_FORMATS,
      ),
    )
    .option('--transpose', 'a matrix has a row a response and a column a model')
    .option('--negate', 'values are negative log-probabilities: change their sign')
    .option('--shared', 'leave out responses that some model lacks, instead of refusing')
    .option('--ignore-hashes', 'do not insist on equal prompt and response hashes')
    .option('--keep-clamped', 'take token log-probabilities of −9999 as they are, not as −∞')
    .option('--prompt-tokens <count>', 'tokens of the prompt before those of the response', parseWholeNumber(0))
    .option('--response-tokens <count>', 'tokens of the response, the last of each list', parseWholeNumber(1))
    .option('--filter <name>', 'filter of lm-evaluation-harness whose rows are read')
    .option(
      '--column <role=name>',
      'column of a role: id, model, logProb, tokenLogProbs, tokens, promptId, …; models=A,B names the models of a wide table',
      collectColumn,
    )
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1));
}

function collectColumn(text: string, previous: [string, string][] = []): [string, string][] {
  const [role = '', ...name] = text.split('=');
  return [...previous, [role, name.join('=')]];
}

/** `models` alone is a list, whose names are separated by commas. */
function toColumns(columns: readonly [string, string][]): ColumnNames {
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
