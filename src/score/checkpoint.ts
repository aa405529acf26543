import { join } from 'node:path';
import { CoverageError } from '../error.js';
import type { ScoreManifest } from '../log-probs/manifest.js';
import { Client, Fault, keyFor } from './client.js';
import { lock } from './lock.js';
import type { CheckedScoreOptions, ServerInput } from './options.js';
import type { Responses } from './rows.js';
import { fileName, ScoreFile } from './score-file.js';
import { discover, type FoundServer } from './servers/discover.js';

/** One checkpoint of a run: its file, and its servers if there is anything left to do. */
export interface Checkpoint {
  readonly name: string;
  readonly path: string;
  readonly held: Awaited<ReturnType<typeof ScoreFile.peek>>;
  /** Whether every row is scored already. */
  readonly complete: boolean;
  readonly servers: readonly ServerInput[];
  readonly clients: readonly Client[];
  /** What was found at each address; empty where nothing is left to do. */
  readonly found: readonly FoundServer[];
}

/** What a run has opened and must close, whatever happens. */
export class Opened {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
  }
}

/** The checkpoints that servers are named for, each with what its file holds already. */
export async function openCheckpoints(
  options: CheckedScoreOptions,
  responses: Responses,
  selected: readonly number[],
  opened: Opened,
): Promise<Checkpoint[]> {
  const names = [...new Set(options.servers.map(({ name }) => name))];
  const checkpoints: Checkpoint[] = [];
  for (const name of names) {
    const path = join(options.out, fileName(name, options.shard));
    opened.add(await lock(path));
    const held = await ScoreFile.peek(path, responses.rows);
    if (held !== null) checkSameRun(held.manifest, name, options, responses, path);
    const complete = held !== null && selected.every((row) => held.known.has(row));
    const servers = options.servers.filter((server) => server.name === name);
    const clients = complete
      ? []
      : servers.map(({ url }) => {
          const client = new Client(url, {
            key: keyFor(name),
            timeout: options.timeout,
            concurrency: options.concurrency,
          });
          opened.add(() => client.close());
          return client;
        });
    const found = await Promise.all(
      clients.map((client, index) => discoverOrSay(client, servers[index]!, options.signal)),
    );
    checkAlike(name, found, clients);
    if (held !== null && found.length > 0) checkSameServer(held.manifest, found[0]!, name, path);
    checkpoints.push({ name, path, held, complete, servers, clients, found });
  }
  return checkpoints;
}

async function discoverOrSay(
  client: Client,
  server: ServerInput,
  signal: AbortSignal | undefined,
): Promise<FoundServer> {
  try {
    return await discover(client, server, signal);
  } catch (error) {
    throw serverError(error, server.name, client.url);
  }
}

/** The error of a server for its user; what is none of a server's stays. */
export function serverError(error: unknown, name: string, url: string): unknown {
  if (!(error instanceof Fault)) return error;
  return new CoverageError('ERR_SERVER', `${url} (${name}): ${error.message}.`, {
    place: { model: name },
    cause: error,
  });
}

/** The servers of one checkpoint must give the same thing in the same way. */
function checkAlike(name: string, found: readonly FoundServer[], clients: readonly Client[]): void {
  const [first] = found;
  const other = found.findIndex(
    ({ scorer, software }) => scorer.kind !== first!.scorer.kind || software !== first!.software,
  );
  if (other < 0) return;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `The servers of ${name} are not of one kind: ${clients[0]!.url} is ${first!.software}, ${clients[other]!.url} is ${found[other]!.software}. Their log-probabilities may differ: use servers of one kind and version.`,
    { place: { model: name, field: 'servers' } },
  );
}

function otherRun(path: string, what: string): CoverageError {
  return new CoverageError(
    'ERR_OTHER_RUN',
    `${path} is of another run: ${what}. Go on with what it was begun with, or choose another folder (--out).`,
    {
      place: { file: path },
    },
  );
}

function checkSameRun(
  manifest: ScoreManifest,
  name: string,
  options: CheckedScoreOptions,
  { sha256 }: Responses,
  path: string,
): void {
  const { shard } = options;
  if (manifest.model !== name) throw otherRun(path, `it holds the scores of ${manifest.model}`);
  if (manifest.input.sha256 !== sha256) throw otherRun(path, 'the file of responses has changed since');
  if (String(manifest.part ?? '') !== String(shard ?? '')) throw otherRun(path, 'it is another part of the rows');
  if (manifest.tokenLogProbs !== options.tokenLogProbs)
    throw otherRun(path, 'it keeps the log-probabilities of tokens, or this run would');
  if ((manifest.dtype ?? null) !== (options.dtype ?? null)) throw otherRun(path, 'it says another dtype');
  if (manifest.tokens.boundary !== options.boundary) throw otherRun(path, 'its boundary is the other');
  if (String(manifest.tokens.eos) !== String(options.eos))
    throw otherRun(path, 'the tokens after a response are others');
}

function checkSameServer({ server }: ScoreManifest, found: FoundServer, name: string, path: string): void {
  if (server.kind === found.scorer.kind && server.software === found.software) return;
  throw otherRun(path, `${name} was served by ${server.software}, and is by ${found.software} now`);
}
