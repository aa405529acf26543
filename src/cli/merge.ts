import { Command } from 'commander';
import { CoverageError } from '../error.js';
import { parseWholeNumber } from './arguments.js';
import { commandLine } from './command-line.js';
import { addOutputOptions, flagOf, type OutputOptions } from './output-options.js';
import { checkParts, readPart } from './parts.js';
import type { CommandContext } from './program.js';

interface MergeOptions extends OutputOptions {
  readonly output?: string;
  readonly threads?: number;
}

/** The commands that can be shared. */
const SHARED: Readonly<Record<string, (context: CommandContext) => Promise<Command>>> = {
  select: async (context) => (await import('./select.js')).selectCommand(context),
  train: async (context) => (await import('./train.js')).trainCommand(context),
  reproduce: async (context) => (await import('./reproduce.js')).reproduceCommand(context),
};

/** `coverage-principle merge`: what one process would have said, from parts that several made. */
export function mergeCommand(context: CommandContext): Command {
  const command = new Command('merge')
    .description(
      'Put together the parts that select, train or reproduce made with --shard I/N, in processes or machines of their ' +
        'own: the result is that of one process, byte for byte. Run it where the command was run, with the same inputs.',
    )
    .argument('<part...>', 'the file (of select) or folder (of train and reproduce) of every part, in any order')
    .option('-o, --output <folder>', 'of train: where to write, as there')
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1));
  return addOutputOptions(command, 'as the command’s own')
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], options: MergeOptions) => {
      const parts = await Promise.all(paths.map(readPart));
      checkParts(parts);
      const [name = '', ...words] = parts[0]!.command;
      const load = SHARED[name];
      if (load === undefined) {
        throw new CoverageError('ERR_MALFORMED_FILE', `${paths[0]} is of “${name}”, which has no parts.`, {
          place: { file: paths[0]! },
        });
      }
      const own = wordsOf(options);
      // What the report says it was made by is the command of one process.
      commandLine.words = [name, ...words, ...own];
      const whole = (await load(context)).exitOverride();
      await whole.parseAsync([...words, ...own, '--parts', ...paths], { from: 'user' });
    });
}

const EXAMPLES = `
Examples:
  $ for i in 1 2 3; do coverage-principle select scores/ --best-of 16 --shard $i/3 --out part-$i; done
  $ coverage-principle merge part-* --json > selection.json
  $ coverage-principle merge sweep-* --output runs`;

/** The options as words of a command line. */
function wordsOf(options: MergeOptions): string[] {
  return Object.entries(options).flatMap(([option, value]) =>
    value === true ? [flagOf(option)] : [flagOf(option), String(value)],
  );
}
