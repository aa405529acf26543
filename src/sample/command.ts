import { spawn } from 'node:child_process';
import PQueue from 'p-queue';
import { CoverageError } from '../error.js';
import type { PromptRow } from './prompts.js';
import type { Judged, Verifier } from './verifier.js';

/** A command that verifies, and how it is run. */
export interface CommandRun {
  readonly command: string;
  /** Seconds that it has for a response. */
  readonly seconds: number;
  /** How many run at a time. */
  readonly jobs: number;
}

/** Characters of what a command writes to standard error that are kept for messages. */
const KEPT = 400;

/** Milliseconds that standard error of a command that has ended is waited for. */
const LEFT_OPEN = 1000;

/** How a shell ends that could not run a command. */
const NOT_RUN = new Set([126, 127]);

/** How a command ended. */
interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/**
 * Verifies by a command, which is tried on an empty response first.
 *
 * @throws CoverageError `ERR_VERIFIER` if it cannot be run
 */
export async function runCommand(run: CommandRun, example: PromptRow, signal: AbortSignal): Promise<Verifier> {
  const queue = new PQueue({ concurrency: run.jobs });
  let lastWords = '';
  const judge = async (row: PromptRow, response: string, signal: AbortSignal): Promise<Judged> => {
    const { code, said } = await queue.add(() => runOnce(run, row, response, signal));
    if (code !== null && NOT_RUN.has(code)) throw notRun(run.command, code, said);
    if (code !== 0 && said !== '') lastWords = said;
    return { correct: code === 0 };
  };
  await judge(example, '', signal);
  return { judge, lastWords: () => lastWords };
}

function notRun(command: string, code: number, said: string): CoverageError {
  const message = `The command that verifies could not be run (exit code ${code}${said && `: ${said}`}): ${command}`;
  return new CoverageError('ERR_VERIFIER', message, { place: { field: 'verifier' } });
}

/** Runs the command on one response; `code` is null where it was ended, for taking too long or by a signal. */
function runOnce(
  { command, seconds }: CommandRun,
  row: PromptRow,
  response: string,
  signal: AbortSignal,
): Promise<Ended> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      // A group of its own, so that what it has started ends with it.
      detached: process.platform !== 'win32',
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...withoutKeys(process.env), COVERAGE_PRINCIPLE_ROW: JSON.stringify(row) },
    });
    const end = () => {
      try {
        if (process.platform === 'win32') child.kill('SIGKILL');
        else if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    };
    const timer = setTimeout(end, 1000 * seconds);
    signal.addEventListener('abort', end, { once: true });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      said = (said + piece).slice(-KEPT);
    });
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      child.stderr.destroy();
      if (signal.aborted) reject(signal.reason);
      else act();
    };
    child.once('error', (cause) =>
      settle(() =>
        reject(
          new CoverageError('ERR_VERIFIER', `The command that verifies could not be run: ${cause.message}.`, { cause }),
        ),
      ),
    );
    child.once('exit', (code) => {
      // What the command left running in its group.
      end();
      // What it said may still be in the pipe, which only something that left the group can hold open.
      const held = setTimeout(() => child.stderr.destroy(), LEFT_OPEN);
      child.once('close', () => {
        clearTimeout(held);
        settle(() => resolve({ code, said: lastLine(said) }));
      });
    });
    // It need not read what it is given.
    child.stdin.on('error', () => undefined);
    child.stdin.end(response);
  });
}

/** What authorises calls of servers is nobody else's. */
function withoutKeys(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('COVERAGE_PRINCIPLE_API_KEY')),
  );
}

function lastLine(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .at(-1)!
    .replace(/[\p{Cc}]/gu, ' ');
}
