import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import { measureColumns } from '../linear/measure-columns.js';
import { type SweepRow, sweepCsv } from '../linear/sweep.js';
import type { TrainRecord, TrainResult } from '../linear/train-result.js';
import { npyPieces } from '../log-probs/npy.js';
import { reportHtml } from '../report/export/page.js';
import { trainingReport } from '../report/training/report.js';
import { csv } from '../text/csv.js';
import { packageVersion } from '../version.js';
import { isPartial, removePartials, writeReportFile } from '../write-file.js';
import type { IdentifiedRuns, PreparedTraining } from './prepare.js';

const CONFIG = 'config.json';
const STATE = 'state.bin';

/** What `config.json` in an output folder says. */
interface SavedConfig {
  readonly version: string;
  readonly fingerprint: string;
}

/**
 * The folder that a training is written to. Every file is written whole or not at all: beside its place, then renamed.
 *
 * A single run lies in the folder itself, the runs of a sweep each in `runs/`.
 */
export class OutputFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes sure that nothing there would be lost: the folder must be missing or empty.
   *
   * @throws CoverageError `ERR_OUTPUT_EXISTS`
   */
  async checkEmpty(): Promise<void> {
    if ((await this.#entries()).length === 0) return;
    throw new CoverageError(
      'ERR_OUTPUT_EXISTS',
      `${this.path} is not empty: go on with the training in it (--resume), replace it (--overwrite), or choose another folder (--output).`,
      { place: { file: this.path } },
    );
  }

  /** Whether there is a training in the folder. */
  async isBegun(): Promise<boolean> {
    return (await this.#entries()).includes(CONFIG);
  }

  async #entries(): Promise<string[]> {
    try {
      // What a process that was killed had not finished writing is nobody's.
      return (await readdir(this.path)).filter((name) => !isPartial(name));
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT') return [];
      const reason = code === 'ENOTDIR' ? 'it is a file, not a folder' : message;
      throw new CoverageError('ERR_WRITE_FAILED', `${this.path} cannot be written to: ${reason}.`, {
        place: { file: this.path },
        cause,
      });
    }
  }

  /**
   * The states to go on from, `undefined` for a run that has none yet.
   *
   * @throws CoverageError `ERR_NOTHING_TO_RESUME`, `ERR_OTHER_TRAINING` if they belong to another configuration
   */
  async readStates(identified: IdentifiedRuns): Promise<(Uint8Array | undefined)[]> {
    const saved = await this.#savedConfig();
    if (saved.fingerprint !== identified.fingerprint) {
      throw new CoverageError(
        'ERR_OTHER_TRAINING',
        `The training in ${this.path} is of another configuration, other data or another version (${saved.version}): it cannot be resumed with this one.`,
        { place: { file: join(this.path, CONFIG) } },
      );
    }
    return Promise.all(
      identified.runs.map(async (_, run) => {
        const folder = this.#runFolder(identified, run);
        try {
          await removePartials(folder);
          return await readFile(join(folder, STATE));
        } catch {
          return undefined;
        }
      }),
    );
  }

  async #savedConfig(): Promise<SavedConfig> {
    try {
      return JSON.parse(await readFile(join(this.path, CONFIG), 'utf8'));
    } catch (cause) {
      throw new CoverageError('ERR_NOTHING_TO_RESUME', `There is no training in ${this.path} to go on with.`, {
        place: { file: this.path },
        cause,
      });
    }
  }

  #runFolder({ runs }: IdentifiedRuns, run: number): string {
    if (runs.length === 1) return this.path;
    const number = String(run).padStart(String(runs.length - 1).length, '0');
    return join(this.path, 'runs', `${number}-${runs[run]!.name.replace(/[^\w.=,+-]/g, '_').slice(0, 100)}`);
  }

  /** Writes what identifies the training, before it begins. */
  async writeConfig({ fingerprint, runs, sources, alphabet }: PreparedTraining, config: unknown): Promise<void> {
    await removePartials(this.path);
    const names = runs.map(({ name }) => name);
    await this.#writeJson(CONFIG, { version: packageVersion, fingerprint, config, runs: names, sources, alphabet });
  }

  /** Writes the states of all runs, so that the training can go on from here. */
  async writeStates(prepared: PreparedTraining): Promise<void> {
    for (const [index, run] of prepared.own.entries()) {
      await writeReportFile(join(this.#runFolder(prepared, run), STATE), prepared.training.state(index));
    }
  }

  /** Writes all results, and the report last. */
  async writeResults(prepared: PreparedTraining, results: readonly TrainResult[], config: unknown): Promise<void> {
    for (const [run, result] of results.entries()) await this.#writeRun(prepared, run, result);
    await this.#writeJson('result.json', trainingJson(prepared, results));
    if (prepared.runs.length > 1) {
      const rows = results.map((result, run): SweepRow => ({ point: prepared.runs[run]!.point, result }));
      await writeReportFile(join(this.path, 'sweep.csv'), sweepCsv(rows));
    }
    const { title = 'Training' } = prepared.runs[0]!.config;
    const { facts } = prepared;
    const report = trainingReport({ results, title, facts, config, version: packageVersion });
    await writeReportFile(join(this.path, 'report.html'), reportHtml(report));
  }

  async #writeRun(prepared: PreparedTraining, run: number, result: TrainResult): Promise<void> {
    const folder = this.#runFolder(prepared, run);
    const write = (name: string, content: string | Iterable<Uint8Array>) =>
      writeReportFile(join(folder, name), content);
    await write('history.json', `${JSON.stringify(result, null, 2)}\n`);
    await write('history.csv', historyCsv(result));
    await write('theta.npy', npyPieces([result.theta.length], [result.theta]));
    if (result.averageTheta) {
      await write('average-theta.npy', npyPieces([result.theta.length], [result.averageTheta]));
    }
    const { logProbs, checkpoints } = result;
    if (logProbs) {
      await writeLogProbs(folder, 'checkpoints', {
        models: checkpoints.map(({ name }) => name),
        promptIds: logProbs.metadata.promptIds,
        responses: logProbs.responses,
        rows: checkpoints.map((_, index) => logProbs.row(index)),
      });
    }
    if (checkpoints.length > 0 && prepared.runs[run]!.config.checkpoints.theta) {
      const thetas = checkpointThetas(result);
      await write('checkpoint-thetas.npy', npyPieces([checkpoints.length, result.theta.length], thetas));
    }
  }

  async #writeJson(name: string, value: unknown): Promise<void> {
    await writeReportFile(join(this.path, name), `${JSON.stringify(value, null, 2)}\n`);
  }
}

