import { type Command, Option } from 'commander';
import { CoverageError } from '../error.js';
import { parseShard } from './arguments.js';
import { flagOf } from './output-options.js';

/** The command-line options of a command that several processes can share, as commander hands them over. */
export interface PartOptions {
  readonly shard?: [number, number];
  /** Set by `merge`: where the parts are that the command is to be made of. */
  readonly parts?: string[];
}

/** Adds the options of a command that several processes can share; `of` says what is shared. */
export function addPartOptions(command: Command, of: string): Command {
  return command
    .option('--shard <i/n>', `make part I of N of ${of}, for merge to put together`, parseShard)
    .addOption(new Option('--parts <path...>').hideHelp());
}

/**
 * Refuses, beside `--shard`, what is said of the whole.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 */
export function refuseBesideShard<O extends object>(options: O, names: readonly (keyof O & string)[]): void {
  const given = names.filter((name) => options[name] !== undefined && options[name] !== false);
  if (given.length === 0) return;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `A part has no result of its own: leave out ${given.map(flagOf).join(', ')} beside --shard, or say it to merge.`,
    { place: { field: given[0]! } },
  );
}
