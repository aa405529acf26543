import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { Memo } from '../memo.js';
import { callNative, native } from '../native.js';
import { checkOptions, jobOptionsShape, ratiosSchema } from '../options.js';
import * as z from '../zod.js';
import { DataDistribution } from './data-distribution.js';
import { FeatureMap } from './feature-map.js';
import { inherentVariance, MAX_RESPONSES, maxResponsesSchema } from './measures.js';
import { Policy } from './policy.js';
import { Responses } from './responses.js';
import { type ResultSource, TrainResult } from './train-result.js';
import {
  asksForVariance,
  checkpointStepsSchema,
  nativeStage,
  nativeTrainOptions,
  type StageSettings,
  stageSettingsShape,
  type TrainSettings,
  trainSettingsShape,
} from './train-settings.js';

/** What is measured along a run. */
export interface TrainValidation {
  /** Held-out responses, or how many to draw from the data distribution. Checkpoints keep their log-probabilities. */
  readonly heldOut?: Responses | number;
  /**
   * π_D, or its log-probabilities of the held-out responses: then KL and Cov_N are estimated, too.
   * @defaultValue the data distribution, where responses are drawn fresh; `null` for none
   */
  readonly reference?: Policy | Float64Array | null;
  /** Exact measures by enumeration, against this distribution, or `true` for the one that is trained on. */
  readonly exact?: DataDistribution | boolean;
  /** Values of N. @defaultValue [2, 4, 16] */
  readonly N?: readonly number[];
  /** Measure every so many steps, and after the last; 0 = only after the last. @defaultValue 0 */
  readonly every?: number;
  /** Measure π^TTT with this step size instead of π_θ. */
  readonly testTimeStepSize?: number;
  /** Limit of exact enumerations. @defaultValue 4194304 */
  readonly maxResponses?: number;
}

/** Which models are kept along a run. */
export interface TrainCheckpoints {
  /** Keep one every so many steps; 0 = none. @defaultValue 0 */
  readonly every?: number;
  /** Keep one after these steps, too, counted from the end of the stages before; rising, 0 = before the first. */
  readonly steps?: readonly number[];
  /** Whether they keep θ. @defaultValue true */
  readonly theta?: boolean;
}

/** A stage before the run's own: its settings, and what it is trained on. */
export interface TrainStage extends StageSettings {
  /** @defaultValue that of the run */
  readonly data?: DataDistribution | Responses;
  /** φ, of the same d and V as the run's. @defaultValue that of the run */
  readonly features?: FeatureMap;
  /** The teacher of truncated SGD, as in {@link TrainRunOptions}. */
  readonly teacher?: Policy | Float64Array;
}

/** A training run: settings, data, and how it is watched. */
export interface TrainRunOptions extends TrainSettings {
  /** φ. */
  readonly features: FeatureMap;
  /** A distribution that responses are drawn from, each used once, or a data set, gone through in epochs. */
  readonly data: DataDistribution | Responses;
  /**
   * The teacher of truncated SGD: a policy, or log-probabilities of all V next tokens along the data set's responses,
   * shape [token of the data set in order, V].
   * @defaultValue π_D, where responses are drawn fresh
   */
  readonly teacher?: Policy | Float64Array;
  /** θ to start from, projected on Θ. @defaultValue 0, for the simplex its centre */
  readonly theta0?: Float64Array | readonly number[];
  /** Stages gone through first; θ is carried on from stage to stage. @defaultValue none */
  readonly before?: readonly TrainStage[];
  readonly validation?: TrainValidation;
  readonly checkpoints?: TrainCheckpoints;
  /** Name of the run; begins the names of its checkpoints. */
  readonly name?: string;
  /** What {@link Training.state} gave for the same run: it goes on bit for bit as if it had not been interrupted. */
  readonly state?: Uint8Array;
}

/** Options of {@link train}. */
export interface TrainOptions extends TrainRunOptions, JobOptions {}

