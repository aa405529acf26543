import { LogProbs } from '../log-probs/log-probs.js';
import { type GraphCheckpoint, type GraphRun, type GraphRunOptions, graphTraining } from '../problems/graph-task.js';
import { tournament } from '../tournament/tournament.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { LEFT_N, PASS_N, type Picks, type Seed } from './figure-1-checkpoints.js';
import { figure1Plots, figure1Table } from './figure-1-plots.js';
import { figure1Verdicts } from './figure-1-verdicts.js';

/** Cov_{N/2} of Pass@12 is measured beside the left panel's. */
const COVERAGE_N = [...LEFT_N, 6];
/** Pass@1 on a class is the probability of its path. */
const MEASURED_PASS = [1, ...PASS_N];

/** Sizes of the experiment. */
export interface Figure1Size {
  /** Runs, one a seed. */
  readonly seeds: number;
  readonly preTraining: number;
  readonly fineTuning: number;
  /** Validation prompts of each class. */
  readonly validation: number;
  readonly heldOut: number;
}

const SIZES: Readonly<Record<'full' | 'quick', Figure1Size>> = {
  full: { seeds: 8, preTraining: 2000, fineTuning: 6000, validation: 128, heldOut: 4000 },
  quick: { seeds: 3, preTraining: 1000, fineTuning: 2500, validation: 32, heldOut: 2000 },
};

/** Figure 1: in fine-tuning KL falls to the end while Cov_N turns up again, and Pass@N follows Cov_N. */
export const figure1: Experiment = {
  name: 'figure-1',
  title: 'KL falls to the end, Cov_N turns up again, and Pass@N follows Cov_N',
  source: 'Figure 1',
  run: (context) => runFigure1(context, context.quick ? SIZES.quick : SIZES.full),
};

/** {@link figure1} at any size. */
export async function runFigure1(
  { seed, threads, signal, progress }: Omit<ExperimentContext, 'quick'>,
  size: Figure1Size,
): Promise<Outcome> {
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const runs = Array.from({ length: size.seeds }, (_, run) => runOptions(seed, run, size));
  const results = await graphTraining(runs, {
    ...job,
    onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0, `training of ${runs.length} models`),
  });
  const seeds: Seed[] = [];
  for (const run of results) {
    const fineTuning = run.checkpoints.filter(({ stage }) => stage === 1);
    seeds.push({ run, fineTuning, picks: await pick(run, fineTuning, job) });
  }
  return {
    verdicts: figure1Verdicts(seeds),
    summary: [
      [
        `A linear model on the graph task (8 layers, two of them with a choice), ${size.seeds} seeds: ${size.preTraining} steps of ` +
          `pre-training on three equal classes, then ${size.fineTuning} of fine-tuning on 0.9 and 0.1. KL, Cov_N and Pass@N are ` +
          'exact on the validation prompts, weighted as in fine-tuning.',
      ],
      [
        'The tournament sees the log-probabilities of held-out responses alone. For Pass@N it is held at (N/2)^(2/3): ' +
          'Theorem 6.3 with a = ½ then bounds Cov_{N/2} of its pick.',
      ],
    ],
    tables: [figure1Table(seeds[0]!)],
    plots: figure1Plots(seeds),
  };
}

function runOptions(
  seed: number,
  run: number,
  { preTraining, fineTuning, validation, heldOut }: Figure1Size,
): GraphRunOptions {
  const stage = { procedure: 'sgd' as const, batchSize: 32 };
  return {
    task: { figure: 'figure-1', layers: 8, validation, seed },
    stages: [
      {
        ...stage,
        weights: [1, 1, 1],
        stepSize: { kind: 'linear', value: PRE_TRAINING_STEP, end: FINE_TUNING_STEP },
        steps: preTraining,
        checkpoints: spread(preTraining, 10, 2).slice(0, -1),
      },
      {
        ...stage,
        weights: [0.9, 0.1, 0],
        stepSize: FINE_TUNING_STEP,
        steps: fineTuning,
        checkpoints: spread(fineTuning, 28, 3),
      },
    ],
    measure: { N: COVERAGE_N, pass: MEASURED_PASS },
    heldOut,
    // Seeds of training are apart from those of any other seed of the experiment.
    seed: seed * 1000 + run,
  };
}

/** η at the beginning of pre-training; it falls to that of fine-tuning. */
const PRE_TRAINING_STEP = 0.5;
/** η of fine-tuning: smaller, as in the paper, so that there is a way to follow. */
const FINE_TUNING_STEP = 0.02;

/** 0 and `count` steps up to `steps`, the denser at the beginning the greater `power`. */
function spread(steps: number, count: number, power: number): number[] {
  const all = Array.from({ length: count + 1 }, (_, at) => Math.round(steps * (at / count) ** power));
  return [...new Set(all)];
}

async function pick(
  run: GraphRun,
  fineTuning: readonly GraphCheckpoint[],
  job: { readonly signal?: AbortSignal; readonly threads?: number },
): Promise<Picks> {
  const responses = run.heldOutClasses.length;
  const skipped = run.checkpoints.length - fineTuning.length;
  const names = fineTuning.map((_, at) => String(at));
  const logProbs = LogProbs.fromMatrix(run.logProbs.slice(skipped * responses), responses, { models: names });
  const { tournaments, meanLogProbs } = await tournament(logProbs, {
    ...job,
    N: PASS_N.map((N) => (N / 2) ** (2 / 3)),
  });
  const least = (values: readonly number[]) => values.indexOf(Math.min(...values));
  return {
    tournament: tournaments.map(({ winner }) => Number(winner)),
    // θ is bounded and finite: no path has probability 0.
    leastKl: least(fineTuning.map(({ measures }) => measures.all.kl!)),
    leastCrossEntropy: least(meanLogProbs.map((mean) => -mean!)),
  };
}
