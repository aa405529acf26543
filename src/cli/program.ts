import { Command, CommanderError } from 'commander';
import { CoverageError } from '../error.js';
import { packageVersion } from '../version.js';
import { compareCommand } from './compare.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { EXIT } from './exit-codes.js';
import { graphTaskCommand } from './graph-task.js';
import { offsetCommand } from './offset.js';
import { passAtKCommand } from './pass-at-k.js';
import { profileCommand } from './profile.js';
import { reproduceCommand } from './reproduce.js';
import { selectCommand } from './select.js';
import { trainCommand } from './train.js';

const USAGE_CODES = new Set(['ERR_INVALID_OPTION', 'ERR_OUTPUT_EXISTS', 'ERR_UNKNOWN_MODEL', 'ERR_UNKNOWN_FORMAT']);

/** Runs the command line `argv` (without node and script) and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort(new Interrupted());
  process.once('SIGINT', onInterrupt);
  let exitCode: number = EXIT.ok;
  const context: CommandContext = {
    signal: interrupt.signal,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  try {
    await program(context).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof CoverageError)) throw error;
    process.stderr.write(`error: ${error.message}\n[${error.code}]\n`);
    return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/** What a command gets from its surroundings. */
export interface CommandContext {
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Sets the exit code of a command that did its work. */
  readonly exitWith: (code: number) => void;
}

class Interrupted extends Error {}

function program(context: CommandContext): Command {
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
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not clear (with --require-significant) or worse than\nthe baseline (with --fail-if-worse).',
    );
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
  ]) {
    root.addCommand(command.copyInheritedSettings(root));
    for (const part of command.commands) part.copyInheritedSettings(root);
  }
  return root;
}
