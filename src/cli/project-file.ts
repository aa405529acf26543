import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { CoverageError } from '../error.js';
import { checkOptions } from '../options.js';
import * as z from '../zod.js';
import { PROJECT_FILE } from './command-line.js';

/** Options that ask for something else than the command's work. */
const ONCE = new Set(['help', 'version', 'list', 'schema']);

/**
 * Schema of a project file: for each command its options, by the names of their flags (`best-of`), and `all` for those
 * that several commands have. Made from the commands themselves.
 */
export function projectFileSchema(root: Command) {
  const commands = commandsOf(root);
  const options = new Map(commands.flatMap(([, command]) => optionsOf(command)));
  const shape = (list: Iterable<[string, Option]>) =>
    z.strictObject(Object.fromEntries([...list].map(([name, option]) => [name, valueSchema(option).optional()])));
  return z.strictObject({
    $schema: z.string().optional().describe('Where editors find this schema.'),
    all: shape(options).optional().describe('Options of every command that has them.'),
    ...Object.fromEntries(
      commands.map(([name, command]) => [
        name,
        shape(optionsOf(command)).optional().describe(`Options of ${root.name()} ${name}.`),
      ]),
    ),
  });
}

/** The schema of a project file as JSON Schema (draft 2020-12), for editors. */
export function projectFileJsonSchema(root: Command): object {
  return {
    title: `${PROJECT_FILE} of ${root.name()}`,
    ...z.toJSONSchema(projectFileSchema(root), { io: 'input' }),
  };
}

/** Gives each command the options of the project file, if there is one; what the command line says goes before it. */
export function applyProjectFile(root: Command): void {
  const text = readText();
  if (text === null) return;
  const settings = check(root, text);
  for (const [name, command] of commandsOf(root)) {
    const own = new Map(optionsOf(command));
    for (const section of ['all', name]) {
      for (const [key, value] of Object.entries((settings[section] ?? {}) as Record<string, Given>)) {
        const option = own.get(key);
        if (option) set(command, option, value, `${section}.${key}`);
      }
    }
  }
}

/** The options that a command has from the project file, as words of a command line. */
export function wordsOfProjectFile(command: Command): string[] {
  return optionsOf(command).flatMap(([, option]) => {
    const given = GIVEN.get(command)?.get(option.attributeName());
    if (given === undefined || command.getOptionValueSource(option.attributeName()) !== 'config') return [];
    const flag = option.long ?? option.flags;
    return given === true ? [flag] : [flag, text(given)];
  });
}

type Given = boolean | string | number | readonly (string | number)[];

/** What was set on each command, as it stands in the file. */
const GIVEN = new WeakMap<Command, Map<string, Given>>();

function readText(): string | null {
  try {
    return readFileSync(PROJECT_FILE, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw wrong(`it cannot be read: ${(cause as Error).message}`, undefined, cause);
  }
}

function check(root: Command, text: string): Record<string, unknown> {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch (cause) {
    throw wrong(`it is not valid JSON: ${(cause as Error).message}`, undefined, cause);
  }
  try {
    return checkOptions(PROJECT_FILE, projectFileSchema(root), written);
  } catch (error) {
    if (!(error instanceof CoverageError)) throw error;
    const list = error.problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    throw wrong(list, error.place.field, error);
  }
}

/** The value as if it had been given on the command line, where it is checked in the same way. */
function set(command: Command, option: Option, given: Given, field: string): void {
  if (given === false) return;
  const name = option.attributeName();
  let value: unknown = given;
  if (given !== true) {
    // Options that may be given several times take the values one by one, others one list.
    const collects = /<[\w-]+=/.test(option.flags);
    const parts = collects && Array.isArray(given) ? given.map(String) : [text(given)];
    try {
      value = parts.reduce<unknown>((previous, part) => option.parseArg?.(part, previous) ?? part, undefined);
    } catch (error) {
      throw wrong(`${field}: ${(error as Error).message}`, field, error);
    }
  }
  command.setOptionValueWithSource(name, value, 'config');
  if (!GIVEN.has(command)) GIVEN.set(command, new Map());
  GIVEN.get(command)!.set(name, given);
}

function text(given: Given): string {
  return Array.isArray(given) ? given.join(',') : String(given);
}

function wrong(reason: string, field: string | undefined, cause: unknown): CoverageError {
  const place = { file: PROJECT_FILE, ...(field !== undefined && { field }) };
  return new CoverageError('ERR_INVALID_OPTION', `${PROJECT_FILE} cannot be used: ${reason}.`, { place, cause });
}

/** The commands that can be given options, by their names. */
function commandsOf(root: Command): [string, Command][] {
  const named = (command: Command, before: string): [string, Command][] =>
    command.commands.flatMap((each): [string, Command][] => {
      const name = `${before}${each.name()}`;
      return [[name, each] as [string, Command], ...named(each, `${name} `)];
    });
  return named(root, '').filter(([, command]) => optionsOf(command).length > 0);
}

function optionsOf(command: Command): [string, Option][] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map((option): [string, Option] => [option.name(), option])
    .filter(([name]) => !ONCE.has(name));
}

function valueSchema({ required, argChoices, description }: Option): z.ZodType {
  const one = z.union([z.string(), z.number()]);
  const value = argChoices ? z.enum(argChoices) : z.union([one, z.array(one).min(1)]);
  return (required ? value : z.boolean()).describe(description);
}
