/** What a benchmark consists of, as data. */

/** Formats beside `.npy` that files of log-probabilities are read from. */
export type FileFormat = 'npz' | 'safetensors' | 'csv' | 'long.csv' | 'jsonl' | 'parquet';

/** Inputs that are made before a case runs, from a seed (or from measured data, where it is at hand). */
export type InputSpec =
  | {
      /** Log-probabilities of checkpoints along one training run. */
      readonly kind: 'checkpoints';
      readonly models: number;
      readonly responses: number;
      readonly dtype: 'f4' | 'f8';
      /** Standard deviation of each checkpoint's own noise, in nats. */
      readonly noise: number;
      /** Interpolate measured checkpoints where they are at hand, instead of the look-alike. */
      readonly measured?: boolean;
      readonly seed: number;
    }
  | {
      /** The same values in another format, written by the Python process. */
      readonly kind: 'converted';
      readonly format: FileFormat;
      readonly from: Extract<InputSpec, { readonly kind: 'checkpoints' }>;
    }
  | {
      /** Log-probabilities without any structure: every pair differs by much, on every response. */
      readonly kind: 'unrelated';
      readonly models: number;
      readonly responses: number;
      readonly dtype: 'f4' | 'f8';
      /** Standard deviation in nats. */
      readonly spread: number;
      readonly seed: number;
    }
  | {
      /** Uniform values on a ball's shell: dense features [prompt, position, token, d] of norm 1, in double precision. */
      readonly kind: 'features';
      /** Whether each value is rounded to one of single precision, as the states of a network are. */
      readonly single: boolean;
      readonly prompts: number;
      readonly horizon: number;
      readonly vocabulary: number;
      readonly dim: number;
      readonly seed: number;
    }
  | {
      /** Whole numbers below `below`, of the given shape. */
      readonly kind: 'integers';
      readonly shape: readonly number[];
      readonly below: number;
      readonly seed: number;
    }
  | {
      /** How often each replicate of a bootstrap draws each unit, as the core draws: [replicate, unit]. */
      readonly kind: 'draws';
      readonly units: number;
      readonly replicates: number;
      readonly seed: number;
    }
  | {
      /** A vector of the given norm in a random direction. */
      readonly kind: 'direction';
      readonly dim: number;
      readonly norm: number;
      readonly seed: number;
    };

/**
 * Who does the work: the core's own program, the addon in this process, the Python process, the release before, whole
 * programs.
 */
export type Host = 'core' | 'addon' | 'peers' | 'previous' | 'command';

/**
 * A computation with its inputs and the way to do it. Strings that begin with `$` stand for the path of the input of
 * that name.
 */
export interface Task {
  readonly kind:
    | 'tournament'
    | 'winner'
    | 'read'
    | 'training'
    | 'testTime'
    | 'bootstrap'
    | 'sweep'
    | 'select'
    | 'reproduce'
    | 'start';
  readonly method: string;
  readonly threads: number;
  readonly [parameter: string]: unknown;
}

/** How a computation draws on a limit of the measured roofline. */
export interface RoofUse {
  readonly name: string;
  /** The instruction set of the limit; default: the best there is. */
  readonly instructions?: string;
  /** How much of it a unit of the case's work takes; default 1. */
  readonly perUnit?: number;
}

/** One who takes part in a case. */
export interface Participant {
  /** Distinct within the case. */
  readonly id: string;
  readonly host: Host;
  readonly task: Task;
  /** Results are held against each other within a group. Default: one group. */
  readonly group?: string;
  /** How many units of the case's work it does, if not the case's number. */
  readonly work?: number;
  /** The limits its speed is shown as a share of: the one that binds, which is the greatest share. */
  readonly roofs?: readonly RoofUse[];
  /** Runs in a process of its own, so that its memory is its own. */
  readonly alone?: boolean;
}

/** Something a case is to show. */
export type Goal =
  | {
      /** Time of `slow` over time of `fast`. */
      readonly kind: 'ratio';
      readonly slow: string;
      readonly fast: string;
      readonly atLeast?: number;
      readonly atMost?: number;
      readonly note?: string;
    }
  | { readonly kind: 'roofline'; readonly participant: string; readonly atLeast: number }
  | { readonly kind: 'fact'; readonly participant: string; readonly fact: string; readonly atMost: number }
  | {
      /** Exponent of the growth of a participant's time along the case's series. */
      readonly kind: 'exponent';
      readonly participant: string;
      readonly atMost: number;
    };

/** A computation that several participants do on the same data. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** What is compared and why it matters. */
  readonly about: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly participants: readonly Participant[];
  /** What is counted, and how much of it one run does: for speeds and shares of the roofline. */
  readonly work: { readonly unit: string; readonly amount: number };
  /** Greatest relative difference between results that passes for equal; 0 means the same bits. */
  readonly tolerance: number;
  readonly goals: readonly Goal[];
  /** The case is one point of a series. */
  readonly series?: { readonly name: string; readonly axis: string; readonly value: number };
  /** Whole programs that take minutes: the run whose result is compared is the one that is timed, and there is no other. */
  readonly once?: boolean;
  /** Only with `--large`: needs much memory and disk. */
  readonly large?: boolean;
}
