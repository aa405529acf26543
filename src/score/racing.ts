import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError, located } from '../error.js';
import { parseManifest, type ScoreManifest } from '../log-probs/manifest.js';
import { createRace, Race, type RaceScore } from '../race/race.js';
import { RACE_FILE } from '../race/race-file.js';
import { RaceSource } from '../race/race-source.js';
import type { RaceState } from '../race/state.js';
import type { Warning } from '../results/estimate.js';
import type { HeldCheckpoint, Opened } from './checkpoint.js';
import { firstLine } from './first-line.js';
import { LineFile } from './line-file.js';
import { lock } from './lock.js';
import type { CheckedScoreOptions, ScoreOptions } from './options.js';
import type { Responses } from './rows.js';
import { scoreFilesIn, scoreFormat } from './score-file.js';
import type { WorkSource } from './work.js';

/** Responses of a list for each that is asked for ahead: what may turn out not to be needed stays below a hundredth. */
const SHARE_AHEAD = 100;

/** The fewest that are asked for ahead. */
const LEAST_AHEAD = 16;

/** How a race of checkpoints stands, and what it is about. */
export interface ScoredRace extends RaceState {
  /** Its file, which `select` takes as it takes the folder. */
  readonly file: string;
  readonly N: number;
  /** Greatest probability of a wrong decision. */
  readonly delta: number;
  /** By how much, as a share of the responses, the score of the model taken may exceed the least. */
  readonly tolerance: number;
  /** Whether scoring goes on until each checkpoint is out both as candidate and as rival. */
  readonly settle: boolean;
  /** Seed of the order of the responses. */
  readonly seed: number;
}

/** A checkpoint of the race and what is scored of it, whether it is served now or was before. */
interface Racer {
  readonly name: string;
  readonly path: string;
  readonly manifest: ScoreManifest | null;
  readonly known: ReadonlyMap<number, number>;
  readonly served: boolean;
}

/**
 * The race between the checkpoints of a folder. It is made anew of what is scored in each run, so that it goes on wherever a
 * run before was cut off; checkpoints that are not served now are retired. Its file is written for `select`.
 */
export class ScoringRace {
  readonly file: string;
  readonly #race: Race;
  readonly #racers: readonly Racer[];
  /** Hands out the responses, once it is known which checkpoints there is something left to do of. */
  #source: RaceSource | null = null;

  private constructor(file: string, race: Race, racers: readonly Racer[]) {
    this.file = file;
    this.#race = race;
    this.#racers = racers;
  }

  /**
   * The race that the options ask for; `null` while there is but one checkpoint, which has to be scored on everything.
   *
   * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_OTHER_RUN`, `ERR_OUTPUT_IN_USE`
   */
  static async open(
    options: CheckedScoreOptions,
    responses: Responses,
    checkpoints: readonly HeldCheckpoint[],
    opened: Opened,
  ): Promise<ScoringRace | null> {
    const { out, untilDecided, within, settle, seed, signal } = options;
    const [N] = options.N as [number];
    const file = join(out, RACE_FILE);
    opened.add(await lock(file));
    const served = checkpoints.map(
      ({ name, path, held }): Racer => ({
        name,
        path,
        manifest: held?.manifest ?? null,
        known: held?.known ?? new Map(),
        served: true,
      }),
    );
    const others = await scoredBefore(out, responses, new Set(served.map(({ path }) => path)));
    const racers = [...served, ...others].sort((a, b) => byName.compare(a.name, b.name) || (a.name < b.name ? -1 : 1));
    checkSameTokens(racers);
    if (existsSync(file)) await checkSameOrder(file, seed);
    if (racers.length < 2) return null;
    const race = createRace(
      racers.map(({ name }) => name),
      {
        responses: responses.rows.length,
        N,
        delta: untilDecided!,
        tolerance: within,
        // What is not served now could not be scored on later, and who comes next must be held to what is.
        settle: settle || others.length > 0,
        seed,
      },
    );
    const job = { ...(signal && { signal }) };
    const known = racers.flatMap(({ name: model, known }) =>
      Array.from(known, ([response, logProb]): RaceScore => ({ model, response, logProb })),
    );
    if (known.length > 0) await race.add(known, job);
    if (others.length > 0)
      await race.retire(
        others.map(({ name }) => name),
        job,
      );
    return new ScoringRace(file, race, racers);
  }