const responses = z.instanceof(Responses, { error: 'must be Responses' });
const distribution = z.instanceof(DataDistribution, { error: 'must be a DataDistribution' });
const policy = z.instanceof(Policy, { error: 'must be a Policy' });
const float64Array = z.instanceof(Float64Array, { error: 'must be a Float64Array' });
const every = z.int().min(0);

/** Schema of the parts of {@link TrainValidation} that are plain data. */
export const validationSettingsShape = {
  N: ratiosSchema.default([2, 4, 16]).describe('Values of N at which Cov_N is measured.'),
  every: every.default(0).describe('Measure every so many steps, and after the last; 0 = only after the last.'),
  testTimeStepSize: z
    .number()
    .min(0)
    .optional()
    .describe('Measure the model with test-time training of this step size.'),
  maxResponses: maxResponsesSchema.default(MAX_RESPONSES).describe('Limit of exact enumerations.'),
} as const;

/** Schema of {@link TrainCheckpoints}. */
export const checkpointsSchema = z.strictObject({
  every: every.default(0).describe('Keep a checkpoint every so many steps; 0 = none.'),
  steps: checkpointStepsSchema.describe(
    'Keep one after these steps, too, counted from the end of the stages before; rising, 0 = before the first.',
  ),
  theta: z.boolean().default(true).describe('Whether checkpoints keep θ.'),
});

const featureMap = z.instanceof(FeatureMap, { error: 'must be a FeatureMap' });
const anyData = z.union([distribution, responses], { error: 'must be a DataDistribution or Responses' });
const anyTeacher = z.union([policy, float64Array], { error: 'must be a Policy or a Float64Array' });

const stageSchema = z.strictObject({
  ...stageSettingsShape,
  features: featureMap.optional(),
  data: anyData.optional(),
  teacher: anyTeacher.optional(),
});

const runShape = {
  ...trainSettingsShape,
  features: featureMap,
  data: anyData,
  teacher: anyTeacher.optional(),
  before: z.array(stageSchema).readonly().default([]),
  theta0: z
    .union([float64Array, z.array(z.number())], { error: 'must be a Float64Array or a list of finite numbers' })
    .optional(),
  validation: z
    .strictObject({
      ...validationSettingsShape,
      heldOut: z.union([responses, z.int().min(1)], { error: 'must be Responses or a number of them' }).optional(),
      reference: z
        .union([policy, float64Array, z.null()], { error: 'must be a Policy, a Float64Array or null' })
        .optional(),
      exact: z.union([distribution, z.boolean()], { error: 'must be a DataDistribution or true' }).optional(),
    })
    .prefault({}),
  checkpoints: checkpointsSchema.prefault({}),
  name: z.string().default(''),
  state: z.instanceof(Uint8Array, { error: 'must be a Uint8Array' }).optional(),
} as const;

const runSchema = z.strictObject(runShape);
const trainSchema = z.strictObject({ ...runShape, ...jobOptionsShape });
const trainingSchema = z.array(runSchema).min(1, 'give at least one run');

type CheckedRun = z.output<typeof runSchema>;
type NativeRuns = InstanceType<typeof native.RunsHandle>;
type Source = Omit<ResultSource, 'runs'>;

/**
 * Training runs that can be stopped at any step and taken up again, in this process or, by their states, in another.
 * Several runs are trained at once, one a thread, with the same results at any number of threads.
 */
export class Training {
  readonly #runs: NativeRuns;
  readonly #sources: readonly Source[];

  private constructor(runs: NativeRuns, sources: readonly Source[]) {
    this.#runs = runs;
    this.#sources = sources;
  }

  /**
   * Checks all runs and prepares them: held-out responses are drawn, references scored, σ*² enumerated where asked for.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` and `ERR_SHAPE_MISMATCH` for settings out of range, or data, teacher, θ or
   * held-out responses that do not fit the features
   */
  static async create(runs: readonly TrainRunOptions[], options: JobOptions = {}): Promise<Training> {
    return Training.#prepare(checkOptions('Training.create', trainingSchema, runs), options);
  }

