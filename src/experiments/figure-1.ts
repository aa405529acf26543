import { LogProbs } from '../log-probs/log-probs.js';
import { type GraphCheckpoint, type GraphRun, graphTraining } from '../problems/graph-task.js';
import { plural } from '../text/format.js';
import { tournament } from '../tournament/tournament.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { PASS_N, type Picks, type Seed } from './figure-1-checkpoints.js';
import { figure1Plots, figure1Table } from './figure-1-plots.js';
import { type Figure1RunSize, figure1Run, tournamentN } from './figure-1-training.js';
import { figure1Verdicts } from './figure-1-verdicts.js';

/** Sizes of the experiment. */
export interface Figure1Size extends Figure1RunSize {
  /** Runs of the learner whose probabilities vary from prompt to prompt, one a seed. */
  readonly seeds: number;
  /** Runs of the calibrated learner, for the limits. */
  readonly calibrated: number;
}

const SIZES: Readonly<Record<'full' | 'quick', Figure1Size>> = {
  full: {
    seeds: 12,
    calibrated: 4,
    preTraining: 2000,
    fineTuning: 6000,
    validation: 1024,
    heldOut: 4000,
    checkpoints: 30,
  },
  quick: {
    seeds: 4,
    calibrated: 3,
    preTraining: 1000,
    fineTuning: 2500,
    validation: 256,
    heldOut: 2000,
    checkpoints: 20,
  },
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
  // Seeds of runs are apart from those of any other seed of the experiment.
  const of = (learner: 'varied' | 'calibrated', count: number) =>
    Array.from({ length: count }, (_, run) =>
      figure1Run(learner, seed * 1000 + run, learner === 'varied' ? size : { ...size, heldOut: 0 }),
    );
  const runs = [...of('varied', size.seeds), ...of('calibrated', size.calibrated)];
  const results = await graphTraining(runs, {
    ...job,
    onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0, `training of ${runs.length} models`),
  });
  const fineTuningOf = (run: GraphRun) => run.checkpoints.filter(({ stage }) => stage === 1);
  const seeds: Seed[] = [];
  for (const run of results.slice(0, size.seeds)) {
    const fineTuning = fineTuningOf(run);
    seeds.push({ run, fineTuning, picks: await pick(run, fineTuning, job) });
  }
  return {
    verdicts: figure1Verdicts(seeds, results.slice(size.seeds).map(fineTuningOf)),
    summary: [
      [
        `Linear models on the graph task (8 layers, two of them with a choice), ${size.seeds} seeds: ${size.preTraining} steps ` +
          `of pre-training on three equal classes, then ${size.fineTuning} of fine-tuning on 0.9 and 0.1. KL, Cov_N and Pass@N ` +
          `are exact on ${size.validation} validation prompts a class, weighted as in fine-tuning.`,
      ],
      [
        'Beside what sees the graph, the features are conjunctions of names, and pre-training goes through a training set in ' +
          'epochs: what is learned of it by heart makes probabilities vary from prompt to prompt. The limits are those of ' +
          `${plural(size.calibrated, 'further run')} without such features, whose prompts all share two probabilities.`,
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

async function pick(
  run: GraphRun,
  fineTuning: readonly GraphCheckpoint[],
  job: { readonly signal?: AbortSignal; readonly threads?: number },
): Promise<Picks> {
  const names = fineTuning.map((_, at) => String(at));
  const logProbs = LogProbs.fromMatrix(run.logProbs, run.heldOutClasses.length, { models: names });
  const { tournaments, meanLogProbs } = await tournament(logProbs, { ...job, N: PASS_N.map(tournamentN) });
  const least = (values: readonly number[]) => values.indexOf(Math.min(...values));
  return {
    tournament: tournaments.map(({ winner }) => Number(winner)),
    // θ is bounded and finite: no path has probability 0.
    leastKl: least(fineTuning.map(({ measures }) => measures.all.kl!)),
    leastCrossEntropy: least(meanLogProbs.map((mean) => -mean!)),
  };
}
