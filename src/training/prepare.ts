import { createHash } from 'node:crypto';
import { CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import type { DataDistribution } from '../linear/data-distribution.js';
import type { Responses } from '../linear/responses.js';
import { Training, type TrainRunOptions, type TrainStage } from '../linear/train.js';
import { Memo } from '../memo.js';
import { compact } from '../text/format.js';
import { packageVersion } from '../version.js';
import { type DataSource, type ReadingContext, sequencesData, type TrainingData, textData } from './data.js';
import { type MadeFeatures, makeFeatures, readNumbers } from './features.js';
import { type RunConfig, runConfigs } from './points.js';
import { problemData } from './problem-data.js';
import type { CheckedTrainConfig } from './schema.js';

/** The runs of a configuration, and what tells them from those of another. */
export interface IdentifiedRuns {
  readonly runs: readonly RunConfig[];
  /** SHA-256 of all that the results depend on; a state can only be resumed under the same. */
  readonly fingerprint: string;
}

/** A configuration whose data were read and whose runs were checked: nothing has been trained or written yet. */
export interface PreparedTraining extends IdentifiedRuns {
  readonly training: Training;
  /** Which of the runs it trains, by index: all, or those of a part. */
  readonly own: readonly number[];
  /** All files that were read. */
  readonly sources: readonly DataSource[];
  /** Bytes that the tokens of the first run's text stand for. */
  readonly alphabet: readonly number[] | null;
  readonly facts: readonly string[];
}

/** Options of {@link prepareTraining}. */
export interface PrepareOptions extends ReadingContext, JobOptions {
  /** Part I of N of the runs, every N-th of them; all without. */
  readonly shard?: readonly [number, number];
  /** Finds the states of the runs to go on from, once it is known which runs these are. */
  readonly findStates?: (runs: IdentifiedRuns) => Promise<readonly (Uint8Array | undefined)[]>;
}

/**
 * Reads the data of a configuration, makes its features and checks its runs.
 *
 * @throws CoverageError with the code and place of what is wrong
 */
export async function prepareTraining(config: unknown, options: PrepareOptions = {}): Promise<PreparedTraining> {
  const runs = runConfigs(config);
  const cache = new Memo();
  const made: MadeRun[] = [];
  for (const run of runs) made.push(await inRun(run.name, () => makeRun(run, cache, options)));
  const sources = [...new Map(made.flatMap((run) => run.sources).map((source) => [source.file, source])).values()];
  const fingerprint = fingerprintOf(runs, sources);
  const states = (await options.findStates?.({ runs, fingerprint })) ?? [];
  const own = ownRuns(runs, options.shard ?? [1, 1]);
  const training = await Training.create(
    own.map((index) => ({ ...made[index]!.options, ...(states[index] && { state: states[index] }) })),
    {
      ...(options.signal && { signal: options.signal }),
      ...(options.threads !== undefined && { threads: options.threads }),
    },
  );
  return {
    training,
    own,
    runs,
    sources,
    alphabet: made[0]!.data.alphabet ?? null,
    facts: [...made[0]!.data.facts, modelFact(made[0]!.options)],
    fingerprint,
  };
}

function ownRuns(runs: readonly RunConfig[], [part, of]: readonly [number, number]): number[] {
  const own = [...runs.keys()].filter((index) => index % of === part - 1);
  if (own.length > 0) return own;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `There are fewer runs (${runs.length}) than parts: part ${part} of ${of} is empty.`,
    { place: { field: 'shard' } },
  );
}

interface MadeRun {
  readonly data: TrainingData;
  readonly options: TrainRunOptions;
  readonly sources: readonly DataSource[];
}

