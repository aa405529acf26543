import { CoverageError } from '../error.js';
import { type Progress, tell } from '../job.js';
import { manifestWarnings, type Preflight, type ScoreManifest } from '../log-probs/manifest.js';
import { checkOptions } from '../options.js';
import type { Warning } from '../results/estimate.js';
import { ratioOfBestOf } from '../selection/budget.js';
import { packageVersion } from '../version.js';
import { linkedAbort } from './abort.js';
import {
  type Checkpoint,
  checkWeights,
  findServers,
  type HeldCheckpoint,
  holdCheckpoints,
  makeOut,
  Opened,
  serverError,
} from './checkpoint.js';
import { Lane, runLanes } from './lane.js';
import { closeAll, LineFile } from './line-file.js';
import { type CheckedScoreOptions, type ScoreOptions, scoreSchema } from './options.js';
import { checkServers, findings, preflightsIn, scoreTwice } from './preflight.js';
import { checkRaceOptions, endRace, isSettled, raceWarnings, type ScoredRace, ScoringRace } from './racing.js';
import { prepareRequests, type Requests } from './requests.js';
import { type ResponseRow, type Responses, readResponses, rowsOfPart } from './rows.js';
import { scoreLine } from './score-file.js';
import { contentHash, spread } from './tokens.js';
import type { Scored } from './values.js';
import { EveryRow, together, Work, type WorkSource } from './work.js';

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
  /** Software of its servers, as they tell; `null` if there was nothing left to score and no server was asked. */
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
  /** Version of this form of the result. */
  readonly schemaVersion: 1;
  /** Version of this package. */
  readonly version: string;
  /** Folder of the files. */
  readonly out: string;
  readonly checkpoints: readonly ScoredCheckpoint[];
  /** The race, where scoring was to end with a decision and there are at least two checkpoints; else `null`. */
  readonly race: ScoredRace | null;
  /** Whether every response of every checkpoint is scored, or, in a race, all that the decision needs. */
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
 * With `untilDecided` scoring is a race (docs/racing.md) between these checkpoints and those that lie in the folder already:
 * it draws the responses in random order and ends once it is known which checkpoint is best. Checkpoints may be served at once
 * or one after the other; one that is not served is taken with what is scored of it, at its worst where that is missing.
 *
 * @param responses JSON Lines file, or rows
 * @param source which rows each checkpoint is to be scored on, in which order; by default all, in theirs
 * @throws CoverageError before anything is spent: `ERR_INVALID_OPTION`, `ERR_SERVER`, `ERR_UNSUPPORTED_SERVER`,
 * `ERR_WRONG_MODEL`, `ERR_OTHER_TOKENIZER`, `ERR_TOKENIZER`, `ERR_TOKEN_BOUNDARY`, `ERR_EMPTY_PROMPT`, `ERR_TOO_LONG`, `ERR_OTHER_RUN`,
 * `ERR_OTHER_WEIGHTS`, `ERR_OUTPUT_IN_USE`; and those of reading
 */
export async function score(
  responses: string | readonly ResponseRow[],
  options: ScoreOptions,
  source?: WorkSource,
): Promise<ScoreResult> {
  const given = checkOptions('score', scoreSchema, options);
  const N = given.bestOf ? [...(options.N ?? []), ...given.bestOf.map(ratioOfBestOf)] : given.N;
  checkRaceOptions(given, options, N, source);
  given.signal?.throwIfAborted();
  const abort = linkedAbort(given.signal);
  const checked = { ...given, N, signal: abort.signal };
  const read = await readResponses(responses, checked.signal);
  const selected = rowsOfPart(read, checked.shard);
  await makeOut(checked.out);
  const opened = new Opened();
  try {
    const run = new Run(checked, read, selected, options.onProgress);
    return await run.all(source, opened);
  } finally {
    abort.end();
    await opened.close();
  }
}

