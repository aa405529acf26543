import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { callNative, native, type PlaceNames } from '../native.js';
import { checkOptions, jobOptionsShape, seedSchema } from '../options.js';
import { readSaved } from '../saved-file.js';
import { writeReportFile } from '../write-file.js';
import * as z from '../zod.js';
import { type NativeRaceState, nameState, type RaceState } from './state.js';

type Handle = InstanceType<typeof native.RaceHandle>;

export const raceSchema = z.strictObject({
  responses: z
    .int()
    .min(1)
    .max(10_000_000)
    .describe('How many responses there are: the list whose winner is looked for.'),
  N: z.number().gt(1).describe('The ratio of the tournament, above 1.'),
  delta: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe('Greatest probability of a wrong decision, over the random order of the responses.'),
  tolerance: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'By how much, as a share of the responses, the score of the model taken may exceed the least; 0 for the winner of the whole list.',
    ),
  settle: z
    .boolean()
    .default(false)
    .describe(
      'Score on after the decision until each model is out both as candidate and as rival, for models that join later.',
    ),
  seed: seedSchema.default(0).describe('Seed of the order in which the responses are scored.'),
});

/** Options of {@link createRace}. */
export type RaceOptions = z.input<typeof raceSchema>;

/** One response to be scored under one model. */
export interface RacePair {
  /** Index of the response, from 0. */
  readonly response: number;
  /** Name of the model. */
  readonly model: string;
}

/** A response scored under a model. */
export interface RaceScore extends RacePair {
  /** log π(y|x) in nats, summed over the tokens of the response; at most 0, −∞ allowed. */
  readonly logProb: number;
}

const namesSchema = z
  .array(z.string().min(1))
  .refine((names) => new Set(names).size === names.length, 'the same name is given twice')
  .readonly();
const racersSchema = namesSchema
  .refine((names) => names.length >= 2, 'a race needs at least two models')
  .refine((names) => names.length <= 4096, 'a race has at most 4,096 models');
const countSchema = z.int().min(1).max(0xffff_ffff);
const jobSchema = z.strictObject(jobOptionsShape);

/**
 * Scoring no further than it takes to decide: the tournament's winner from part of the log-probabilities.
 *
 * The responses at hand are gone through in random order, so that what is claimed is claimed of the whole list, whatever it
 * is: a wrong decision has probability at most `delta`, at whatever moment scoring stops, and none where what is scored leaves
 * no doubt ({@link RaceState.exact}; docs/racing.md). A race asks
 * ({@link Race.next}) and is told ({@link Race.add}), in any order and with any number of requests in flight; what it decides
 * depends on the log-probabilities alone.
 */
