import type { LearningPlot, Plot, ScatterPlot } from '../results/plot.js';
import { numberCell, type Table } from '../results/table.js';
import { compact } from '../text/format.js';
import { coverageAt, LEFT_N, PASS_N, passAt, type Seed } from './figure-1-checkpoints.js';
import { correlations } from './figure-1-verdicts.js';
import { describeRuns } from './runs.js';

/** The left panel, and six right ones: Pass@N against Cov_{N/2} and against KL, of the first seed. */
export function figure1Plots(seeds: readonly Seed[]): Plot[] {
  const first = seeds[0]!;
  return [
    ...leftPanel(seeds),
    ...PASS_N.flatMap((N, at) => [scatter(first, N, at, 'coverage'), scatter(first, N, at, 'kl')]),
  ];
}

/** Steps of fine-tuning at the checkpoints. */
function fineTuningSteps({ fineTuning }: Seed): number[] {
  return fineTuning.map(({ step }) => step - fineTuning[0]!.step);
}

function leftPanel(seeds: readonly Seed[]): LearningPlot[] {
  const steps = fineTuningSteps(seeds[0]!);
  const curve = (name: string, value: (seed: Seed, at: number) => number) => {
    const runs = steps.map((_, at) => describeRuns(seeds.map((seed) => value(seed, at))));
    return { name, values: runs.map(({ median }) => median), intervals: runs.map(({ range }) => range) };
  };
  const common = {
    kind: 'learning' as const,
    steps,
    stepLabel: 'step of fine-tuning',
    stepScale: 'log10' as const,
    narrow: true,
    caption: `Median and range over ${seeds.length} seeds; the axis of steps is logarithmic, so that the turn is seen.`,
  };
  return [
    {
      ...common,
      id: 'figure-1-kl',
      title: 'Figure 1, left: KL in fine-tuning',
      description: 'KL divergence over the steps of fine-tuning.',
      label: 'KL (nats)',
      curves: [curve('KL', ({ fineTuning }, at) => fineTuning[at]!.measures.all.kl!)],
    },
    {
      ...common,
      id: 'figure-1-coverage',
      title: 'Figure 1, left: Cov_N in fine-tuning',
      description: `Cov_N for N in ${LEFT_N.join(', ')} over the steps of fine-tuning.`,
      label: 'Cov_N',
      scale: 'log10',
      curves: LEFT_N.map((N) => curve(`Cov_${N}`, ({ fineTuning }, at) => coverageAt(fineTuning[at]!, N))),
    },
  ];
}

function scatter(seed: Seed, N: number, at: number, against: 'coverage' | 'kl'): ScatterPlot {
  const { fineTuning, picks } = seed;
  const steps = fineTuningSteps(seed);
  const x = against === 'kl' ? 'KL (nats)' : `Cov_${N / 2}`;
  const correlation = correlations(fineTuning, N)[against];
  const name = (index: number) => `step ${steps[index]!}`;
  const ranks = correlation === null ? 'none, as one does not vary' : compact(correlation, 3);
  return {
    kind: 'scatter',
    id: `figure-1-pass-${N}-${against}`,
    title: `Figure 1, right: Pass@${N} against ${against === 'kl' ? 'KL' : x}`,
    caption: `One point a fine-tuning checkpoint, first seed. Rank correlation of Pass@${N} with −${against === 'kl' ? 'KL' : x}: ${ranks}.`,
    x,
    y: `Pass@${N}`,
    points: fineTuning.map((each, index) => ({
      name: name(index),
      x: against === 'kl' ? each.measures.all.kl! : coverageAt(each, N / 2),
      y: passAt(each, N),
    })),
    picks: [
      { criterion: 'tournament', name: name(picks.tournament[at]!) },
      { criterion: 'least KL', name: name(picks.leastKl) },
      { criterion: 'least cross-entropy', name: name(picks.leastCrossEntropy) },
    ],
  };
}

/** Checkpoints of a run in numbers. */
export function figure1Table(seed: Seed): Table {
  const steps = fineTuningSteps(seed);
  return {
    caption: 'Figure 1: checkpoints of fine-tuning, first seed',
    columns: [
      { label: 'step', name: true },
      { label: 'KL (nats)', align: 'right' },
      ...LEFT_N.map((N) => ({ label: `Cov_${N}`, align: 'right' as const })),
      ...PASS_N.map((N) => ({ label: `Pass@${N}`, align: 'right' as const })),
    ],
    rows: seed.fineTuning.map((checkpoint, at) => [
      { text: String(steps[at]), sort: steps[at]! },
      numberCell(checkpoint.measures.all.kl, compact),
      ...LEFT_N.map((N) => numberCell(coverageAt(checkpoint, N), compact)),
      ...PASS_N.map((N) => numberCell(passAt(checkpoint, N), compact)),
    ]),
  };
}
