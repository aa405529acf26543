import { Command, CommanderError } from 'commander';
import { CoverageError } from '../error.js';
import { packageVersion } from '../version.js';
import { commandLine } from './command-line.js';
import { compareCommand } from './compare.js';
import { completionCommand } from './completion.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { EXIT } from './exit-codes.js';
import { graphTaskCommand } from './graph-task.js';
import { offsetCommand } from './offset.js';
import { passAtKCommand } from './pass-at-k.js';
import { profileCommand } from './profile.js';
import { applyProjectFile, PROJECT_FILE, wordsOfProjectFile } from './project-file.js';
import { reproduceCommand } from './reproduce.js';
import { selectCommand } from './select.js';
import { trainCommand } from './train.js';

const USAGE_CODES = new Set(['ERR_INVALID_OPTION', 'ERR_OUTPUT_EXISTS', 'ERR_UNKNOWN_MODEL', 'ERR_UNKNOWN_FORMAT']);

/** Runs the command line `argv` (without node and script) and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (signal: keyof typeof EXIT_OF) => interrupt.abort(new Interrupted(EXIT_OF[signal]));
  for (const signal of SIGNALS) process.once(signal, onSignal);
  let exitCode: number = EXIT.ok;
  const context: CommandContext = {
    signal: interrupt.signal,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  commandLine.words = argv;
  try {
    await program(context).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof CoverageError)) throw error;
    process.stderr.write(`error: ${error.message}\n[${error.code}]\n`);
    return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  }
}

/** What a command gets from its surroundings. */
export interface CommandContext {
  /** Aborted when the user interrupts, or the system asks to end. */
  readonly signal: AbortSignal;
  /** Sets the exit code of a command that did its work. */
  readonly exitWith: (code: number) => void;
}

/** The signals that end a command after it has saved what it can, and what it exits with. */
const EXIT_OF = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('Interrupted.');
    this.exitCode = exitCode;
  }
}

/** All commands. */
export function program(context: CommandContext): Command {
  const root = new Command('coverage-principle')
    .description(
      'Choose checkpoints by coverage profile Cov_N, not by validation loss.\n' +
        'From The Coverage Principle (arXiv:2510.15020).',
    )
    .version(packageVersion)
    .exitOverride()
    // Options after `demo text` are those of `text`.
    .enablePositionalOptions()
    .showHelpAfterError('(--help lists the options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not clear (with --require-significant) or worse than\nthe baseline (with --fail-if-worse).\n' +
        `Options may stand in ${PROJECT_FILE}, too: {"select": {"best-of": [4, 16]}, "all": {"threads": 4}}.`,
    )
    .hook('preSubcommand', (_, command) => {
      if (command.name() !== 'completion') applyProjectFile(root);
    })
    .hook('preAction', (_, command) => {
      commandLine.words = [...commandLine.words, ...wordsOfProjectFile(command)];
    });
  for (const command of [
    selectCommand(context),
    compareCommand(context),
    offsetCommand(context),
    profileCommand(context),
    passAtKCommand(context),
    doctorCommand(context),
    reproduceCommand(context),
    trainCommand(context),
    demoCommand(context),
    graphTaskCommand(context),
    completionCommand(() => root),
  ]) {
    root.addCommand(command.copyInheritedSettings(root));
    for (const part of command.commands) part.copyInheritedSettings(root);
  }
  return root;
}
