import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import type { Race } from '../race/race.js';
import { RACE_FILE, RACE_MAGIC } from '../race/race-file.js';
import type { RaceResult } from '../report/race/report.js';
import { compact } from '../text/format.js';
import { flagOf } from './output-options.js';

/** The race that the only input is, or that lies in it; `null` where there is none. */
export async function raceAmong(inputs: readonly string[], options: JobOptions): Promise<Race | null> {
  const [path] = inputs;
  if (inputs.length !== 1 || path === undefined || path === '-') return null;
  const info = await stat(path).catch(() => null);
  const folder = info?.isDirectory() ?? false;
  const file = folder ? join(path, RACE_FILE) : path;
  if (!(await beginsAsRace(file))) return null;
  // Loaded here, like all that few selections need.
  const { Race } = await import('../race/race.js');
  const race = await Race.read(file, options);
  if (folder) {
    const { checkWholeRace } = await import('../score/racing.js');
    await checkWholeRace(path, race);
  }
  return race;
}

async function beginsAsRace(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(RACE_MAGIC.length), 0, RACE_MAGIC.length, 0);
    return bytesRead === RACE_MAGIC.length && buffer.toString('latin1') === RACE_MAGIC;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/**
 * What a race has found at the ratio it was held at.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` if another ratio is asked about
 */
export async function raceResultAt(race: Race, N: readonly number[]): Promise<RaceResult> {
  const other = N.find((ratio) => ratio !== race.options.N);
  if (other !== undefined) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      `The scores are of a race at N = ${compact(race.options.N)}, which left unscored what N = ${compact(other)} would need: ` +
        'ask about that N, or score all responses.',
      { place: { field: 'N' } },
    );
  }
  const { raceResult } = await import('../report/race/report.js');
  return raceResult(race);
}

/**
 * Refuses, beside a race, what needs the log-probabilities that it left out, or was settled when it was held; silence would
 * mislead. `defaults` are what commander fills in.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 */
export function refuseBesideRace<O extends object>(
  options: O,
  names: readonly (keyof O & string)[],
  defaults: Partial<O>,
): void {
  const given = names.filter((name) => options[name] !== undefined && options[name] !== defaults[name]);
  if (given.length === 0) return;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `A race has its decision and nothing else: its N, models, confidence and seed are those it was held with, and what it did not need ` +
      `was not scored. Leave out ${given.map(flagOf).join(', ')}, or score all responses.`,
    { place: { field: given[0]! } },
  );
}

/** Refuses names that are none of the race's models. */
export function checkRacers({ models }: Race, names: readonly string[]): void {
  const unknown = names.find((name) => !models.includes(name));
  if (unknown === undefined) return;
  throw new CoverageError(
    'ERR_UNKNOWN_MODEL',
    `There is no model called ${unknown} in the race: the models are ${models.join(', ')}.`,
    { place: { model: unknown } },
  );
}

/** Whether there is one model to take, or one of several that the user takes for equals. */
export function isDecided({ race }: RaceResult, equals: readonly string[]): boolean {
  const { verdict, winner, possibleWinners } = race;
  if (verdict === 'winner' || verdict === 'within') return true;
  return winner !== null && possibleWinners.every((name) => equals.includes(name));
}
