import { type GraphRunOptions, graphTraining } from '../problems/graph-task.js';
import type { LearningPlot } from '../results/plot.js';
import { numberCell, type Table } from '../results/table.js';
import { compact, plural } from '../text/format.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import {
  type AtHorizon,
  atEnd,
  HORIZONS,
  type Learners,
  LIMIT_SLOPE,
  type Quantity,
  valueAt,
} from './figure-2-runs.js';
import { figure2Verdicts } from './figure-2-verdicts.js';
import { describeRuns } from './runs.js';

/** Sizes of the experiment. */
export interface Figure2Size {
  /** Runs of the learner that overfits at each H, one a seed. */
  readonly seeds: number;
  /** Runs of the calibrated learner at each H, for the limits. */
  readonly calibrated: number;
  /** Steps of the learner that overfits. */
  readonly steps: number;
  readonly calibratedSteps: number;
  /** Validation prompts of each class. */
  readonly validation: number;
}

const SIZES: Readonly<Record<'full' | 'quick', Figure2Size>> = {
  full: { seeds: 16, calibrated: 4, steps: 3000, calibratedSteps: 3000, validation: 512 },
  quick: { seeds: 4, calibrated: 3, steps: 1000, calibratedSteps: 1500, validation: 128 },
};

/** Figure 2: on the graph task KL at convergence grows with the horizon, Cov_16 does not. */
export const figure2: Experiment = {
  name: 'figure-2',
  title: 'KL at convergence grows with the horizon, Cov_16 does not',
  source: 'Figure 2',
  run: (context) => runFigure2(context, context.quick ? SIZES.quick : SIZES.full),
};

/** {@link figure2} at any size. */
export async function runFigure2(
  { seed, threads, signal, progress }: Omit<ExperimentContext, 'quick'>,
  size: Figure2Size,
): Promise<Outcome> {
  const perHorizon = size.seeds + size.calibrated;
  const runs = HORIZONS.flatMap((H) =>
    Array.from({ length: perHorizon }, (_, run) =>
      // Seeds of runs are apart from those of any other seed of the experiment.
      run < size.seeds ? overfitting(H, seed * 1000 + run, size) : calibrated(H, seed * 1000 + run - size.seeds, size),
    ),
  );
  const results = await graphTraining(runs, {
    ...(signal && { signal }),
    ...(threads !== undefined && { threads }),
    onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0, `training of ${runs.length} models`),
  });
  const horizons = (from: number, to: number) =>
    HORIZONS.map((H, at) => ({ H, runs: results.slice(at * perHorizon + from, at * perHorizon + to) }));
  const learners = { overfitting: horizons(0, size.seeds), calibrated: horizons(size.seeds, perHorizon) };
  return {
    verdicts: figure2Verdicts(learners),
    summary: [
      [
        `Linear models on the graph task with H in {${HORIZONS.join(', ')}}, ${size.seeds} seeds each. In 5% of the prompts half of ` +
          'the layers have a choice whose rule no feature shows: each costs at least log 2 of KL, but all of them together ' +
          'are one event for Cov_16.',
      ],
      [
        'Beside what sees the graph, the features are conjunctions of names, and training goes through a training set in ' +
          `epochs (${EXAMPLES} prompts, 5% of them with such choices): the choices are learned by heart, and KL on new prompts ` +
          `is above that of the calibrated learner, ${plural(size.calibrated, 'further run')} without such features at each H.`,
      ],
      [
        'At H = 8 the calibrated learner is at the edge: it gives a path of the 5% the probability 2^(−H/2) = 1/16, which ' +
          'just counts at N = 16. What is learned by heart moves some of these paths to either side.',
      ],
    ],
    tables: [table(learners)],
    plots: [
      plot(learners.overfitting, 'kl'),
      plot(learners.overfitting, 'coverage'),
      plot(learners.overfitting, 'ratio'),
      endPlot(learners),
    ],
  };
}

/** Prompts of the training set: few enough to be learned by heart. */
const EXAMPLES = 4096;
const MEASURE = { N: [16], pass: [16] };

/**
 * A learner with features of names beside those that see the graph, on a training set. The latter are small, so that it
 * takes a while to find paths at all; a ball as large as this does not bind, which would weigh on long graphs most.
 */
export function overfitting(
  H: number,
  seed: number,
  { steps, validation }: Pick<Figure2Size, 'steps' | 'validation'>,
): GraphRunOptions {
  const features = { kind: 'structural' as const, scale: 0.3, conjunctions: { bits: 16, scale: 30 } };
  return {
    task: { figure: 'figure-2', layers: H, validation, seed, features, radius: 500 },
    stages: [
      {
        procedure: 'sgd',
        stepSize: 0.05,
        batchSize: 16,
        examples: EXAMPLES,
        steps,
        checkpoints: checkpointsUpTo(steps),
      },
    ],
    measure: MEASURE,
    seed,
  };
}

