import type { GraphRunOptions } from '../problems/graph-task.js';
import { LEFT_N, PASS_N } from './figure-1-checkpoints.js';

/** Cov_{N/2} of Pass@12 is measured beside the left panel's. */
const COVERAGE_N = [...LEFT_N, 6];
/** Pass@1 on a class is the probability of its path. */
const MEASURED_PASS = [1, ...PASS_N];

/** Sizes of a run. */
export interface Figure1RunSize {
  /** Steps of each stage. */
  readonly preTraining: number;
  readonly fineTuning: number;
  /** Validation prompts of each class. */
  readonly validation: number;
  readonly heldOut: number;
  /** Checkpoints of fine-tuning. */
  readonly checkpoints: number;
}

/**
 * Who learns: `varied` has features of names beside those that see the graph, and pre-trains on a training set, so that
 * its probabilities vary from prompt to prompt; `calibrated` has the latter only, so that all prompts share theirs.
 */
export type Figure1Learner = 'varied' | 'calibrated';

const BATCH_SIZE = 32;
/** Prompts of the training set of pre-training: few enough to be learned by heart in part. */
const EXAMPLES = 4096;
/** η at the beginning of pre-training and at its end. */
const PRE_TRAINING_STEP = { from: 0.5, to: 0.02 };
/** η of fine-tuning: smaller, as in the paper, so that there is a way to follow. */
const FINE_TUNING_STEP = { varied: 0.004, calibrated: 0.02 };

/** A run of Figure 1: pre-training on three equal classes, then fine-tuning on 0.9 and 0.1 of the first two. */
export function figure1Run(learner: Figure1Learner, seed: number, size: Figure1RunSize): GraphRunOptions {
  const { preTraining, fineTuning, validation, heldOut, checkpoints } = size;
  const stage = { procedure: 'sgd' as const, batchSize: BATCH_SIZE };
  const varied = learner === 'varied';
  return {
    task: {
      figure: 'figure-1',
      layers: 8,
      validation,
      seed,
      features: { kind: 'structural', ...(varied && { conjunctions: { bits: 16, scale: 4 } }) },
    },
    stages: [
      {
        ...stage,
        weights: [1, 1, 1],
        stepSize: { kind: 'linear', value: PRE_TRAINING_STEP.from, end: PRE_TRAINING_STEP.to },
        steps: preTraining,
        ...(varied && { examples: EXAMPLES }),
      },
      {
        ...stage,
        weights: [0.9, 0.1, 0],
        stepSize: FINE_TUNING_STEP[learner],
        steps: fineTuning,
        checkpoints: spread(fineTuning, checkpoints - 1),
      },
    ],
    measure: { N: COVERAGE_N, pass: MEASURED_PASS },
    heldOut,
    seed,
  };
}

/** 0 and `count` steps up to `steps`, denser at the beginning. */
function spread(steps: number, count: number): number[] {
  const all = Array.from({ length: count + 1 }, (_, at) => Math.round(steps * (at / count) ** 2));
  return [...new Set(all)];
}

/** At which N a tournament is held for Pass@N: Theorem 6.3 with a = ½ then bounds Cov_{N/2} of its pick. */
export function tournamentN(passN: number): number {
  return (passN / 2) ** (2 / 3);
}