async function makeRun({ config, name }: RunConfig, cache: Memo, options: PrepareOptions): Promise<MadeRun> {
  const dataOf = (source: CheckedTrainConfig['data']) => cache.once(['data', source], () => loadData(source, options));
  const featuresOf = async (source: CheckedTrainConfig['data']) => {
    const loaded = await dataOf(source);
    return cache.once(['features', config.features, source], () => makeFeatures(config.features, loaded, options));
  };
  const [data, features] = [await dataOf(config.data), await featuresOf(config.data)];
  const before: TrainStage[] = [];
  const sources = [...data.sources, ...features.sources];
  for (const { data: source = config.data, ...stage } of config.training.before) {
    const [own, seen] = [await dataOf(source), await featuresOf(source)];
    before.push({ ...(withoutUndefined(stage) as TrainStage), data: own.data, features: seen.features });
    sources.push(...own.sources, ...seen.sources);
  }
  const heldOut = await cache.once(['held-out', config.data], () => heldOutOf(config, data, options));
  const teacher = await cache.once(['teacher', config.teacher], () => teacherOf(config, options));
  return {
    data,
    options: {
      ...runOptions(config, name, data, features, heldOut),
      ...(teacher && { teacher: teacher.values }),
      before,
    },
    sources: [...sources, ...(teacher ? [teacher.source] : [])],
  };
}

async function teacherOf({ teacher, data }: CheckedTrainConfig, context: PrepareOptions) {
  if (teacher === undefined) return undefined;
  // Otherwise the rows of the file would not be those of the responses that are left to train on.
  if (data.kind !== 'sequences' || typeof data.heldOut === 'number') {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'teacher: a file goes with data of kind "sequences" all of which are trained on: hold out responses of another file.',
      { place: { field: 'teacher' } },
    );
  }
  return readNumbers(teacher, context);
}

/** Says of an error in which run of a sweep it is. */
async function inRun<T>(name: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (name === '' || !(error instanceof CoverageError)) throw error;
    const { code, message, place, problems } = error;
    throw new CoverageError(code, `${message} (in the run ${name})`, { place, problems, cause: error });
  }
}

async function loadData(data: CheckedTrainConfig['data'], context: ReadingContext): Promise<TrainingData> {
  switch (data.kind) {
    case 'text':
      return textData(data, context);
    case 'sequences':
      return sequencesData(data, context);
    case 'problem':
      return problemData(data);
  }
}

async function heldOutOf(
  { data: { seed } }: CheckedTrainConfig,
  { validation, heldOut }: TrainingData,
  { signal }: JobOptions,
): Promise<Responses | undefined> {
  if (typeof heldOut !== 'number') return heldOut;
  return validation?.sample(heldOut, { seed, ...(signal && { signal }) });
}

function runOptions(
  { training, validation, checkpoints }: CheckedTrainConfig,
  name: string,
  data: TrainingData,
  { features }: MadeFeatures,
  heldOut: Responses | undefined,
): TrainRunOptions {
  const { constraint = data.own?.constraint, before: _, ...settings } = training;
  const { exact, ...watched } = validation;
  // Features of another dimension than the problem's own start from 0.
  const start = data.own && data.own.features.dim === features.dim ? { theta0: data.own.start } : {};
  return {
    ...(withoutUndefined(settings) as Omit<TrainRunOptions, 'features' | 'data'>),
    ...(constraint && { constraint }),
    ...start,
    features,
    data: data.data,
    name,
    checkpoints,
    validation: {
      ...withoutUndefined(watched),
      ...(exact && { exact: exactAgainst(data) }),
      ...(heldOut && { heldOut }),
      ...(data.reference && { reference: data.reference }),
    },
  };
}

function exactAgainst({ validation }: TrainingData): DataDistribution {
  if (validation) return validation;
  throw new CoverageError('ERR_INVALID_OPTION', 'validation.exact: only the π_D of a named problem is known exactly.', {
    place: { field: 'validation.exact' },
  });
}

/** The settings that were given; an explicit `undefined` is none. */
function withoutUndefined<T extends object>(settings: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as never;
}

function modelFact({ features: { dim, vocabulary, bound } }: TrainRunOptions): string {
  return `Features of d = ${dim} dimensions over ${vocabulary} tokens, B = ${compact(bound)}.`;
}

function fingerprintOf(runs: readonly RunConfig[], sources: readonly DataSource[]): string {
  const configs = runs.map(({ config: { $schema: _, title: __, ...rest } }) => rest);
  const text = JSON.stringify([packageVersion, configs, sources], (_, value) =>
    typeof value === 'function' ? String(value) : value,
  );
  return createHash('sha256').update(text).digest('hex');
}
