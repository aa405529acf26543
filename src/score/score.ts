import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { CoverageError } from '../error.js';
import type { Progress } from '../job.js';
import { manifestWarnings, type Preflight, type ScoreManifest } from '../log-probs/manifest.js';
import { checkOptions } from '../options.js';
import type { Warning } from '../results/estimate.js';
import { packageVersion } from '../version.js';
import { type Checkpoint, Opened, openCheckpoints, serverError } from './checkpoint.js';
import { Lane } from './lane.js';
import { type CheckedScoreOptions, type ScoreOptions, scoreSchema } from './options.js';
import { findings, preflightsIn, scoreTwice } from './preflight.js';
import { prepareRequests, type Requests } from './requests.js';
import { type ResponseRow, type Responses, readResponses } from './rows.js';
import { ScoreFile } from './score-file.js';
import { contentHash, spread } from './tokens.js';
import type { Scored } from './values.js';
import { EveryRow, Work, type WorkSource } from './work.js';

/** A response that could not be scored, and why. */
export interface UnscoredResponse {
  readonly id: string;
  readonly reason: string;
}

/** What became of one checkpoint. */
export interface ScoredCheckpoint {
  readonly model: string;
  /** Its file, which `select` takes. */
  readonly file: string;
  /** Software of its servers, as they tell; `null` if all was scored before and no server was asked. */
  readonly software: string | null;
  /** Responses in the file. */
  readonly scored: number;
  /** Those of them that this run scored. */
  readonly added: number;
  /** Responses that were to be scored. */
  readonly total: number;
  readonly unscored: readonly UnscoredResponse[];
  /** Tokens whose −9999 was taken for the −∞ that a server had clamped. */
  readonly clampedTokens: number;
  readonly requests: number;
  /** Requests that brought no value, sent again or given up. */
  readonly faults: number;
  /** Why its servers were given up; `null` if they were not. */
  readonly stopped: string | null;
  readonly preflight: Preflight | null;
}

/** Result of {@link score}. */
export interface ScoreResult {
  readonly version: string;
  /** Folder of the files. */
  readonly out: string;
  readonly checkpoints: readonly ScoredCheckpoint[];
  /** Whether every response of every checkpoint is scored. */
  readonly complete: boolean;
  /** Seconds that scoring took. */
  readonly seconds: number;
  /** Responses scored a second, all checkpoints together; `null` if none was. */
  readonly rate: number | null;
  readonly warnings: readonly Warning[];
}

/**
 * Scores responses under served checkpoints and writes one file a checkpoint, which `select` takes: the log-probability of
 * each response in nats, its token log-probabilities summed in double precision.
 *
 * A run that was cut off, by kill −9 too, goes on where it was when it is called again; what lies in the folder and is of
 * other responses or options is refused. Faults of servers are met with patience; a row that cannot be scored is named in
 * the result, and the others are.
 *
 * @param responses JSON Lines file, or rows
 * @param source which rows each checkpoint is to be scored on, in which order; by default all, in theirs
 * @throws CoverageError before anything is spent: `ERR_INVALID_OPTION`, `ERR_SERVER`, `ERR_UNSUPPORTED_SERVER`,
 * `ERR_WRONG_MODEL`, `ERR_OTHER_TOKENIZER`, `ERR_TOKEN_BOUNDARY`, `ERR_EMPTY_PROMPT`, `ERR_TOO_LONG`, `ERR_OTHER_RUN`,
 * `ERR_OTHER_WEIGHTS`, `ERR_OUTPUT_IN_USE`; and those of reading
 */
export async function score(
  responses: string | readonly ResponseRow[],
  options: ScoreOptions,
  source?: WorkSource,
): Promise<ScoreResult> {
  const given = checkOptions('score', scoreSchema, options);
  given.signal?.throwIfAborted();
  const abort = linkedAbort(given.signal);
  const checked = { ...given, signal: abort.signal };
  const read = await readResponses(responses, checked.signal);
  const [part, of] = checked.shard ?? [1, 1];
  const selected = [...read.rows.keys()].filter((index) => index % of === part - 1);
  if (selected.length === 0) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      `There are fewer responses than parts: part ${part} of ${of} is empty.`,
      { place: { field: 'shard' } },
    );
  }
  await mkdir(checked.out, { recursive: true }).catch((cause: Error) => {
    throw new CoverageError('ERR_WRITE_FAILED', `${checked.out} cannot be made: ${cause.message}.`, {
      place: { file: checked.out },
      cause,
    });
  });
  const opened = new Opened();
  try {
    const run = new Run(checked, read, selected, options.onProgress);
    return await run.all(source, opened);
  } finally {
    abort.unlink();
    await opened.close();
  }
}

/** A signal of the run's own: every request listens to it, and to the caller's there is one listener. */
function linkedAbort(signal: AbortSignal | undefined): { signal: AbortSignal; unlink: () => void } {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const onAbort = () => own.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  return { signal: own.signal, unlink: () => signal?.removeEventListener('abort', onAbort) };
}