/** Log-probabilities of named models, [model, response]. */
interface NamedLogProbs {
  readonly models: readonly string[];
  readonly responses: number;
  /** All values in order, in as many pieces as is convenient. */
  readonly rows: readonly Float64Array[];
  readonly promptIds?: readonly string[] | null;
}

/** Writes what `select` reads: `NAME.npy`, and the names beside it in `NAME.json`. Returns the path of the former. */
export async function writeLogProbs(
  folder: string,
  name: string,
  { models, responses, rows, promptIds }: NamedLogProbs,
): Promise<string> {
  const path = join(folder, `${name}.npy`);
  // The names first: a matrix without names would be read as unnamed models.
  const names = { models, ...(promptIds && { promptIds }) };
  await writeReportFile(join(folder, `${name}.json`), `${JSON.stringify(names)}\n`);
  await writeReportFile(path, npyPieces([models.length, responses], rows));
  return path;
}

function* checkpointThetas(result: TrainResult): Generator<Float64Array> {
  for (const { name } of result.checkpoints) yield result.checkpoint(name).theta;
}

/** The results of a training as plain data. */
export interface TrainingRecord {
  readonly version: string;
  /** Of configuration, data and version: what a training must share with this one to be resumed by it. */
  readonly fingerprint: string;
  /** Files that were read, with their SHA-256 (text) or BLAKE3 (arrays). */
  readonly sources: PreparedTraining['sources'];
  /** What was found out about data and features, in sentences. */
  readonly facts: readonly string[];
  /** One entry a run, with the values of the sweep that are its own. */
  readonly runs: readonly ({ readonly point: PreparedTraining['runs'][number]['point'] } & TrainRecord)[];
}

/** What `train --json` prints. */
export interface PrintedTraining extends TrainingRecord {
  /** Folder that the results were written to. */
  readonly output: string;
}

/** The results of a training as plain data. */
export function trainingJson(prepared: PreparedTraining, results: readonly TrainResult[]): TrainingRecord {
  return {
    version: packageVersion,
    fingerprint: prepared.fingerprint,
    sources: prepared.sources,
    facts: prepared.facts,
    runs: results.map((result, run) => ({ point: prepared.runs[run]!.point, ...result.toJSON() })),
  };
}

/** The history of a run as CSV; a measure that was never taken has no column. */
function historyCsv({ N, history }: TrainResult): string {
  const exact = history.some((record) => record.exact !== null);
  const columns = measureColumns(N).filter(({ name }) => exact || !name.startsWith('exact '));
  return csv(
    ['step', ...columns.map(({ name }) => name)],
    history.map((record) => [record.step, ...columns.map(({ value }) => value(record, N))]),
  );
}
