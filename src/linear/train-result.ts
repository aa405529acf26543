import { CoverageError } from '../error.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { callNative, type native } from '../native.js';
import type { FeatureMap } from './feature-map.js';
import type { Measures } from './measures.js';
import { LinearModel } from './policy.js';

type Runs = InstanceType<typeof native.RunsHandle>;

/** Measures of one iterate along a run. Vectors are in the order of the result's `N`. */
export interface HistoryRecord {
  /** Steps taken. */
  readonly step: number;
  /** Mean of −log π̂ over the held-out responses, in nats; `null` if there are none or it is infinite. */
  readonly crossEntropy: number | null;
  /** Mean of log π_D/π̂ over the held-out responses, in nats; `null` where π_D is not known or it is infinite. */
  readonly kl: number | null;
  /** Share of held-out responses with π_D/π̂ ≥ N at each N; `null` where π_D is not known. */
  readonly coverage: readonly number[] | null;
  /** Exact measures, where asked for. */
  readonly exact: Measures | null;
}

/** What a theorem chose, and from what. */
export interface Theory {
  /** The proposition or theorem. */
  readonly source: string;
  /** η. */
  readonly stepSize: number;
  /** λ of normalized SGD. */
  readonly lambda: number | null;
  /** B. */
  readonly featureBound: number;
  /** H. */
  readonly horizon: number;
  /** σ*². */
  readonly inherentVariance: number;
  /** log N. */
  readonly logN: number;
  /** T. */
  readonly steps: number;
  /** Radius of Θ; the theorems are for 1, a radius R scales B by R and η by R². */
  readonly radius: number;
}

/** A model along the way. */
export interface Checkpoint {
  /** `step-100`, after the name of the run if it has one: `a/step-100`. */
  readonly name: string;
  /** Steps taken. */
  readonly step: number;
}

/** Why a run stopped: all steps taken; the step asked for reached; θ no longer finite, which only an unbounded Θ allows. */
export type StopReason = 'finished' | 'paused' | 'diverged';

interface NativeReport {
  readonly step: number;
  readonly steps: number;
  readonly stageStarts: readonly number[];
  readonly stopped: StopReason;
  readonly theory: Theory | null;
  readonly validations: readonly HistoryRecord[];
  readonly drawnStep: number;
  readonly checkpointSteps: readonly number[];
}

/** Where a result reads what it does not hold itself. @internal */
export interface ResultSource {
  readonly runs: Runs;
  readonly index: number;
  readonly features: FeatureMap;
  readonly name: string;
  readonly N: readonly number[];
  readonly promptIds: readonly string[] | null;
}

/** What a training run has come to as plain data, without θ and log-probabilities. */
export interface TrainRecord
  extends Pick<
    TrainResult,
    'name' | 'step' | 'steps' | 'stopped' | 'theory' | 'N' | 'history' | 'checkpoints' | 'drawnStep'
  > {
  /** The step at which each stage begins, where there are stages before the run's own. */
  readonly stageStarts?: readonly number[];
}

/** What a training run has come to. */
export class TrainResult {
  readonly #source: ResultSource;
  #logProbs: LogProbs | null | undefined;
  /** Name of the run, empty if it has none. */
  readonly name: string;
  /** Steps taken. */
  readonly step: number;
  /** T, over all stages. */
  readonly steps: number;
  /** The step at which each stage begins; `[0]` without stages before the run's own. */
  readonly stageStarts: readonly number[];
  readonly stopped: StopReason;
  /** What the theorem chose; `null` unless the step size was `theory`. */
  readonly theory: Theory | null;
  /** The values of N of the history. */
  readonly N: readonly number[];
  /** Measures along the way, in order of steps. */
  readonly history: readonly HistoryRecord[];
  /** The checkpoints, in order of steps: the models of {@link TrainResult.logProbs}. */
  readonly checkpoints: readonly Checkpoint[];
  /** The last θ. */
  readonly theta: Float64Array;
  /** The step before which {@link TrainResult.drawnTheta} was taken. */
  readonly drawnStep: number;
  /** An iterate drawn uniformly, which theorems about the average over iterates speak of; `null` if not reached yet. */
  readonly drawnTheta: Float64Array | null;
  /** The mean of the iterates; `null` unless asked for. */
  readonly averageTheta: Float64Array | null;

  /** @internal */
  constructor(source: ResultSource) {
    const { json, floats } = callNative(() => source.runs.report(source.index));
    const report = JSON.parse(json) as NativeReport;
    const prefix = source.name === '' ? '' : `${source.name}/`;
    this.#source = source;
    this.name = source.name;
    this.step = report.step;
    this.steps = report.steps;
    this.stageStarts = report.stageStarts;
    this.stopped = report.stopped;
    this.theory = report.theory;
    this.N = source.N;
    this.history = report.validations;
    this.checkpoints = report.checkpointSteps.map((step, at, steps) => {
      // The end of a stage, asked for once more as the beginning of the next.
      const again = steps[at - 1] === step ? '-again' : '';
      return { name: `${prefix}step-${step}${again}`, step };
    });
    this.theta = floats[0]!;
    this.drawnStep = report.drawnStep;
    this.drawnTheta = floats[1]!.length > 0 ? floats[1]! : null;
    this.averageTheta = floats[2]!.length > 0 ? floats[2]! : null;
  }

  /** The model at the last θ. */
  get model(): LinearModel {
    return new LinearModel(this.#source.features, this.theta);
  }

  /**
   * Log-probabilities of the held-out responses under the checkpoints, ready for `tournament` or `selectCheckpoint`; they
   * stay in Rust. `null` without checkpoints or held-out responses.
   */
  get logProbs(): LogProbs | null {
    if (this.#logProbs === undefined) {
      const { runs, index, promptIds } = this.#source;
      const count = this.checkpoints.length;
      const handle = count === 0 ? null : callNative(() => runs.logProbs(index));
      // The run may have gone on since.
      const mine = handle && handle.models > count ? handle.selectModels([...Array(count).keys()]) : handle;
      this.#logProbs = mine && new LogProbs(mine, { models: this.checkpoints.map(({ name }) => name), promptIds });
    }
    return this.#logProbs;
  }

  /**
   * The model of the checkpoint called `name`.
   *
   * @throws CoverageError `ERR_UNKNOWN_MODEL`; `ERR_INVALID_OPTION` if the run's checkpoints do not keep θ
   */
  checkpoint(name: string): LinearModel {
    const index = this.checkpoints.findIndex((each) => each.name === name);
    if (index < 0) {
      const names = this.checkpoints.map((each) => each.name).join(', ') || 'none';
      throw new CoverageError(
        'ERR_UNKNOWN_MODEL',
        `There is no checkpoint called ${String(name)}: there are ${names}.`,
        {
          place: { model: String(name) },
        },
      );
    }
    const theta = callNative(() => this.#source.runs.checkpointTheta(this.#source.index, index));
    if (theta.length === 0) {
      throw new CoverageError(
        'ERR_INVALID_OPTION',
        'The checkpoints of this run do not keep θ: train with checkpoints.theta true to have their models.',
        { place: { field: 'checkpoints.theta' } },
      );
    }
    return new LinearModel(this.#source.features, theta);
  }

  /** The plain data of the result, without θ and log-probabilities. */
  toJSON(): TrainRecord {
    const { name, step, steps, stageStarts, stopped, theory, N, history, checkpoints, drawnStep } = this;
    const stages = stageStarts.length > 1 && { stageStarts };
    return { name, step, steps, ...stages, stopped, theory, N, history, checkpoints, drawnStep };
  }
}
