import { type Command, InvalidArgumentError } from 'commander';
import type { ServerInput } from '../score/options.js';
import { parseWholeNumber } from './arguments.js';

/** The command-line options that say which servers there are and how they are spoken to. */
export interface ServerOptions {
  readonly server: ServerInput[];
  readonly concurrency: number;
  readonly retries: number;
  readonly timeout: number;
}

/** Adds the options of servers. */
export function addServerOptions(command: Command): Command {
  return command
    .requiredOption(
      '--server <name=url>',
      'a checkpoint and where it is served; #MODEL after the address where the server calls it otherwise; again for each, or for another server of the same',
      collectServer,
    )
    .optionsGroup('Servers:')
    .option(
      '--concurrency <count>',
      'most requests at a server at a time; fewer are sent while more do not help',
      parseWholeNumber(1),
      64,
    )
    .option('--retries <count>', 'times that a request is sent again after a fault', parseWholeNumber(0), 8)
    .option('--timeout <seconds>', 'seconds to wait for an answer', parseWholeNumber(1), 300);
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
