import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import { tell } from '../job.js';
import { checkOptions, jobOptionsShape, seedSchema } from '../options.js';
import { packageVersion } from '../version.js';
import { writeReportFile } from '../write-file.js';
import * as z from '../zod.js';
import type { Experiment, ExperimentResult } from './experiment.js';
import { experiments } from './registry.js';

/** Options of {@link reproduce}. */
export interface ReproduceOptions {
  /** A smaller version for continuous integration: fewer and smaller points, the same claims. @defaultValue false */
  readonly quick?: boolean;
  /** Seed of all random numbers. @defaultValue 0 */
  readonly seed?: number;
  /** Threads: speed, never the result. @defaultValue as many as the machine offers */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Told how far the current experiment is, as a share from 0 to 1, and what it is doing. */
  readonly onProgress?: (experiment: string, share: number, doing: string) => void;
  /** Folder for results; those already there with the same settings and version are taken from it, not computed. */
  readonly folder?: string;
  /** Folders of the parts of a run that several processes shared: every result is taken from them, none computed. */
  readonly parts?: readonly string[];
}

const schema = z.strictObject({
  quick: z.boolean().default(false),
  seed: seedSchema.default(0),
  threads: jobOptionsShape.threads,
  signal: jobOptionsShape.signal,
  onProgress: z.custom<ReproduceOptions['onProgress']>((value) => typeof value === 'function').optional(),
  folder: z.string().min(1).optional(),
  parts: z.array(z.string().min(1)).readonly().optional(),
});

/** What the experiments are called, in the paper's order. */
export function experimentNames(): readonly string[] {
  return experiments.map(({ name }) => name);
}

/**
 * Runs experiments of the paper by name (`all` for all of them) and holds each of the paper's claims against what was
 * measured. An interrupted run is taken up at the experiment it was in, if there is a folder for results.
 *
 * @throws CoverageError `ERR_UNKNOWN_EXPERIMENT`, listing the names there are; `ERR_MISSING_PART` for a result that is in
 * none of the parts; the signal's reason when aborted
 */
export async function reproduce(
  names: string | readonly string[],
  options: ReproduceOptions = {},
): Promise<readonly ExperimentResult[]> {
  const { quick, seed, threads, folder, parts, ...checked } = checkOptions('reproduce', schema, options);
  const signal = checked.signal && ownSignal(checked.signal);
  const chosen = choose([names].flat());
  const results: ExperimentResult[] = [];
  for (const experiment of chosen) {
    signal?.throwIfAborted();
    const key = { name: experiment.name, quick, seed, version: packageVersion };
    const stored = parts ? await loadAny(parts, key) : folder === undefined ? null : await load(folder, key);
    const result =
      stored ??
      plain({
        name: experiment.name,
        title: experiment.title,
        source: experiment.source,
        quick,
        seed,
        ...(await experiment.run({
          quick,
          seed,
          threads,
          signal,
          progress: (share, doing) => tell(checked.onProgress, experiment.name, share, doing),
        })),
      });
    if (folder !== undefined && stored === null) await store(folder, key, result);
    results.push(result);
  }
  return results;
}

/** A signal that follows `signal`, on which many computations at once may listen without a warning of Node's. */
function ownSignal(signal: AbortSignal): AbortSignal {
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}

/** The result as it would come back from a file: a run that was taken up differs in nothing from one that was not. */
function plain(result: ExperimentResult): ExperimentResult {
  return JSON.parse(JSON.stringify(result));
}

/**
 * The experiments of these names, `all` for all of them.
 *
 * @throws CoverageError `ERR_UNKNOWN_EXPERIMENT`
 * @internal
 */
export function choose(names: readonly string[]): Experiment[] {
  if (names.includes('all')) return [...experiments];
  return names.map((name) => {
    const found = experiments.find((experiment) => experiment.name === name);
    if (found) return found;
    throw new CoverageError(
      'ERR_UNKNOWN_EXPERIMENT',
      `There is no experiment called ${name}. There are: ${experimentNames().join(', ')}, and all.`,
      { place: { field: 'name' } },
    );
  });
}

interface Key {
  readonly name: string;
  readonly quick: boolean;
  readonly seed: number;
  readonly version: string;
}

function path(folder: string, { name, quick, seed }: Key): string {
  return join(folder, `${name}${quick ? '-quick' : ''}-seed${seed}.json`);
}

function digest(result: unknown): string {
  return createHash('sha256').update(JSON.stringify(result)).digest('hex');
}

/** A stored result of the same settings and version, whole as it was written; else `null`. */
async function load(folder: string, key: Key): Promise<ExperimentResult | null> {
  try {
    const stored = JSON.parse(await readFile(path(folder, key), 'utf8'));
    const fits = JSON.stringify(stored.key) === JSON.stringify(key) && stored.sha256 === digest(stored.result);
    return fits ? stored.result : null;
  } catch {
    // Missing or damaged: it is computed again.
    return null;
  }
}

/** The result from whichever of the folders has it. */
async function loadAny(folders: readonly string[], key: Key): Promise<ExperimentResult> {
  for (const folder of folders) {
    const result = await load(folder, key);
    if (result) return result;
  }
  throw new CoverageError(
    'ERR_MISSING_PART',
    `No part has ${key.name} at seed ${key.seed}, whole and of version ${key.version}: run the part that is to have it again.`,
    { place: { field: key.name } },
  );
}

async function store(folder: string, key: Key, result: ExperimentResult): Promise<void> {
  await writeReportFile(path(folder, key), `${JSON.stringify({ key, sha256: digest(result), result })}\n`);
}