export class Race {
  readonly #handle: Handle;
  readonly #numbers: ReadonlyMap<string, number>;
  /** Names of the models. */
  readonly models: readonly string[];
  /** What the race was created with. */
  readonly options: z.output<typeof raceSchema>;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
    this.models = callNative(() => handle.names);
    this.#numbers = new Map(this.models.map((name, index) => [name, index]));
    const { models: _, ...options } = JSON.parse(callNative(() => handle.options));
    this.options = options;
  }

  /**
   * Reads a file that {@link Race.write} wrote; what had been asked for and was not answered will be asked for again.
   *
   * @throws CoverageError `ERR_IO` if it cannot be read, `ERR_MALFORMED_FILE` if it is something else, cut off or altered
   */
  static async read(file: string, options: JobOptions = {}): Promise<Race> {
    const { threads } = checkOptions('Race.read', jobSchema, options);
    return readSaved('race', file, async (bytes) => {
      return new Race(await runJob((job) => native.readRace(bytes, JSON.stringify({ threads }), job), options));
    });
  }

  /** Writes the race, with all that is scored, beside `file`, then renames it, so that the file is never half written. */
  async write(file: string): Promise<void> {
    await writeReportFile(
      file,
      callNative(() => this.#handle.toBytes()),
    );
  }

  /**
   * Up to `count` pairs to be scored next, none twice; fewer where others have to be known first, none when all is done or
   * waits for what is in flight. Ask for as many as there are requests in flight: what is asked for further ahead may turn out
   * not to be needed.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` unless `count` is a whole number of at least 1
   */
  next(count = 1): RacePair[] {
    const checked = checkOptions('Race.next', countSchema, count);
    return this.#pairs(callNative(() => this.#handle.next(checked)));
  }

  /** Pairs that were asked for and will not be answered, as where a server is gone: they will be asked for again. */
  release(pairs: readonly RacePair[]): void {
    const flat = this.#flat(pairs);
    callNative(() => this.#handle.release(flat), this.#placeNames);
  }

  /**
   * Takes log-probabilities in, asked for or not: all of them or, where one is wrong, none. Resolves to where the race
   * stands then.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` for a response or model that is not in the race, `ERR_NAN_LOG_PROB`,
   * `ERR_POSITIVE_LOG_PROB`, `ERR_DUPLICATE_RESPONSE` for a value other than the one known; the signal's reason when aborted
   */
  async add(scores: readonly RaceScore[], options: JobOptions = {}): Promise<RaceState> {
    const { threads } = checkOptions('Race.add', jobSchema, options);
    const flat = this.#flat(scores);
    const values = Float64Array.from(scores, ({ logProb }) => logProb);
    return this.#change(options, (job) => this.#handle.add(flat, values, JSON.stringify({ threads }), job));
  }

  /**
   * As {@link Race.add}, at once: for as much as one request brings. All that is scored of a race that is read anew takes
   * longer than the event loop should wait.
   */
  addNow(scores: readonly RaceScore[]): void {
    const flat = this.#flat(scores);
    const values = Float64Array.from(scores, ({ logProb }) => logProb);
    callNative(() => this.#handle.addNow(flat, values), this.#placeNames);
  }

  /**
   * Pairs that cannot be scored, as where a response is too long for a model: they are taken at their worst, so that the
   * decision holds without them.
   */
  lose(pairs: readonly RacePair[]): void {
    const flat = this.#flat(pairs);
    callNative(() => this.#handle.lose(flat), this.#placeNames);
  }

  /** Whether nothing is left to be scored. */
  get done(): boolean {
    return callNative(() => this.#handle.done);
  }

  /**
   * Says that these models can be scored no more, as where one checkpoint is served after the other: what is missing of
   * them is taken at its worst.
   */
  async retire(models: readonly string[], options: JobOptions = {}): Promise<RaceState> {
    const { threads } = checkOptions('Race.retire', jobSchema, options);
    const numbers = Uint32Array.from(models, (name) => this.#number(name));
    return this.#change(options, (job) => this.#handle.retire(numbers, JSON.stringify({ threads }), job));
  }

  /**
   * The race of these models and others that join, over the same responses in the same order; it knows what this one
   * knows. A model that joins is scored until it is out both as candidate and as rival.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` for a name that is in the race already
   */
  async join(models: readonly string[], options: JobOptions = {}): Promise<Race> {
    const { threads } = checkOptions('Race.join', jobSchema, options);
    checkOptions('Race.join', namesSchema, [...this.models, ...models]);
    return new Race(
      await runJob(
        (job) => this.#handle.join([...models], JSON.stringify({ threads }), job),
        options,
        this.#placeNames,
      ),
    );
  }

  /** Where the race stands. */
  state(): RaceState {
    return nameState(JSON.parse(callNative(() => this.#handle.state())) as NativeRaceState, this.models, this.options);
  }

  /** All that is scored, by response. */
  scores(): RaceScore[] {
    const { counts, floats } = callNative(() => this.#handle.known());
    return this.#pairs(counts[0]!).map((pair, index) => ({ ...pair, logProb: floats[0]![index]! }));
  }

  async #change(
    options: JobOptions,
    start: (job: InstanceType<typeof native.Job>) => Promise<{ json: string }>,
  ): Promise<RaceState> {
    const { json } = await runJob(start, options, this.#placeNames);
    return nameState(JSON.parse(json) as NativeRaceState, this.models, this.options);
  }

  get #placeNames(): PlaceNames {
    return { models: this.models };
  }

  #number(name: string): number {
    const number = this.#numbers.get(name);
    if (number !== undefined) return number;
    throw new CoverageError('ERR_INVALID_OPTION', `There is no model “${name}” in the race.`, {
      place: { model: name },
    });
  }

  #flat(pairs: readonly RacePair[]): Uint32Array {
    const flat = new Uint32Array(2 * pairs.length);
    for (const [index, { response, model }] of pairs.entries()) {
      // A typed array would make a number of anything.
      if (!Number.isInteger(response) || response < 0 || response >= this.options.responses) {
        throw new CoverageError('ERR_INVALID_OPTION', `The race has no response ${response}.`, { place: { model } });
      }
      flat[2 * index] = response;
      flat[2 * index + 1] = this.#number(model);
    }
    return flat;
  }

  #pairs(flat: Uint32Array): RacePair[] {
    return Array.from({ length: flat.length / 2 }, (_, index) => ({
      response: flat[2 * index]!,
      model: this.models[flat[2 * index + 1]!]!,
    }));
  }
}

/**
 * A race between models over a list of responses, before anything is scored.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 *
 * @example
 * ```ts
 * const race = createRace(['step-1000', 'step-2000'], { responses: 5000, N: 4 });
 * for (let pairs = race.next(64); pairs.length > 0; pairs = race.next(64)) {
 *   await race.add(await Promise.all(pairs.map(async (pair) => ({ ...pair, logProb: await score(pair) }))));
 * }
 * console.log(race.state().explanation);
 * ```
 */
export function createRace(models: readonly string[], options: RaceOptions): Race {
  const names = checkOptions('createRace', racersSchema, models);
  const checked = checkOptions('createRace', raceSchema, options);
  return new Race(
    callNative(() => native.RaceHandle.create([...names], JSON.stringify({ ...checked, models: names.length }))),
  );
}
