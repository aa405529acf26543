import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CoverageError } from '../error.js';
import { packageVersion } from '../version.js';
import { commandLine, PROJECT_FILE } from './command-line.js';
import { EXIT } from './exit-codes.js';

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
    await (await program(context, needed(argv))).parseAsync([...argv], { from: 'user' });
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

type Load = (context: CommandContext, root: () => Command) => Promise<Command>;

/** Every command: a line for the list of all, and what loads it. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: Load }>> = {
  score: {
    summary: 'log-probabilities of given responses under served checkpoints',
    load: async (context) => (await import('./score.js')).scoreCommand(context),
  },
  sample: {
    summary: 'responses drawn from served checkpoints and verified, for Pass@k',
    load: async (context) => (await import('./sample.js')).sampleCommand(context),
  },
  select: {
    summary: 'choose a checkpoint by the coverage tournament, and say how sure the choice is',
    load: async (context) => (await import('./select.js')).selectCommand(context),
  },
  compare: {
    summary: 'two models head to head, response by response',
    load: async (context) => (await import('./compare.js')).compareCommand(context),
  },
  offset: {
    summary: 'choose by the offset tournament, from responses drawn from each model',
    load: async (context) => (await import('./offset.js')).offsetCommand(context),
  },
  profile: {
    summary: 'coverage profile Cov_N of every model against a reference',
    load: async (context) => (await import('./profile.js')).profileCommand(context),
  },
  'pass-at-k': {
    summary: 'unbiased Pass@k from sampled responses, with intervals',
    load: async (context) => (await import('./pass-at-k.js')).passAtKCommand(context),
  },
  doctor: {
    summary: 'say everything that is wrong or odd about an input',
    load: async (context) => (await import('./doctor.js')).doctorCommand(context),
  },
  reproduce: {
    summary: 'run experiments of the paper and hold its claims against what is measured',
    load: async (context) => (await import('./reproduce.js')).reproduceCommand(context),
  },
  train: {
    summary: 'train autoregressive linear models by a configuration',
    load: async (context) => (await import('./train.js')).trainCommand(context),
  },
  merge: {
    summary: 'put together the parts that several processes made with --shard',
    load: async (context) => (await import('./merge.js')).mergeCommand(context),
  },
  demo: {
    summary: 'train on the graph task, pick by tournament and by validation loss, see who was right',
    load: async (context) => (await import('./demo.js')).demoCommand(context),
  },
  'graph-task': {
    summary: 'export prompts of the graph reasoning task, to train any network on',
    load: async (context) => (await import('./graph-task.js')).graphTaskCommand(context),
  },
  completion: {
    summary: 'print what makes a shell complete commands and options',
    load: async (_, root) => (await import('./completion.js')).completionCommand(root),
  },
};

/**
 * The commands that a command line needs: those it names. Where a project file has options for all commands, or
 * completion is asked for, all are.
 */
function needed(argv: readonly string[]): readonly string[] {
  const names = Object.keys(COMMANDS);
  const [first] = argv.filter((word) => !word.startsWith('-'));
  if (first === 'completion' || existsSync(PROJECT_FILE)) return names;
  return names.filter((name) => argv.includes(name));
}

/**
 * The command line. Of commands that are not `loaded` there is but the line in the list of all: loading what every
 * command needs would take longer than most commands.
 */
export async function program(
  context: CommandContext,
  loaded: readonly string[] = Object.keys(COMMANDS),
): Promise<Command> {
  const root = new Command('coverage-principle')
    .description(
      'Choose checkpoints by coverage profile Cov_N, not by validation loss.\n' +
        'From The Coverage Principle (arXiv:2510.15020).',
    )
    .version(packageVersion)
    .exitOverride()
    // Options after `demo text` are those of `text`.
    .enablePositionalOptions()
    // The list is the same whether or not a command and its arguments are loaded.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(--help lists the options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not clear (with --require-significant) or worse than\nthe baseline (with --fail-if-worse).\n' +
        `Options may stand in ${PROJECT_FILE}, too: {"select": {"best-of": [4, 16]}, "all": {"threads": 4}}.`,
    );
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = loaded.includes(name) ? await load(context, () => root) : new Command(name);
    root.addCommand(command.summary(summary).copyInheritedSettings(root));
    for (const part of command.commands) part.copyInheritedSettings(root);
  }
  if (existsSync(PROJECT_FILE)) {
    const { applyProjectFile, wordsOfProjectFile } = await import('./project-file.js');
    root
      .hook('preSubcommand', (_, command) => {
        if (command.name() !== 'completion') applyProjectFile(root);
      })
      .hook('preAction', (_, command) => {
        commandLine.words = [...commandLine.words, ...wordsOfProjectFile(command)];
      });
  }
  return root;
}
