import { availableParallelism } from 'node:os';
import { createContext, Script } from 'node:vm';
import { CoverageError } from '../error.js';
import { type CommandRun, runCommand } from './command.js';
import type { CheckedSampleOptions } from './options.js';
import type { PromptRow, Prompts } from './prompts.js';

/** Whether a response is right, or why that cannot be told. */
export type Judged = { readonly correct: boolean } | { readonly reason: string };

/** Tells whether responses are right. */
export interface Verifier {
  readonly judge: (row: PromptRow, response: string, signal: AbortSignal) => Promise<Judged>;
  /** What a command wrote last of why it found a response wrong; empty without one. */
  readonly lastWords: () => string;
}

/** Milliseconds that a regular expression has for a response. */
const PATTERN_MS = 1000;

/** Bytes of a row that a command can be told of: what one variable of an environment holds everywhere. */
const LONGEST_ROW = 100_000;

/**
 * The verifier that is asked for, once it is known to suit all prompts: nothing is to be spent on what cannot be verified.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_MALFORMED_FILE` naming the first row that does not suit, `ERR_VERIFIER`
 */
export async function openVerifier(
  { verifier, jobs }: CheckedSampleOptions,
  { rows }: Prompts,
  signal: AbortSignal,
): Promise<Verifier> {
  switch (verifier.kind) {
    case 'exact':
      needAnswers(rows, () => true, 'Exact match compares with the answer of each row');
      return plain(({ answer }, response) => answersOf(answer).includes(response.trim()));
    case 'number':
      needAnswers(
        rows,
        (answer) => lastNumber(answer) !== null,
        'The last number is compared with the answer of each row',
      );
      return plain(({ answer }, response) => {
        const number = lastNumber(response);
        return number !== null && answersOf(answer).some((each) => isClose(number, lastNumber(each)!));
      });
    case 'pattern':
      return patternVerifier(verifier.pattern, rows);
    case 'command': {
      const tooLong = rows.find((row) => Buffer.byteLength(JSON.stringify(row)) > LONGEST_ROW);
      if (tooLong !== undefined) {
        throw rowError(
          tooLong,
          `has more than ${LONGEST_ROW} bytes, which a command cannot be told in its environment`,
        );
      }
      const run: CommandRun = {
        command: verifier.command,
        seconds: verifier.seconds,
        jobs: jobs ?? availableParallelism(),
      };
      return runCommand(run, rows[0]!, signal);
    }
  }
}

function plain(isRight: (row: PromptRow, response: string) => boolean): Verifier {
  return { judge: async (row, response) => ({ correct: isRight(row, response) }), lastWords: () => '' };
}

/** The right answers of a row, without the blanks around them. */
function answersOf(answer: PromptRow['answer']): string[] {
  return (Array.isArray(answer) ? answer : [answer as string | number]).map((each) => String(each).trim());
}

function needAnswers(rows: readonly PromptRow[], suits: (answer: string) => boolean, why: string): void {
  for (const row of rows) {
    if (row.answer === undefined) throw rowError(row, `has no answer. ${why}`);
    const other = answersOf(row.answer).find((each) => !suits(each));
    if (other !== undefined)
      throw rowError(row, `has the answer ${JSON.stringify(other)}, in which there is no number. ${why}`);
  }
}

function rowError({ id }: PromptRow, what: string): CoverageError {
  return new CoverageError('ERR_MALFORMED_FILE', `Prompt ${id} ${what}.`, { place: { response: String(id) } });
}

/** Numbers as people and models write them: `1,234.5`, `-3e2`, `−4`; a sign after a letter or digit is none. */
const NUMBER =
  /(?:(?<![\w.])[-+−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|(?:(?<![\w.])[-+−])?(?<!\d)\.\d+/gu;

/** The last number in a text; `null` if there is none. */
export function lastNumber(text: string): number | null {
  const found = text.match(NUMBER)?.at(-1);
  return found === undefined ? null : Number(found.replaceAll(',', '').replace('−', '-'));
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
}

function patternVerifier(pattern: string, rows: readonly PromptRow[]): Verifier {
  const refuse = (message: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field: 'verifier' } });
  let regex: RegExp;
  let groups: number;
  try {
    regex = new RegExp(pattern, 'gu');
    groups = new RegExp(`${pattern}|`, 'u').exec('')!.length - 1;
  } catch (error) {
    throw refuse(`This is no regular expression: ${(error as Error).message}.`);
  }
  if (groups > 1) throw refuse('The regular expression has several groups: mark the answer by one, others as (?:…).');
  const answered = rows.find(({ answer }) => answer !== undefined);
  if (groups === 0 && answered !== undefined) {
    throw refuse(
      `Prompt ${answered.id} has an answer, and the regular expression no group to compare with it: put the answer in (…), or leave answers out.`,
    );
  }
  if (groups === 1) needAnswers(rows, () => true, 'The group of the regular expression is compared with it');
  // A regular expression may take for ever: in a context of its own it can be stopped.
  const context = createContext({ regex, text: '', found: undefined });
  const script = new Script('found = undefined; for (const match of text.matchAll(regex)) found = match;');
  return {
    judge: async ({ answer }, response) => {
      context['text'] = response;
      try {
        script.runInContext(context, { timeout: PATTERN_MS });
      } catch {
        return { reason: `the regular expression took more than ${PATTERN_MS / 1000} s on the response` };
      }
      const found = context['found'] as RegExpMatchArray | undefined;
      if (groups === 0 || found === undefined) return { correct: found !== undefined };
      return { correct: answersOf(answer).includes((found[1] ?? '').trim()) };
    },
    lastWords: () => '',
  };
}
