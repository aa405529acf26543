import type * as Binding from '../../native/binding.cjs';
import type { Task } from '../case.js';
import { readNpy } from '../npy.js';
import type { Facade } from './addon.js';

/** The package as its users get it: facade and binding. */
export interface Installed {
  readonly facade: Facade;
  readonly binding: typeof Binding;
}

/** One run; the bytes of its result are made outside of the timed section. */
export type Run = () => Promise<() => Uint8Array>;

/** Makes a task runnable: reads its inputs. */
export type Factory = (installed: Installed, task: Task) => Run;

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

/** What this process can do, by kind of task and method. */
export const FACTORIES: Readonly<Record<string, Factory>> = {
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

  /** What users call. */
  'read facade': ({ facade }, task) => {
    const { file, threads } = task as unknown as { file: string; threads: number };
    return async () => {
      const logProbs = await facade.readLogProbs(file, { threads });
      return () => bytesOf(Float64Array.from(logProbs.models, (_, model) => sum(logProbs.row(model))));
    };
  },

  'training facade': ({ facade }, task) => {
    const run = trainRun(facade, task);
    const { threads } = task;
    return async () => {
      const { theta } = await facade.train({ ...run, threads });
      return () => bytesOf(theta);
    };
  },

  'sweep facade': ({ facade }, task) => {
    const run = trainRun(facade, task);
    const { stepSize, runs, threads } = task as unknown as TrainingTask;
    const stepSizes = Array.from({ length: runs! }, (_, index) => stepSize * (index + 1));
    return async () => {
      const rows = await facade.sweep({
        axes: { stepSize: stepSizes },
        run: (point) => ({ ...run, ...point }),
        threads,
      });
      return () => Buffer.concat(rows.map(({ result }) => bytesOf(result.theta)));
    };
  },

  'testTime facade': ({ facade }, task) => {
    const { theta, stepSize, threads, radius } = task as unknown as TrainingTask;
    const { features, responses } = problemOf(facade, task);
    const model = new facade.LinearModel(features, readNpy(theta!).values as Float64Array);
    const policy = model.testTime({ stepSize, constraint: { kind: 'ball', radius } });
    return async () => {
      const logProbs = await policy.logProbs(responses, { threads });
      return () => bytesOf(logProbs);
    };
  },
};

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);

interface TrainingTask {
  readonly features: string;
  readonly prompts: string;
  readonly tokens: string;
  readonly theta?: string;
  readonly procedure: 'sequenceSgd' | 'normalizedSgd' | 'tokenSgd';
  readonly stepSize: number;
  readonly runs?: number;
  readonly radius: number;
  readonly batchSize?: number;
  readonly damping?: number;
  readonly threads: number;
}

function problemOf(facade: Facade, task: Task) {
  const { features, prompts, tokens } = task as unknown as TrainingTask;
  const { shape, values } = readNpy(features);
  const [count, horizon, vocabulary, dim] = shape as [number, number, number, number];
  return {
    features: facade.tableFeatures({
      by: 'promptPosition',
      prompts: count,
      horizon,
      vocabulary,
      dim,
      values: values as Float64Array,
    }),
    responses: facade.Responses.fromArrays({
      prompts: readNpy(prompts).values as Uint32Array,
      tokens: readNpy(tokens).values as Uint32Array,
      horizon,
    }),
  };
}

function trainRun(facade: Facade, task: Task) {
  const { procedure, stepSize, radius, batchSize = 1, damping = 0 } = task as unknown as TrainingTask;
  const { features, responses } = problemOf(facade, task);
  const procedures = {
    sequenceSgd: 'sgd',
    normalizedSgd: { kind: 'normalizedSgd', lambda: damping },
    tokenSgd: 'tokenSgd',
  } as const;
  return {
    features,
    data: responses,
    procedure: procedures[procedure],
    stepSize,
    batchSize,
    shuffle: false,
    constraint: { kind: 'ball', radius },
  } as const;
}

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