/** A learner with features that see the graph, on fresh prompts. Its prompts share their probabilities: a few will do. */
function calibrated(H: number, seed: number, { calibratedSteps: steps }: Figure2Size): GraphRunOptions {
  // A short memory of squares: gradients shrink a thousandfold on the way.
  const procedure = { kind: 'adam', beta2: 0.99 } as const;
  return {
    task: { figure: 'figure-2', layers: H, validation: 16, seed },
    stages: [{ procedure, stepSize: 0.03, steps, checkpoints: [steps] }],
    measure: MEASURE,
    seed,
  };
}

/** About 20 steps, denser at the beginning. */
function checkpointsUpTo(steps: number): number[] {
  const count = 20;
  const all = Array.from({ length: count }, (_, at) => Math.round(steps ** ((at + 1) / count)));
  return [0, ...new Set(all)];
}

/** Medians of values, one list of runs a point, with the paper's bands. */
function medians(points: readonly (readonly number[])[]) {
  const runs = points.map(describeRuns);
  return { values: runs.map(({ median }) => median), intervals: runs.map(({ band }) => band) };
}

const LABELS: Readonly<Record<Quantity, { title: string; label: string }>> = {
  kl: { title: 'KL over the steps of training', label: 'KL (nats)' },
  coverage: { title: 'Cov_16 over the steps of training', label: 'Cov_16' },
  ratio: { title: 'KL over Cov_16', label: 'KL / Cov_16 (nats)' },
};

function plot(horizons: readonly AtHorizon[], quantity: Quantity): LearningPlot {
  const { title, label } = LABELS[quantity];
  const first = horizons[0]!.runs[0]!;
  return {
    kind: 'learning',
    id: `figure-2-${quantity}`,
    title: `Figure 2: ${title}`,
    caption: 'Median over seeds; bands from the 1/16 to the 15/16 quantile.',
    description: `${label} over the steps of training for H in ${HORIZONS.join(', ')}.`,
    label,
    scale: 'log10',
    stepScale: 'log10',
    narrow: true,
    steps: first.checkpoints.map(({ step }) => step),
    curves: horizons.map(({ H, runs }) => {
      const values = first.checkpoints.map((_, at) => runs.map((run) => valueAt(run, at, quantity)));
      return { name: `H = ${H}`, ...medians(values) };
    }),
  };
}

/** KL and Cov_16 at the end of training against H. */
function endPlot({ overfitting, calibrated }: Learners): LearningPlot {
  const ends = overfitting.map((each) => atEnd(each, 'kl'));
  return {
    kind: 'learning',
    id: 'figure-2-end',
    title: 'Figure 2: KL and Cov_16 at the end of training',
    caption: 'Median over seeds; bands from the 1/16 to the 15/16 quantile. Dashed: KL of the calibrated learner.',
    description: `KL and Cov_16 at the end of training against H in ${HORIZONS.join(', ')}.`,
    label: 'KL (nats), Cov_16',
    stepLabel: 'H',
    narrow: true,
    steps: HORIZONS,
    curves: [
      { name: 'KL', ...medians(ends) },
      { name: 'Cov_16', ...medians(overfitting.map((each) => atEnd(each, 'coverage'))) },
      { name: 'calibrated', values: medians(calibrated.map((each) => atEnd(each, 'kl'))).values, dashed: true },
    ],
  };
}

function table({ overfitting, calibrated }: Learners): Table {
  const median = (values: readonly number[]) => describeRuns(values).median;
  const column = (label: string) => ({ label, align: 'right' as const });
  return {
    caption: 'Figure 2 at the end of training: median over seeds',
    columns: [
      { label: 'H', name: true },
      column('KL (nats)'),
      column('Cov_16'),
      column('KL / Cov_16'),
      column('Pass@16'),
      column('KL, calibrated'),
      column('its limit'),
      column('Cov_16, calibrated'),
    ],
    rows: overfitting.map((each, at) => [
      { text: String(each.H), sort: each.H },
      numberCell(median(atEnd(each, 'kl')), compact),
      numberCell(median(atEnd(each, 'coverage')), compact),
      numberCell(median(atEnd(each, 'ratio')), compact),
      numberCell(median(each.runs.map((run) => run.checkpoints.at(-1)!.measures.all.pass[0]!)), compact),
      numberCell(median(atEnd(calibrated[at]!, 'kl')), compact),
      numberCell(LIMIT_SLOPE * each.H, compact),
      numberCell(median(atEnd(calibrated[at]!, 'coverage')), compact),
    ]),
  };
}
