import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Binding from '../../native/binding.cjs';
import type * as Package from '../../src/index.js';
import type { Task } from '../case.js';
import { readNpy } from '../npy.js';
import { type Host, type Prepared, type Round, Skipped } from './host.js';

/** The package as its users get it: facade and binding. */
export interface Installed {
  readonly facade: typeof Package;
  readonly binding: typeof Binding;
}

/** Loads the package that lies in `folder`, built. */
export async function loadPackage(folder: string): Promise<Installed> {
  const facade = (await import(pathToFileURL(join(folder, 'dist/index.js')).href)) as typeof Package;
  const binding = createRequire(join(folder, 'package.json'))('./native/binding.cjs') as typeof Binding;
  return { facade, binding };
}

/** One run; the bytes of its result are made outside of the timed section. */
type Run = () => Promise<() => Uint8Array>;

type Factory = (installed: Installed, task: Task) => Run;

/** Binding, facade and a plain JavaScript loop, in this process. */
export class AddonHost implements Host {
  readonly #installed: Installed;
  readonly #slots = new Map<string, Run>();

  constructor(installed: Installed) {
    this.#installed = installed;
  }

  async prepare(slot: string, task: Task, resultFile: string): Promise<Prepared> {
    const factory = FACTORIES[`${task.kind} ${task.method}`];
    if (!factory) throw new Skipped(`${task.method} has no ${task.kind}`);
    const run = factory(this.#installed, task);
    const start = performance.now();
    const bytes = await run();
    const seconds = (performance.now() - start) / 1000;
    writeFileSync(resultFile, bytes());
    this.#slots.set(slot, run);
    return { seconds, facts: {} };
  }

  async round(slot: string, iterations: number): Promise<Round> {
    const run = this.#slots.get(slot);
    if (!run) throw new Error(`nothing is prepared under ${slot}`);
    let bytes: () => Uint8Array = () => new Uint8Array();
    const start = performance.now();
    for (let iteration = 0; iteration < iterations; iteration++) bytes = await run();
    const seconds = (performance.now() - start) / 1000;
    return { seconds, checksum: createHash('sha1').update(bytes()).digest('hex') };
  }

  async release(slot: string): Promise<void> {
    this.#slots.delete(slot);
  }

  close(): void {
    this.#slots.clear();
  }
}

interface TournamentTask {
  readonly file: string;
  readonly budgets: readonly number[];
  readonly threads: number;
}

function matrixOf(file: string): { values: Float32Array | Float64Array; models: number; responses: number } {
  const { shape, values } = readNpy(file);
  const [models, responses] = shape as [number, number];
  return { values: values as Float32Array | Float64Array, models, responses };
}

const bytesOf = (values: Uint32Array | Float64Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const concatenated = (parts: readonly Uint32Array[]) => Buffer.concat(parts.map(bytesOf));

const FACTORIES: Readonly<Record<string, Factory>> = {
  /** One call into Rust and back: options as JSON, counts as typed arrays. */
  'tournament binding': ({ binding }, task) => {
    const { file, budgets, threads } = task as unknown as TournamentTask;
    const { values, responses } = matrixOf(file);
    const handle =
      values instanceof Float32Array
        ? binding.LogProbsHandle.fromFloat32(values, responses)
        : binding.LogProbsHandle.fromFloat64(values, responses);
    const options = JSON.stringify({ N: budgets, threads, counts: true });
    return async () => {
      const { counts } = await binding.tournament(handle, options, new binding.Job());
      return () => concatenated(counts);
    };
  },

  /** What users call: options checked, names put in, counts as nested arrays. */
  'tournament facade': ({ facade }, task) => {
    const { file, budgets, threads } = task as unknown as TournamentTask;
    const { values, responses } = matrixOf(file);
    const logProbs = facade.LogProbs.fromMatrix(values, responses);
    return async () => {
      const { tournaments } = await facade.tournament(logProbs, { N: budgets, threads, counts: true });
      return () => concatenated(tournaments.flatMap(({ counts }) => counts!.map((row) => Uint32Array.from(row))));
    };
  },

  /** What one writes first without this package. */
  'tournament javascript': (_, task) => {
    const { file, budgets } = task as unknown as TournamentTask;
    const { values, models, responses } = matrixOf(file);
    const rows = Array.from({ length: models }, (_, model) =>
      values.subarray(model * responses, (model + 1) * responses),
    );
    return async () => {
      const counts = budgets.map((n) => plainCounts(rows, Math.log(n)));
      return () => concatenated(counts);
    };
  },

  'winner facade': ({ facade }, task) => {
    const { file, budgets, threads } = task as unknown as TournamentTask;
    const { values, responses } = matrixOf(file);
    const logProbs = facade.LogProbs.fromMatrix(values, responses);
    return async () => {
      const winners = await facade.selectWinner(logProbs, { N: budgets, threads });
      return () =>
        bytesOf(
          Uint32Array.from(winners.flatMap(({ winner, scoreCount }) => [logProbs.modelIndex(winner), scoreCount])),
        );
    };
  },
};

function plainCounts(rows: readonly (Float32Array | Float64Array)[], threshold: number): Uint32Array {
  const counts = new Uint32Array(rows.length ** 2);
  rows.forEach((upper, a) => {
    rows.forEach((lower, b) => {
      let count = 0;
      for (let i = 0; i < upper.length; i++) if (upper[i]! - lower[i]! >= threshold) count++;
      counts[a * rows.length + b] = count;
    });
  });
  return counts;
}
