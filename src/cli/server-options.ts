import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ServerInput, scoreSchema } from '../score/options.js';
import type * as z from '../zod.js';
import { parseWholeNumber } from './arguments.js';

/** The command-line options that say which servers there are and how they are spoken to. */
export interface ServerOptions {
  readonly server: ServerInput[];
  readonly concurrency: number;
  readonly retries: number;
  readonly timeout: number;
}

/** An option whose sentence and default are those of its schema. */
export function schemaOption<T>(flags: string, schema: z.ZodType<T>, parse?: (text: string) => T): Option {
  const option = new Option(flags, schema.description);
  const value = schema.parse(undefined);
  // What is off or empty by default goes without saying.
  if (value !== false && !(Array.isArray(value) && value.length === 0)) option.default(value);
  return parse ? option.argParser(parse) : option;
}

/** Adds the options of servers. */
export function addServerOptions(command: Command): Command {
  const { concurrency, retries, timeout } = scoreSchema.shape;
  return command
    .requiredOption(
      '--server <name=url>',
      'a checkpoint and where it is served; #MODEL after the address where the server calls it otherwise; again for each, or for another server of the same',
      collectServer,
    )
    .optionsGroup('Servers:')
    .addOption(schemaOption('--concurrency <count>', concurrency, parseWholeNumber(1)))
    .addOption(schemaOption('--retries <count>', retries, parseWholeNumber(0)))
    .addOption(schemaOption('--timeout <seconds>', timeout, parseWholeNumber(1)));
}

/** Collects `--server NAME=URL` and `--server NAME=URL#MODEL`. */
function collectServer(text: string, previous: ServerInput[] = []): ServerInput[] {
  const [, name, url, model] = /^(.+?)=(https?:\/\/[^#]+)(?:#(.+))?$/i.exec(text) ?? [];
  if (name === undefined || url === undefined) throw new InvalidArgumentError('Give NAME=http://HOST:PORT.');
  return [...previous, { name, url, ...(model !== undefined && { model }) }];
}

/** What `--help` says of authorisation. */
export const AUTHORISATION = `
Authorisation comes from the environment only: COVERAGE_PRINCIPLE_API_KEY for all servers, or
COVERAGE_PRINCIPLE_API_KEY_STEP_1000 for those of step-1000. It is written to no file and no message.`;
