import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import type { Preflight, ScoreManifest } from '../log-probs/manifest.js';
import { makeFolder, writeFailure } from '../write-file.js';
import { Client, Fault, keyFor } from './client.js';
import { type Held, LineFile } from './line-file.js';
import { lock } from './lock.js';
import type { CheckedScoreOptions, ServerInput } from './options.js';
import { BESIDE } from './preflight.js';
import type { Responses } from './rows.js';
import { fileName, scoreFormat } from './score-file.js';
import { discover, type FoundServer } from './servers/discover.js';

/** One checkpoint of a run and what its file holds. */
export interface HeldCheckpoint {
  readonly name: string;
  readonly path: string;
  readonly held: Held<ScoreManifest> | null;
}

/** A checkpoint that something is left to do of, and its servers. */
export interface Checkpoint extends HeldCheckpoint {
  readonly clients: readonly Client[];
  /** What was found at each address. */
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

/** Makes the folder of a run. */
export async function makeOut(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
  } catch (cause) {
    throw writeFailure(folder, cause);
  }
}

/** The checkpoints that servers are named for, each with what its file holds already; their files are this run's alone. */
export async function holdCheckpoints(
  options: CheckedScoreOptions,
  responses: Responses,
  opened: Opened,
): Promise<HeldCheckpoint[]> {
  const format = scoreFormat(responses.rows);
  const checkpoints: HeldCheckpoint[] = [];
  for (const name of new Set(options.servers.map(({ name }) => name))) {
    const path = join(options.out, fileName(name, options.shard));
    opened.add(await lock(path));
    const held = await LineFile.peek(path, format);
    if (held !== null) checkSameRun(held.manifest, name, options, responses, path);
    checkpoints.push({ name, path, held });
  }
  return checkpoints;
}

/** Finds out what stands at the servers of a checkpoint. */
export async function findServers(
  { name, path, held }: HeldCheckpoint,
  options: CheckedScoreOptions,
  opened: Opened,
): Promise<Checkpoint> {
  const servers = options.servers.filter((server) => server.name === name);
  const clients = clientsOf(name, options, opened);
  const { signal } = options;
  const found = await Promise.all(clients.map((client, index) => discoverOrSay(client, servers[index]!, signal)));
  checkAlike(name, found, clients);
  if (held !== null) checkSameServer(held.manifest, found[0]!, name, path);
  return { name, path, held, clients, found };
}

/** Clients of the servers of a checkpoint. */
export function clientsOf(
  name: string,
  { servers, timeout, concurrency }: Pick<CheckedScoreOptions, 'servers' | 'timeout' | 'concurrency'>,
  opened: Opened,
): Client[] {
  const own = servers.filter((server) => server.name === name);
  return own.map(({ url }) => {
    const client = new Client(url, { key: keyFor(name), timeout, connections: Math.max(concurrency, BESIDE) });
    opened.add(() => client.close());
    return client;
  });
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

/** How much more than the first preflight's largest difference a value may be from the one in the file, in nats. */
const LENIENCE = { factor: 4, least: 1e-3 };

/**
 * What is in a file must be of the weights that are served now.
 *
 * @throws CoverageError `ERR_OTHER_WEIGHTS`
 */
export function checkWeights({ name, path, held }: Checkpoint, preflight: Preflight): void {
  if (held === null) return;
  const allowed = Math.max(
    LENIENCE.least,
    LENIENCE.factor * (held.manifest.preflight?.largestDifference ?? 0),
    LENIENCE.factor * preflight.largestDifference,
  );
  for (const [index, row] of preflight.rows.entries()) {
    const [before, now] = [held.known.get(row), preflight.first[index]];
    if (before === undefined || typeof now !== 'number' || Math.abs(before - now) <= allowed) continue;
    throw new CoverageError(
      'ERR_OTHER_WEIGHTS',
      `${name} gives ${now} where ${path} has ${before}: other weights are served now. Serve those that it was begun with, or choose another folder (--out).`,
      { place: { file: path, model: name } },
    );
  }
}
