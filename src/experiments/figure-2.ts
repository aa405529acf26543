import { type GraphRun, graphTraining } from '../problems/graph-task.js';
import type { Verdict } from '../report/experiment/verdict.js';
import { compact } from '../report/format.js';
import { numberCell, type Table } from '../report/table.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import type { LearningPlot } from './plot.js';
import { median, quantile, slope } from './statistics.js';

const SOURCE = 'Figure 2';
const HORIZONS = [8, 16, 24] as const;
/** Weight of the class whose choices cannot be learned. */
const HARD = 0.05;
/** KL of the calibrated learner a layer: half of the layers have a choice, each costs log 2. */
const SLOPE = (HARD * Math.LN2) / 2;
/** How far a limit may be off at the end of training. */
const TOLERANCE = 0.05;

/** A short memory of squares: gradients shrink a thousandfold on the way. */
const ADAM = { kind: 'adam', beta2: 0.99 } as const;

const SIZES = {
  full: { seeds: 16, steps: 3000, validation: 64 },
  quick: { seeds: 4, steps: 1500, validation: 16 },
} as const;

/** Figure 2: on the graph task KL at convergence grows with the horizon, Cov_16 does not. */
export const figure2: Experiment = {
  name: 'figure-2',
  title: 'KL at convergence grows with the horizon, Cov_16 does not',
  source: SOURCE,
  run: (context) => runFigure2(context, context.quick ? SIZES.quick : SIZES.full),
};

/** The runs of one H, one a seed. */
interface AtHorizon {
  readonly H: number;
  readonly runs: readonly GraphRun[];
}

/** {@link figure2} at any size. */
export async function runFigure2(
  { seed, threads, signal, progress }: Omit<ExperimentContext, 'quick'>,
  { seeds, steps, validation }: { readonly seeds: number; readonly steps: number; readonly validation: number },
): Promise<Outcome> {
  const runs = HORIZONS.flatMap((H) =>
    Array.from({ length: seeds }, (_, run) => ({
      task: { figure: 'figure-2' as const, layers: H, validation, seed },
      stages: [{ procedure: ADAM, stepSize: 0.03, steps, checkpoints: checkpointsUpTo(steps) }],
      measure: { N: [16], pass: [16] },
      // Seeds of training are apart from those of any other seed of the experiment.
      seed: seed * 1000 + run,
    })),
  );
  const results = await graphTraining(runs, {
    ...(signal && { signal }),
    ...(threads !== undefined && { threads }),
    onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0, `training of ${runs.length} models`),
  });
  const horizons = HORIZONS.map((H, at) => ({ H, runs: results.slice(at * seeds, (at + 1) * seeds) }));
  return {
    verdicts: [klVerdict(horizons), coverageVerdict(horizons), ratioVerdict(horizons), ...limitVerdicts(horizons)],
    summary: [
      [
        `Linear models on the graph task with H in {${HORIZONS.join(', ')}}, ${seeds} seeds each. In 5% of the prompts half of the ` +
          'layers have a choice whose rule no feature shows: each costs log 2 of KL, but all of them together are one ' +
          'event for Cov_16. At H = 8 the calibrated learner is at the edge, 2^(H/2) = N = 16. Without such a feature ' +
          'there is nothing to overfit: seeds hardly differ, and the bands are thinner than those of the paper.',
      ],
    ],
    tables: [table(horizons)],
    plots: [plot(horizons, 'kl'), plot(horizons, 'coverage'), plot(horizons, 'ratio')],
  };
}

/** About 20 steps, denser at the beginning. */
function checkpointsUpTo(steps: number): number[] {
  const count = 20;
  const all = Array.from({ length: count }, (_, at) => Math.round(steps ** ((at + 1) / count)));
  return [0, ...new Set(all)];
}

type Quantity = 'kl' | 'coverage' | 'ratio';

function valueAt(run: GraphRun, checkpoint: number, quantity: Quantity): number {
  const { kl, coverage } = run.checkpoints[checkpoint]!.measures.all;
  // θ is bounded and finite: no path has probability 0.
  if (quantity === 'kl') return kl!;
  return quantity === 'coverage' ? coverage[0]! : kl! / coverage[0]!;
}

