import { type Command, Option } from 'commander';
import type { AnswerLogProbs } from '../answers/answer-log-probs.js';
import { CoverageError } from '../error.js';
import { FILE_FORMATS, type FileFormat } from '../files/formats.js';
import type { JobOptions } from '../job.js';
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
  readonly column?: [string, string][];
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
export function toReadOptions(options: InputOptions): ReadLogProbsOptions {
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

/** The command-line options that name log-probabilities of answers, as commander hands them over. */
export interface AnswerOptions {
  readonly answers?: string[];
  readonly answersProposal?: string;
  readonly answersColumn?: [string, string][];
}

/** Adds the options that name log-probabilities of answers. */
export function addAnswerOptions(command: Command): Command {
  return command
    .optionsGroup('Answers:')
    .option(
      '--answers <input>',
      'log-probabilities of the answers under the same models, several rows a response told apart by a reasoningId (or exact, one row a response): adds Cov_N of the answers; may be given again',
      (input: string, previous: string[] = []) => [...previous, input],
    )
    .option(
      '--answers-proposal <model>',
      'model among the answers that the reasonings were drawn from (default: each model drew its own)',
    )
    .option(
      '--answers-column <role=name>',
      'as --column, for the answers: id, reasoning, model, logProb, promptId, …',
      collectColumn,
    );
}

/**
 * The answers, read as the rest is but for the columns; `null` without.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for what is said of answers where there are none
 */
export async function readAnswers(
  options: InputOptions & AnswerOptions,
  job: JobOptions,
): Promise<AnswerLogProbs | null> {
  const { answers, answersProposal, answersColumn } = options;
  if (answers === undefined) {
    if (answersProposal === undefined && answersColumn === undefined) return null;
    const field = answersProposal === undefined ? 'answersColumn' : 'answersProposal';
    throw new CoverageError('ERR_INVALID_OPTION', 'Name the log-probabilities of the answers with --answers FILE.', {
      place: { field },
    });
  }
  const { readAnswerLogProbs } = await import('../answers/read.js');
  return readAnswerLogProbs(answers, {
    ...toReadOptions({ ...options, ...(answersColumn && { column: answersColumn }) }),
    ...(answersColumn ? {} : { columns: {} }),
    format: undefined,
    ...job,
  });
}
