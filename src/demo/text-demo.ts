import { FileStream } from '../input/file-stream.js';
import type { JobOptions } from '../job.js';
import type { TrainResult } from '../linear/train-result.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import type { SelectionResult } from '../selection/result.js';
import { selectCheckpoint } from '../selection/select.js';
import type { OutputFolder } from '../training/output.js';
import { prepareTraining } from '../training/prepare.js';
import { runPrepared } from '../training/run.js';
import type { TrainConfig } from '../training/schema.js';

/** Ratios N of the demonstration. */
const N = [2, 4, 16, 64];
const HORIZON = 32;
const BATCH_SIZE = 32;
const HELD_OUT = 0.03;
/** Checkpoints of each run. */
const CHECKPOINTS = 14;

/**
 * The demonstration on text: log-linear n-gram models of real text, trained by two procedures at two step sizes in one
 * pass over the text (`bytes` in all), checkpoints along the way.
 */
function textDemoConfig(files: readonly string[], bytes: number): TrainConfig {
  const steps = (bytes * (1 - HELD_OUT)) / (HORIZON * BATCH_SIZE);
  const every = Math.max(1, Math.floor(steps / CHECKPOINTS));
  return {
    title: 'A log-linear n-gram model of real text',
    data: { kind: 'text', files: [...files], horizon: HORIZON, context: 4, heldOut: HELD_OUT },
    features: { kind: 'ngram', order: 4, buckets: 4096, bound: 1 },
    training: {
      batchSize: BATCH_SIZE,
      constraint: { kind: 'ball', radius: 400 },
      seed: 1,
    },
    validation: { N, every },
    checkpoints: { every, theta: false },
    sweep: { 'training.procedure': ['sgd', 'normalizedSgd'], 'training.stepSize': [1, 10] },
  };
}

/** What the demonstration on text came to. */
export interface TextDemoResult {
  readonly results: readonly TrainResult[];
  readonly selection: SelectionResult;
}

/** Trains, writes everything to `output`, and selects among the checkpoints of all runs on the held-out text. */
export async function runTextDemo(
  files: readonly string[],
  output: OutputFolder,
  job: JobOptions,
): Promise<TextDemoResult> {
  const sizes = await Promise.all(files.map((file) => sizeOf(file)));
  const config = textDemoConfig(
    files,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  const prepared = await prepareTraining(config, job);
  await output.writeConfig(prepared, config);
  const results = await runPrepared(prepared, null, job);
  await output.writeResults(prepared, results, config);
  const selection = await selectCheckpoint(allCheckpoints(results), { ...job, N });
  return { results, selection };
}

async function sizeOf(file: string): Promise<number> {
  let size = 0;
  for await (const chunk of new FileStream(file).bytes()) size += chunk.length;
  return size;
}

/** The checkpoints of all runs, which share their held-out responses. */
function allCheckpoints(results: readonly TrainResult[]): LogProbs {
  const [first, ...rest] = results.map(({ logProbs }) => logProbs!);
  return rest.reduce((all, each) => all.stack(each), first!);
}