function atEnd({ runs }: AtHorizon, quantity: Quantity): number[] {
  return runs.map((run) => valueAt(run, run.checkpoints.length - 1, quantity));
}

/** The paper's band. */
function band(values: readonly number[]): [number, number] {
  return [quantile(values, 1 / 16), quantile(values, 15 / 16)];
}

function near(value: number, predicted: number): boolean {
  return Math.abs(value - predicted) <= TOLERANCE * predicted;
}

function klVerdict(horizons: readonly AtHorizon[]): Verdict {
  const ends = horizons.map((each) => atEnd(each, 'kl'));
  const slopes = ends[0]!.map((_, run) =>
    slope(
      HORIZONS,
      ends.map((values) => values[run]!),
    ),
  );
  return {
    claim: 'KL at convergence grows linearly in H: slope in nats a layer (median over seeds)',
    source: SOURCE,
    predicted: SLOPE,
    measured: median(slopes),
    interval: band(slopes),
    holds: near(median(slopes), SLOPE),
  };
}

function coverageVerdict(horizons: readonly AtHorizon[]): Verdict {
  const ends = horizons.map((each) => median(atEnd(each, 'coverage')));
  const all = horizons.flatMap((each) => atEnd(each, 'coverage'));
  return {
    claim: 'Cov_16 at convergence is the weight of the class that cannot be learned at every H (median over all runs)',
    source: SOURCE,
    predicted: HARD,
    measured: median(all),
    interval: band(all),
    holds: ends.every((value) => near(value, HARD)),
  };
}

function ratioVerdict(horizons: readonly AtHorizon[]): Verdict {
  const [short, , long] = horizons.map((each) => atEnd(each, 'ratio'));
  const growth = long!.map((value, run) => value / short![run]!);
  const predicted = HORIZONS[2] / HORIZONS[0];
  return {
    claim: `KL over Cov_16 grows with H: from H = ${HORIZONS[0]} to H = ${HORIZONS[2]} by the factor (median over seeds)`,
    source: SOURCE,
    predicted,
    measured: median(growth),
    interval: band(growth),
    holds: near(median(growth), predicted),
  };
}

function limitVerdicts(horizons: readonly AtHorizon[]): Verdict[] {
  return horizons.map((each): Verdict => {
    const ends = atEnd(each, 'kl');
    const predicted = SLOPE * each.H;
    return {
      claim: `KL of the calibrated learner at H = ${each.H}, 0.05 · (H/2) · log 2 (median over seeds)`,
      source: 'Appendix C',
      predicted,
      measured: median(ends),
      interval: band(ends),
      holds: near(median(ends), predicted),
    };
  });
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
    scale: quantity === 'coverage' ? 'linear' : 'log10',
    steps: first.checkpoints.map(({ step }) => step),
    curves: horizons.map(({ H, runs }) => {
      const values = first.checkpoints.map((_, at) => runs.map((run) => valueAt(run, at, quantity)));
      return { name: `H = ${H}`, values: values.map(median), intervals: values.map(band) };
    }),
  };
}

function table(horizons: readonly AtHorizon[]): Table {
  return {
    caption: 'Figure 2 at the end of training: median over seeds',
    columns: [
      { label: 'H', name: true },
      { label: 'KL (nats)', align: 'right' },
      { label: 'Cov_16', align: 'right' },
      { label: 'KL / Cov_16', align: 'right' },
      { label: 'Pass@16', align: 'right' },
    ],
    rows: horizons.map((each) => [
      { text: String(each.H) },
      numberCell(median(atEnd(each, 'kl')), compact),
      numberCell(median(atEnd(each, 'coverage')), compact),
      numberCell(median(atEnd(each, 'ratio')), compact),
      numberCell(median(each.runs.map((run) => run.checkpoints.at(-1)!.measures.all.pass[0]!)), compact),
    ]),
  };
}