/** What became of a checkpoint, and the head of its file if there is one. */
interface End {
  readonly result: ScoredCheckpoint;
  readonly manifest: ScoreManifest | null;
}

/** The options with the signal that ends the run. */
type RunOptions = CheckedScoreOptions & { readonly signal: AbortSignal };

/** One call of {@link score}. */
class Run {
  readonly #options: RunOptions;
  readonly #responses: Responses;
  readonly #selected: readonly number[];
  readonly #place: ReadonlyMap<number, number>;
  readonly #onProgress: ((progress: Progress) => void) | undefined;

  constructor(
    options: RunOptions,
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
    const options = this.#options;
    const all = await holdCheckpoints(options, this.#responses, opened);
    const races = options.untilDecided !== undefined;
    const race = races ? await ScoringRace.open(options, this.#responses, all, opened) : null;
    const ended = !races && (await endRace(options.out));
    const open: Checkpoint[] = [];
    for (const each of all) {
      const needed = !this.#isScored(each) && (race?.needs(each.name) ?? true);
      if (needed) open.push(await findServers(each, options, opened));
    }
    const began = performance.now();
    const done = open.length > 0 ? await this.#score(open, source, race) : [];
    await race?.write();
    const ends = all.map((each) => done.find(({ result }) => result.model === each.name) ?? this.#before(each));
    const results = ends.map(({ result }) => result);
    const seconds = (performance.now() - began) / 1000;
    const added = sum(results.map((each) => each.added));
    const state = race?.state() ?? null;
    const warnings = [...ends.flatMap(warningsOf), ...raceWarnings(all, races && race === null, ended)];
    return {
      schemaVersion: 1,
      version: packageVersion,
      out: options.out,
      checkpoints: results,
      race: state,
      complete: state === null ? results.every(({ scored, total }) => scored === total) : isSettled(state),
      seconds,
      rate: added > 0 ? added / seconds : null,
      warnings: [...new Map(warnings.map((warning) => [warning.message, warning])).values()],
    };
  }

  /** Whether every row is scored already. */
  #isScored({ held }: HeldCheckpoint): boolean {
    return held !== null && this.#selected.every((row) => held.known.has(row));
  }

  /** A checkpoint of which nothing was left to do. */
  #before({ name, path, held }: HeldCheckpoint): End {
    const nothing = { added: 0, unscored: [], clampedTokens: 0, requests: 0, faults: 0, stopped: null };
    return {
      result: {
        model: name,
        file: path,
        software: null,
        scored: held?.known.size ?? 0,
        total: this.#selected.length,
        ...nothing,
        preflight: held?.manifest.preflight ?? null,
      },
      manifest: held?.manifest ?? null,
    };
  }

  async #score(open: readonly Checkpoint[], source: WorkSource | undefined, race: ScoringRace | null): Promise<End[]> {
    const total = this.#selected.length;
    const requests = await this.#stage('tokens', total, (onDone) =>
      prepareRequests(open, this.#options, this.#responses, this.#selected, onDone),
    );
    checkTokens(open, race, requests);
    const preflights = await this.#preflight(open, requests);
    const files: LineFile<ScoreManifest>[] = [];
    try {
      for (const [index, checkpoint] of open.entries()) {
        const manifest = this.#manifest(checkpoint, requests, preflights[index]!);
        files.push(await LineFile.open(checkpoint.path, manifest, checkpoint.held));
      }
      await race?.write();
      const names = open.map(({ name }) => name);
      const works = this.#works(files, race?.start(names, this.#options.concurrency) ?? source);
      const [stage, most] = race === null ? ['scoring', total * open.length] : ['racing', 0];
      return await this.#stage(stage, most, (onDone) => {
        const onScored = () => onDone(sum(files.map(({ count }) => count)), race?.note);
        onScored();
        return together(works, this.#options.signal, (work, index) =>
          this.#scoreOne(open[index]!, files[index]!, work, requests, onScored),
        );
      });
    } catch (error) {
      // What was scored until then is in the race, too; the first failure is the one to tell.
      await race?.write().catch(() => undefined);
      throw error;
    } finally {
      await closeAll(files, this.#selected);
    }
  }

  #works(files: readonly LineFile<ScoreManifest>[], source: WorkSource | undefined): Work[] {
    const group = new Set<Work>();
    const chosen = source ?? new EveryRow(this.#selected.length);
    return files.map((file, index) => new Work(chosen, index, (place) => file.known(this.#selected[place]!), group));
  }

  async #scoreOne(
    checkpoint: Checkpoint,
    file: LineFile<ScoreManifest>,
    work: Work,
    { items }: Requests,
    onScored: () => void,
  ): Promise<End> {
    const before = file.count;
    const { concurrency, batch, retries, signal } = this.#options;
    const { name, path, clients, found } = checkpoint;
    const unscored: UnscoredResponse[] = [];
    let clampedTokens = 0;
    const lanes = found.map(
      ({ scorer }) =>
        new Lane(work, {
          concurrency,
          batch: scorer.batches ? batch : 1,
          retries,
          signal,
          ask: (places, signal, onReceived) =>
            scorer.score(
              places.map((place) => items[place]!),
              signal,
              onReceived,
            ),
          onAnswer: async (place, scored: Scored) => {
            const row = this.#selected[place]!;
            const line = scoreLine(file.manifest, this.#responses.rows[row]!, scored, contentHash(items[place]!));
            await file.append(row, scored.logProb, line);
            clampedTokens += scored.clamped;
            onScored();
            return scored.logProb;
          },
          onFailed: (place, reason) => {
            unscored.push({ id: String(this.#responses.rows[this.#selected[place]!]!.id), reason });
          },
        }),
    );
    const { requests, faults, dead } = await runLanes(lanes, work);
    const result: ScoredCheckpoint = {
      model: name,
      file: path,
      software: found[0]!.software,
      scored: file.count,
      added: file.count - before,
      total: this.#selected.length,
      unscored,
      clampedTokens,
      requests,
      faults,
      stopped: dead === null ? null : (serverError(dead, name, clients[0]!.url) as Error).message,
      preflight: file.manifest.preflight,
    };
    return { result, manifest: file.manifest };
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
          checkServers(
            result,
            clients.map(({ url }) => url),
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
  async #stage<T>(
    stage: string,
    total: number,
    work: (onDone: (done: number, note?: string) => void) => Promise<T>,
  ): Promise<T> {
    const began = performance.now();
    return work((done, note) => {
      const elapsed = (performance.now() - began) / 1000;
      tell(this.#onProgress, { done, total, elapsed, stage, ...(note !== undefined && { note }) });
    });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/**
 * What was scored before must have been the same tokens.
 *
 * @throws CoverageError `ERR_OTHER_RUN`
 */
function checkTokens(open: readonly Checkpoint[], race: ScoringRace | null, { sha256 }: Requests): void {
  const begun = open.flatMap(({ path, held }) =>
    held === null ? [] : [{ path, sha256: held.manifest.tokens.sha256 }],
  );
  if (race?.begun) begun.push(race.begun);
  const other = begun.find((each) => each.sha256 !== sha256);
  if (!other) return;
  throw new CoverageError(
    'ERR_OTHER_RUN',
    `${other.path} was begun with other token ids: the tokenizer or the special tokens (--bos) are others now. Choose another folder (--out).`,
    { place: { file: other.path } },
  );
}

function warningsOf({ result: { model, clampedTokens }, manifest }: End): Warning[] {
  const clamped = clampedTokens > 0 && {
    code: 'WARN_CLAMPED',
    message: `${model}: ${clampedTokens} token log-probabilities of exactly −9999 were taken for −∞, as vLLM writes it; some versions write NaN so.`,
  };
  return [...(clamped ? [clamped] : []), ...(manifest === null ? [] : manifestWarnings(manifest))];
}
