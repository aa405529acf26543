import { expectInstance } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { callNative, native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import { readSaved } from '../saved-file.js';
import { writeReportFile } from '../write-file.js';
import * as z from '../zod.js';
import { type Tournaments, toTournaments } from './tournament.js';

type Handle = InstanceType<typeof native.SavedTournamentHandle>;

/** Options of {@link SavedTournament.start}. */
export interface SavedTournamentOptions extends JobOptions {
  /** Ratios N, each a finite number of at least 1. */
  readonly N: readonly number[];
}

export const startSchema = z.strictObject({ ...jobOptionsShape, N: ratiosSchema });
const extendSchema = z.strictObject(jobOptionsShape);

/**
 * A finished tournament that can be saved, and extended by further checkpoints at O(M·n) each, as training goes on.
 *
 * It knows hashes of the log-probabilities it was counted from: changed input is refused, by name.
 */
export class SavedTournament {
  readonly #handle: Handle;

  private constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** Runs the tournament of all models. @throws CoverageError `ERR_INVALID_OPTION` */
  static async start(logProbs: LogProbs, options: SavedTournamentOptions): Promise<SavedTournament> {
    const { N, threads } = checkOptions('SavedTournament.start', startSchema, options);
    expectInstance('SavedTournament.start()', logProbs, LogProbs);
    const names = [...logProbs.models];
    const handle = await runJob(
      (job) => native.startSavedTournament(names, logProbs.handle, JSON.stringify({ N, threads }), job),
      options,
      logProbs.placeNames,
    );
    return new SavedTournament(handle);
  }

  /**
   * Reads a file that {@link SavedTournament.write} wrote.
   *
   * @throws CoverageError `ERR_IO` if it cannot be read, `ERR_MALFORMED_FILE` if it is something else, cut off or altered
   */
  static async read(file: string): Promise<SavedTournament> {
    return readSaved('tournament', file, (bytes) => {
      return new SavedTournament(callNative(() => native.SavedTournamentHandle.fromBytes(bytes)));
    });
  }

  /** Writes the tournament beside `file`, then renames it, so that the file is never half written. */
  async write(file: string): Promise<void> {
    await writeReportFile(
      file,
      callNative(() => this.#handle.toBytes()),
    );
  }

  /**
   * The tournament with every model of `logProbs` that is not in it yet; no two old models are compared again. The old
   * ones must be there with the log-probabilities they had; they keep their places, new ones follow.
   *
   * @throws CoverageError `ERR_INPUT_CHANGED` naming the model
   */
  async extend(logProbs: LogProbs, options: JobOptions = {}): Promise<SavedTournament> {
    const { threads } = checkOptions('SavedTournament.extend', extendSchema, options);
    expectInstance('extend()', logProbs, LogProbs);
    const names = [...logProbs.models];
    const handle = await runJob(
      (job) => this.#handle.extend(names, logProbs.handle, JSON.stringify({ threads }), job),
      options,
      logProbs.placeNames,
    );
    return new SavedTournament(handle);
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }

  /** Names of the models, in the order in which they joined. */
  get models(): readonly string[] {
    return callNative(() => this.#handle.names);
  }

  /** The values of N. */
  get N(): readonly number[] {
    return callNative(() => this.#handle.ratios);
  }

  /** Scores, rankings and winners at each N, with the counts. */
  results(): Omit<Tournaments, 'responses'> {
    const output = callNative(() => this.#handle.results());
    return toTournaments(output, this.models, true);
  }
}
