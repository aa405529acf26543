import { figure1Run } from '../experiments/figure-1-training.js';
import type { JobOptions } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { type GraphCheckpoint, type GraphRun, graphTraining } from '../problems/graph-task.js';
import type { SelectionResult } from '../selection/result.js';
import { selectCheckpoint } from '../selection/select.js';

/** Budget K that the pick is for: samples a prompt. */
export const BEST_OF = 12;

/** Sizes of the demonstration. */
export interface GraphDemoSize {
  readonly preTraining: number;
  readonly fineTuning: number;
  /** Validation prompts of each class, for the truth. */
  readonly validation: number;
  /** Held-out responses, for the tournament. */
  readonly heldOut: number;
  readonly checkpoints: number;
}

const SIZE: GraphDemoSize = { preTraining: 2000, fineTuning: 6000, validation: 1024, heldOut: 4000, checkpoints: 25 };

/** What the demonstration came to. */
export interface GraphDemoResult {
  readonly run: GraphRun;
  /** The checkpoints of fine-tuning, in order, with their names in `selection`. */
  readonly checkpoints: readonly { readonly name: string; readonly checkpoint: GraphCheckpoint }[];
  /** Selection by held-out log-probabilities alone. */
  readonly selection: SelectionResult;
  /** Names of the picks. */
  readonly picks: {
    readonly tournament: string;
    readonly crossEntropy: string;
    /** Greatest exact Pass@N, which only someone who knows π_D could pick. */
    readonly oracle: string;
  };
}

/**
 * The paper's headline: a linear model is pre-trained and fine-tuned on the graph reasoning task; the tournament and
 * cross-entropy each pick a checkpoint by log-probabilities of held-out responses; exact Pass@N tells who was right.
 *
 * @throws the signal's reason when aborted
 */
export async function runGraphDemo(
  seed: number,
  { signal, threads, onProgress }: JobOptions,
  size: GraphDemoSize = SIZE,
): Promise<GraphDemoResult> {
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const [run] = await graphTraining([figure1Run('varied', seed, size)], { ...job, ...(onProgress && { onProgress }) });
  const { checkpoints: measured, heldOutClasses, stageStarts, logProbs } = run!;
  const checkpoints = measured.map((checkpoint) => ({ name: `step-${checkpoint.step - stageStarts[1]!}`, checkpoint }));
  const models = checkpoints.map(({ name }) => name);
  const selection = await selectCheckpoint(LogProbs.fromMatrix(logProbs, heldOutClasses.length, { models }), {
    ...job,
    bestOf: [BEST_OF],
    seed,
  });
  const oracle = checkpoints.reduce((best, each) => (passAtBudget(each) > passAtBudget(best) ? each : best));
  const picks = {
    tournament: selection.tournaments[0]!.winner,
    crossEntropy: selection.crossEntropy.winner,
    oracle: oracle.name,
  };
  return { run: run!, checkpoints, selection, picks };
}

function passAtBudget({ checkpoint: { measures } }: { readonly checkpoint: GraphCheckpoint }): number {
  return measures.all.pass[measures.passN.indexOf(BEST_OF)]!;
}