/** What became of a checkpoint, and the head of its file. */
interface End {
  readonly result: ScoredCheckpoint;
  readonly manifest: ScoreManifest;
}

/** One call of {@link score}. */
class Run {
  readonly #options: CheckedScoreOptions;
  readonly #responses: Responses;
  readonly #selected: readonly number[];
  readonly #place: ReadonlyMap<number, number>;
  readonly #onProgress: ((progress: Progress) => void) | undefined;

  constructor(
    options: CheckedScoreOptions,
    responses: Responses,
    selected: readonly number[],
    onProgress: ((progress: Progress) => void) | undefined,
  ) {
    this.#options = options;
    this.#responses = responses;
    this.#selected = selected;
    this.#place = new Map(selected.map((row, place) => [row, place]));
    this.#onProgress = onProgress;
  }

  async all(source: WorkSource | undefined, opened: Opened): Promise<ScoreResult> {
    const checkpoints = await openCheckpoints(this.#options, this.#responses, this.#selected, opened);
    const open = checkpoints.filter(({ complete }) => !complete);
    const began = performance.now();
    const done = open.length > 0 ? await this.#score(open, source) : [];
    const ends = checkpoints.map((each) => done.find(({ result }) => result.model === each.name) ?? this.#before(each));
    const results = ends.map(({ result }) => result);
    const seconds = (performance.now() - began) / 1000;
    const added = results.reduce((sum, each) => sum + each.added, 0);
    return {
      version: packageVersion,
      out: this.#options.out,
      checkpoints: results,
      complete: results.every(({ scored, total }) => scored === total),
      seconds,
      rate: added > 0 ? added / seconds : null,
      warnings: [...new Map(ends.flatMap(warningsOf).map((warning) => [warning.message, warning])).values()],
    };
  }

  /** A checkpoint of which everything was there. */
  #before({ name, path, held }: Checkpoint): End {
    const { manifest } = held!;
    const total = this.#selected.length;
    const nothing = { added: 0, unscored: [], clampedTokens: 0, requests: 0, faults: 0, stopped: null };
    return {
      result: {
        model: name,
        file: path,
        software: null,
        scored: total,
        total,
        ...nothing,
        preflight: manifest.preflight,
      },
      manifest,
    };
  }

  async #score(open: readonly Checkpoint[], source: WorkSource | undefined): Promise<End[]> {
    const { signal } = this.#options;
    const total = this.#selected.length;
    const requests = await this.#stage('tokens', total, (onDone) =>
      prepareRequests(open, this.#options, this.#responses, this.#selected, onDone),
    );
    this.#checkTokens(open, requests);
    const preflights = await this.#preflight(open, requests);
    const files: ScoreFile[] = [];
    try {
      for (const [index, checkpoint] of open.entries()) {
        const manifest = this.#manifest(checkpoint, requests, preflights[index]!);
        files.push(await ScoreFile.open(checkpoint.path, this.#responses.rows, manifest, checkpoint.held));
      }
      const before = files.map(({ count }) => count);
      const works = this.#works(files, source);
      const stopAll = () => {
        for (const work of works) work.stop();
      };
      signal?.addEventListener('abort', stopAll, { once: true });
      try {
        return await this.#stage('scoring', total * open.length, async (onDone) => {
          const tell = () => onDone(files.reduce((sum, { count }) => sum + count, 0));
          tell();
          const runs = open.map((checkpoint, index) =>
            this.#scoreOne(checkpoint, files[index]!, before[index]!, works[index]!, requests, tell),
          );
          // All must have ended before the files are closed.
          const settled = await Promise.allSettled(runs);
          signal?.throwIfAborted();
          const failed = settled.find((each) => each.status === 'rejected');
          if (failed) throw failed.reason;
          return settled.map((each) => (each as PromiseFulfilledResult<Awaited<(typeof runs)[number]>>).value);
        });
      } finally {
        signal?.removeEventListener('abort', stopAll);
      }
    } finally {
      for (const file of files) await file.close(this.#selected);
    }
  }

  #works(files: readonly ScoreFile[], source: WorkSource | undefined): Work[] {
    const group = new Set<Work>();
    const chosen = source ?? new EveryRow(this.#selected.length);
    return files.map((file, index) => new Work(chosen, index, (place) => file.known(this.#selected[place]!), group));
  }

  async #scoreOne(
    checkpoint: Checkpoint,
    file: ScoreFile,
    before: number,
    work: Work,
    { items }: Requests,
    tell: () => void,
  ): Promise<End> {
    const { concurrency, batch, retries, signal } = this.#options;
    const { name, path, clients, found } = checkpoint;
    const unscored: UnscoredResponse[] = [];
    let clampedTokens = 0;
    const lanes = found.map(
      ({ scorer }, index) =>
        new Lane(clients[index]!, scorer, work, {
          concurrency,
          batch,
          retries,
          signal: signal ?? new AbortController().signal,
          item: (place) => items[place]!,
          onScored: async (place, scored: Scored) => {
            await file.append(this.#selected[place]!, scored, contentHash(items[place]!));
            clampedTokens += scored.clamped;
            tell();
          },
          onFailed: (place, reason) => {
            unscored.push({ id: String(this.#responses.rows[this.#selected[place]!]!.id), reason });
          },
        }),
    );
    const ends = await Promise.all(lanes.map((lane) => lane.run()));
    const dead = ends.findIndex((fault) => fault !== null);
    const stopped = ends.every((fault) => fault !== null)
      ? (serverError(ends[dead], name, clients[dead]!.url) as Error).message
      : null;
    const result: ScoredCheckpoint = {
      model: name,
      file: path,
      software: found[0]!.software,
      scored: file.count,
      added: file.count - before,
      total: this.#selected.length,
      unscored,
      clampedTokens,
      requests: lanes.reduce((sum, { requests }) => sum + requests, 0),
      faults: lanes.reduce((sum, { faults }) => sum + faults, 0),
      stopped,
      preflight: file.manifest.preflight,
    };
    return { result, manifest: file.manifest };
  }

  /** What was scored before must have been the same tokens. */
  #checkTokens(open: readonly Checkpoint[], { sha256 }: Requests): void {
    const other = open.find(({ held }) => held !== null && held.manifest.tokens.sha256 !== sha256);
    if (!other) return;
    throw new CoverageError(
      'ERR_OTHER_RUN',
      `${other.path} was begun with other token ids: the tokenizer or the special tokens (--bos) are others now. Choose another folder (--out).`,
      { place: { file: other.path } },
    );
  }

  async #preflight(open: readonly Checkpoint[], { items }: Requests): Promise<(Preflight | null)[]> {
    const { preflight, retries, signal, N, out } = this.#options;
    if (preflight === 0) return open.map(() => null);
    const places = spread(this.#selected.length, preflight);
    const rows = places.map((place) => this.#selected[place]!);
    return this.#stage('preflight', open.length, async (onDone) => {
      let done = 0;
      const patience = { retries, signal };
      const twice = await Promise.all(
        open.map(async ({ name, found, clients }) => {
          const scorers = found.map(({ scorer }) => scorer);
          const result = await scoreTwice(name, scorers, rows, (row) => items[this.#place.get(row)!]!, patience).catch(
            (error: unknown) => {
              throw serverError(error, name, clients[0]!.url);
            },
          );
          onDone(++done);
          return result;
        }),
      );
      const results = await findings(twice, await preflightsIn(out, this.#responses.sha256, rows), N);
      for (const [index, checkpoint] of open.entries()) checkWeights(checkpoint, results[index]!);
      return results;
    });
  }

  #manifest(
    { name, found, clients }: Checkpoint,
    { policy, sha256 }: Requests,
    preflight: Preflight | null,
  ): ScoreManifest {
    const { shard, tokenLogProbs, dtype } = this.#options;
    const [{ scorer, software, served, maxLength }] = found as [Checkpoint['found'][number]];
    return {
      'coverage-principle': 'scores',
      version: packageVersion,
      model: name,
      ...(shard && { part: [...shard] as [number, number] }),
      input: { file: this.#responses.file, sha256: this.#responses.sha256, rows: this.#responses.rows.length },
      server: { kind: scorer.kind, software, served, maxLength, urls: clients.map(({ url }) => url) },
      tokens: { sha256, bos: [...policy.bos], eos: [...policy.eos], boundary: policy.boundary },
      tokenLogProbs,
      ...(dtype !== undefined && { dtype }),
      preflight,
    };
  }

  /** Runs a stage and tells how far it is. */
  async #stage<T>(stage: string, total: number, work: (onDone: (done: number) => void) => Promise<T>): Promise<T> {
    const began = performance.now();
    const tell = (done: number) => {
      try {
        this.#onProgress?.({ done, total, elapsed: (performance.now() - began) / 1000, stage });
      } catch {
        // A broken progress display must not break the run.
      }
    };
    return work(tell);
  }
}

/** How much more than the first preflight's largest difference a value may be from the one in the file, in nats. */
const LENIENCE = { factor: 4, least: 1e-3 };

/**
 * What is in a file must be of the weights that are served now.
 *
 * @throws CoverageError `ERR_OTHER_WEIGHTS`
 */
function checkWeights({ name, path, held }: Checkpoint, preflight: Preflight): void {
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

function warningsOf({ result: { model, clampedTokens }, manifest }: End): Warning[] {
  const clamped = clampedTokens > 0 && {
    code: 'WARN_CLAMPED',
    message: `${model}: ${clampedTokens} token log-probabilities of exactly −9999 were taken for −∞, as vLLM writes it; some versions write NaN so.`,
  };
  return [...(clamped ? [clamped] : []), ...manifestWarnings(manifest)];
}