  /** Whether a checkpoint that is served has to be scored any further. */
  needs(name: string): boolean {
    if (this.#race.done) return false;
    const { candidate, rival } = this.#race.state().models.find(({ model }) => model === name)!;
    return candidate || rival;
  }

  /** A file of the race, for the tokens that all must share. */
  get begun(): { readonly path: string; readonly sha256: string } | null {
    const racer = this.#racers.find(({ manifest }) => manifest !== null);
    return racer === undefined ? null : { path: racer.path, sha256: racer.manifest!.tokens.sha256 };
  }

  /** Hands out the responses of the checkpoints `names`, by their numbers in this list. */
  start(names: readonly string[], concurrency: number): RaceSource {
    const { responses } = this.#race.options;
    const ahead = Math.max(LEAST_AHEAD, Math.min(concurrency, Math.floor(responses / SHARE_AHEAD)));
    this.#source = new RaceSource(this.#race, { models: names, ahead });
    return this.#source;
  }

  /** Where it stands, in a few words for a line of progress. */
  get note(): string {
    const { possibleWinners, models, scored, pairs } = this.#source?.state ?? this.#race.state();
    return `${scored} of ${pairs} scored, ${possibleWinners.length} of ${models.length} may be best`;
  }

  /** Writes its file. */
  write(): Promise<void> {
    return this.#race.write(this.file);
  }

  /** Where it stands. */
  state(): ScoredRace {
    const { N, delta, tolerance, settle, seed } = this.#race.options;
    return { file: this.file, N, delta, tolerance, settle, seed, ...this.#race.state() };
  }
}

/** Whether a race has found what was asked for. */
export function isSettled({ done, verdict }: RaceState): boolean {
  return done && verdict !== 'open' && verdict !== 'unknown';
}

/** The order in which `select` takes the files of a folder. */
const byName = new Intl.Collator('en', { numeric: true });

/**
 * What lies in a folder of checkpoints other than those at `own` paths.
 *
 * @throws CoverageError `ERR_OTHER_RUN` for what cannot be part of the same race
 */
async function scoredBefore(folder: string, responses: Responses, own: ReadonlySet<string>): Promise<Racer[]> {
  const format = scoreFormat(responses.rows);
  const racers: Racer[] = [];
  for (const path of (await scoreFilesIn(folder)).filter((path) => !own.has(path))) {
    const line = await firstLine(path);
    const manifest = parseManifest(line);
    const refuse = (what: string) =>
      located('ERR_OTHER_RUN', `${what}: a race needs a folder of its own (--out).`, { file: path });
    // A run that ended before its first line was written leaves nothing.
    if (line === '' && (await LineFile.peek(path, format)) === null) continue;
    if (manifest === null) throw refuse('This file is not one that score has written');
    if (manifest.input.sha256 !== responses.sha256) throw refuse('These are scores of other responses');
    if (manifest.part !== undefined) throw refuse('These are scores of a part of the responses (--shard)');
    const held = await LineFile.peek(path, format);
    racers.push({ name: manifest.model, path, manifest, known: held!.known, served: false });
  }
  return racers;
}

function checkSameTokens(racers: readonly Racer[]): void {
  const begun = racers.filter(({ manifest }) => manifest !== null);
  const other = begun.find(({ manifest }) => manifest!.tokens.sha256 !== begun[0]!.manifest!.tokens.sha256);
  if (other === undefined) return;
  throw new CoverageError(
    'ERR_OTHER_RUN',
    `${begun[0]!.path} and ${other.path} are of other token ids: checkpoints of different tokenizers are no race.`,
    { place: { file: other.path, model: other.name } },
  );
}

/**
 * An order that is chosen once scores are known could be chosen for what it decides.
 *
 * @throws CoverageError `ERR_OTHER_RUN`
 */
async function checkSameOrder(file: string, seed: number): Promise<void> {
  const { options } = await Race.read(file);
  if (options.seed === seed) return;
  throw located(
    'ERR_OTHER_RUN',
    `This race goes through the responses in the order of seed ${options.seed}, and what it decides holds for an order chosen before anything was scored: go on with --seed ${options.seed}, or choose another folder (--out).`,
    { file },
  );
}

/**
 * A race is held at one ratio, over the whole list.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 */
export function checkRaceOptions(
  { untilDecided, shard }: CheckedScoreOptions,
  given: ScoreOptions,
  ratios: readonly number[],
  source: WorkSource | undefined,
): void {
  const refuse = (field: string, message: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field } });
  if (untilDecided === undefined) {
    const idle = (['within', 'settle', 'seed'] as const).find((name) => given[name]);
    if (idle === undefined) return;
    throw refuse(idle, `--${idle} goes with --until-decided, which says how probable a wrong decision may be.`);
  }
  if (shard !== undefined) {
    throw refuse(
      'shard',
      'What --until-decided decides is decided over the whole list, of which --shard knows a part: leave out one of the two. Several servers of a checkpoint share its work without parts.',
    );
  }
  if (ratios.length !== 1 || !(ratios[0]! > 1)) {
    throw refuse(
      'N',
      'A decision is made for one number of samples a prompt, --best-of 16, or at one ratio above 1, -N 4: say which.',
    );
  }
  if (source === undefined) return;
  throw refuse('untilDecided', 'Responses are chosen by a source of work or by untilDecided, not by both.');
}

/** What became of a race that was asked for and is none yet, or that was there and is no more. */
export function raceWarnings([first]: readonly HeldCheckpoint[], alone: boolean, ended: boolean): Warning[] {
  const wait = alone && {
    code: 'WARN_NO_RIVAL',
    message: `${first!.name} is the only checkpoint so far and is scored on every response: those that come later are scored no further than it takes to decide.`,
  };
  const end = ended && {
    code: 'WARN_RACE_ENDED',
    message: `A race was under way in this folder: its file (${RACE_FILE}) is removed, for without --until-decided every response is scored. With it, the race is made again of what is scored.`,
  };
  return [wait, end].filter((warning) => warning !== false);
}

/**
 * Makes sure that a race knows all checkpoints that are scored in its folder: others would be passed over in silence.
 *
 * @throws CoverageError `ERR_OTHER_RUN`
 */
export async function checkWholeRace(folder: string, { models }: Race): Promise<void> {
  for (const file of await scoreFilesIn(folder)) {
    const model = parseManifest(await firstLine(file))?.model;
    if (model !== undefined && models.includes(model)) continue;
    throw located(
      'ERR_OTHER_RUN',
      `The race in this folder (${RACE_FILE}) does not know these scores: run score --until-decided again, which takes them in, or name the files to be compared.`,
      { file, ...(model !== undefined && { model }) },
    );
  }
}

/** Ends the race of a folder in which everything is scored from now on: its file would tell of part of it. */
export async function endRace(folder: string): Promise<boolean> {
  const file = join(folder, RACE_FILE);
  if (!existsSync(file)) return false;
  await rm(file);
  return true;
}