  /** @internal */
  static async ofOne(call: string, options: TrainOptions): Promise<Training> {
    const { signal, onProgress, threads, ...run } = checkOptions(call, trainSchema, options);
    return Training.#prepare([run], { ...(signal && { signal }), ...(threads !== undefined && { threads }) });
  }

  static async #prepare(runs: readonly CheckedRun[], options: JobOptions): Promise<Training> {
    const handle = new native.RunsHandle();
    const sources = [];
    const prepared: Preparations = { options, memo: new Memo() };
    for (const [index, run] of runs.entries()) {
      const where = runs.length > 1 ? `runs[${index}]` : '';
      const promptIds = await located(where, () => addRun(handle, run, prepared));
      sources.push({ index, features: run.features, name: run.name, N: run.validation.N, promptIds });
    }
    return new Training(handle, sources);
  }

  /** How many runs there are. */
  get count(): number {
    return this.#sources.length;
  }

  /**
   * Trains every run until step `until`, by default to its end, or for about so many `seconds`. Progress is in steps of
   * all runs. When aborted, each run is as of its last whole step; call again to go on.
   *
   * @throws the signal's reason when aborted
   */
  async run(options: JobOptions & { readonly until?: number; readonly seconds?: number } = {}): Promise<TrainResult[]> {
    const { until, seconds, threads } = checkOptions('run', runJobSchema, options);
    await runJob((job) => this.#runs.run(JSON.stringify({ until, seconds, threads }), job), options);
    return this.results();
  }

  /** What the runs have come to so far. */
  results(): TrainResult[] {
    return this.#sources.map((source) => new TrainResult({ ...source, runs: this.#runs }));
  }

  /** Everything needed to go on with run `index`, records and checkpoints included: the same bytes on every machine. */
  state(index = 0): Uint8Array {
    return callNative(() => this.#runs.state(index));
  }
}

export const runJobSchema = z.strictObject({
  ...jobOptionsShape,
  until: z.int().min(0).optional().describe('Train until this step.'),
  seconds: z.number().positive().optional().describe('Pause at a whole step after about so many seconds.'),
});

/** What several runs share, and the options of the jobs that make it. */
interface Preparations {
  readonly options: JobOptions;
  readonly memo: Memo;
}

/** Adds a run to `runs`; returns the prompt ids of its held-out responses. */
async function addRun(runs: NativeRuns, run: CheckedRun, prepared: Preparations): Promise<readonly string[] | null> {
  const { features, data, teacher, theta0, before, validation, checkpoints, name: _, state, ...settings } = run;
  const fresh = data instanceof DataDistribution ? data : undefined;
  const task = taskOf(features, data, teacher);
  const stages = [];
  for (const [index, { features: own = features, data: on = data, teacher: by, ...stage }] of before.entries()) {
    callNative(() => task.addBefore(own.handle, taskOf(own, on, by)));
    const from = on instanceof DataDistribution ? on : undefined;
    const variance = await varianceOf(stage.stepSize, from, own, validation.maxResponses, prepared);
    stages.push(nativeStage(stage, settings.run, index, variance));
  }
  const heldOut = await heldOutOf(validation.heldOut, fresh, settings.seed, prepared);
  if (heldOut) {
    const reference = await referenceOf(validation.reference, fresh, heldOut, prepared);
    task.setHeldOut(heldOut.handle, reference);
  } else if (validation.reference) {
    throw invalid('validation.reference', 'Reference log-probabilities need held-out responses.');
  }
  const exact = validation.exact === true ? fresh : validation.exact;
  if (validation.exact === true && !fresh) {
    throw invalid('validation.exact', 'Exact measures on a data set need a DataDistribution to measure against.');
  }
  if (exact) task.setExact(exact.handle);
  const variance = await varianceOf(settings.stepSize, fresh, features, validation.maxResponses, prepared);
  const { every, testTimeStepSize, N, maxResponses } = validation;
  const options = nativeTrainOptions(
    settings,
    stages,
    {
      validateEvery: every,
      checkpointEvery: checkpoints.every,
      checkpointTheta: checkpoints.theta,
      checkpoints: checkpoints.steps,
    },
    variance,
  );
  const watch = JSON.stringify({ N, testTimeStepSize, maxResponses });
  callNative(() => {
    runs.add(features.handle, task, options, watch, theta0 && Float64Array.from(theta0), state);
  });
  return heldOut ? prepared.memo.once([heldOut, 'prompts'], async () => [...heldOut.prompts].map(String)) : null;
}

/** What a stage is trained on. */
function taskOf(
  features: FeatureMap,
  data: DataDistribution | Responses,
  teacher: Policy | Float64Array | undefined,
): InstanceType<typeof native.TaskHandle> {
  const task = new native.TaskHandle();
  if (data instanceof DataDistribution) task.setFresh(data.handle);
  else task.setResponses(data.handle);
  if (teacher instanceof Policy) task.setTeacher(teacher.handle);
  else if (teacher) setRecordedTeacher(task, data, features, teacher);
  return task;
}

function setRecordedTeacher(
  task: InstanceType<typeof native.TaskHandle>,
  data: DataDistribution | Responses,
  features: FeatureMap,
  logProbs: Float64Array,
): void {
  if (!(data instanceof Responses)) {
    throw invalid('teacher', 'Log-probabilities of a teacher belong to a data set: give that, or a policy as teacher.');
  }
  callNative(() => task.setRecordedTeacher(data.handle, features.vocabulary, logProbs));
}

async function heldOutOf(
  heldOut: Responses | number | undefined,
  fresh: DataDistribution | undefined,
  seed: number,
  prepared: Preparations,
): Promise<Responses | undefined> {
  if (typeof heldOut !== 'number') return heldOut;
  if (!fresh) throw invalid('validation.heldOut', 'Only a DataDistribution can be drawn from: give the responses.');
  return prepared.memo.once([fresh, `${heldOut} ${seed}`], () =>
    fresh.sample(heldOut, { ...withSignal(prepared), seed }),
  );
}

async function referenceOf(
  reference: Policy | Float64Array | null | undefined,
  fresh: DataDistribution | undefined,
  heldOut: Responses,
  prepared: Preparations,
): Promise<Float64Array | undefined> {
  if (reference === null || reference instanceof Float64Array) return reference ?? undefined;
  if (reference) return prepared.memo.once([heldOut, reference], () => reference.logProbs(heldOut, prepared.options));
  return fresh && prepared.memo.once([heldOut, fresh], () => fresh.policy.logProbs(heldOut, prepared.options));
}

async function varianceOf(
  stepSize: CheckedRun['stepSize'],
  fresh: DataDistribution | undefined,
  features: FeatureMap,
  maxResponses: number,
  prepared: Preparations,
): Promise<number | undefined> {
  if (!asksForVariance(stepSize)) return undefined;
  if (!fresh) {
    throw invalid(
      'stepSize.inherentVariance',
      'On a data set the step size "theory" needs σ*²: give inherentVariance.',
    );
  }
  return prepared.memo.once([fresh, features], () =>
    inherentVariance(fresh, features, { ...withSignal(prepared), maxResponses }),
  );
}

function withSignal({ options: { signal } }: Preparations): JobOptions {
  return signal ? { signal } : {};
}

function invalid(field: string, message: string): CoverageError {
  return new CoverageError('ERR_INVALID_OPTION', message, { place: { field } });
}

/** Runs `make`; errors with a field are placed under `where`. */
async function located<T>(where: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (where === '' || !(error instanceof CoverageError)) throw error;
    const field = error.place.field === undefined ? where : `${where}.${error.place.field}`;
    throw new CoverageError(error.code, `${where}: ${error.message}`, {
      place: { ...error.place, field },
      cause: error,
    });
  }
}

/**
 * Trains an autoregressive linear model by any procedure of the paper.
 *
 * @throws CoverageError as {@link Training.create}; the signal's reason when aborted (a {@link Training} can go on after)
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const training = await Training.ofOne('train', options);
  const { signal, onProgress, threads } = options;
  const [result] = await training.run({
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(threads !== undefined && { threads }),
  });
  return result!;
}
