import { compact } from '../report/format.js';
import { numberCell, type Table } from '../report/table.js';
import { coverageAt, LEFT_N, PASS_N, passAt, type Seed } from './figure-1-checkpoints.js';
import { correlations } from './figure-1-verdicts.js';
import type { LearningPlot, Plot, ScatterPlot } from './plot.js';
import { median, range } from './statistics.js';

/** The left panel, and six right ones: Pass@N against Cov_{N/2} and against KL, of the first seed. */
export function figure1Plots(seeds: readonly Seed[]): Plot[] {
  const first = seeds[0]!;
  return [
    ...leftPanel(seeds),
    ...PASS_N.flatMap((N, at) => [scatter(first, N, at, 'coverage'), scatter(first, N, at, 'kl')]),
  ];
}

function leftPanel(seeds: readonly Seed[]): LearningPlot[] {
  const { checkpoints, stageStarts } = seeds[0]!.run;
  const last = checkpoints.length - 1;
  const start = stageStarts[1]!;
  const steps = checkpoints.map(({ step }) => step);
  const curve = (name: string, value: (seed: Seed, at: number) => number, [from, to] = [0, last]) => {
    const values = steps.map((_, at) => seeds.map((seed) => value(seed, at))).slice(from, to + 1);
    return { name, values: values.map(median), intervals: values.map(range) };
  };
  const coverageCurve = (N: number, between?: [number, number]) =>
    curve(`Cov_${N}`, ({ run }, at) => coverageAt(run.checkpoints[at]!, N), between);
  // What turns does so in the first tenth of fine-tuning.
  const turn: [number, number] = [
    checkpoints.findIndex(({ stage }) => stage === 1),
    steps.findLastIndex((step) => step <= start + (steps[last]! - start) / 10),
  ];
  const common = {
    kind: 'learning' as const,
    steps,
    caption: `Fine-tuning starts at step ${start}. Median and range over ${seeds.length} seeds.`,
  };
  return [
    {
      ...common,
      id: 'figure-1-kl',
      title: 'Figure 1, left: KL over the steps of training',
      description: `KL divergence over steps; fine-tuning starts at step ${start}.`,
      label: 'KL (nats)',
      scale: 'log10',
      curves: [curve('KL', ({ run }, at) => run.checkpoints[at]!.measures.all.kl!)],
    },
    {
      ...common,
      id: 'figure-1-coverage',
      title: 'Figure 1, left: Cov_N over the steps of training',
      description: `Cov_N for N in ${LEFT_N.join(', ')} over steps; fine-tuning starts at step ${start}.`,
      label: 'Cov_N',
      curves: LEFT_N.map((N) => coverageCurve(N)),
    },
    {
      ...common,
      id: 'figure-1-turn',
      title: 'Figure 1, left: Cov_N at the beginning of fine-tuning',
      caption: `The first tenth of fine-tuning, where Cov_N turns up. Median and range over ${seeds.length} seeds.`,
      description: `Cov_N for N above 2 over the first tenth of fine-tuning, which starts at step ${start}.`,
      label: 'Cov_N',
      steps: steps.slice(turn[0], turn[1] + 1),
      curves: LEFT_N.filter((N) => N > 2).map((N) => coverageCurve(N, turn)),
    },
  ];
}

function scatter({ fineTuning, picks }: Seed, N: number, at: number, against: 'coverage' | 'kl'): ScatterPlot {
  const x = against === 'kl' ? 'KL (nats)' : `Cov_${N / 2}`;
  const correlation = correlations(fineTuning, N)[against];
  const name = (index: number) => `step ${fineTuning[index]!.step}`;
  const ranks = correlation === null ? 'none, as one does not vary' : compact(correlation);
  return {
    kind: 'scatter',
    id: `figure-1-pass-${N}-${against}`,
    title: `Figure 1, right: Pass@${N} against ${x}`,
    caption: `One point a fine-tuning checkpoint, first seed. Rank correlation of Pass@${N} with its negative: ${ranks}.`,
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
export function figure1Table({ run }: Seed): Table {
  return {
    caption: 'Figure 1: checkpoints of the first seed',
    columns: [
      { label: 'step', name: true },
      { label: 'KL (nats)', align: 'right' },
      ...LEFT_N.map((N) => ({ label: `Cov_${N}`, align: 'right' as const })),
      ...PASS_N.map((N) => ({ label: `Pass@${N}`, align: 'right' as const })),
    ],
    rows: run.checkpoints.map((checkpoint) => [
      { text: String(checkpoint.step) },
      numberCell(checkpoint.measures.all.kl, compact),
      ...LEFT_N.map((N) => numberCell(coverageAt(checkpoint, N), compact)),
      ...PASS_N.map((N) => numberCell(passAt(checkpoint, N), compact)),
    ]),
  };
}
