import { expect, test } from 'vitest';
import { runRlStart } from '../src/experiments/rl-start.js';
import { plotFigure } from '../src/report/charts/plot.js';

const context = { seed: 0, signal: undefined, progress: () => undefined };

// Most of a minute on two cores: run in the workflow's test jobs.
test.skipIf(!process.env['COVERAGE_TEST_ALL'])(
  'rl-start: policy gradient from checkpoints makes answers likelier, at any number of threads',
  async () => {
    const size = { seeds: 2, starts: 4, preTraining: 300, fineTuning: 600, validation: 16, heldOut: 300, steps: 60 };
    const one = await runRlStart({ ...context, threads: 1 }, size);
    expect(await runRlStart({ ...context, threads: 2 }, size)).toEqual(one);
    const picks = one.tables.find(({ caption }) => caption.startsWith('Figure 1: where to start'))!;
    const [before, after] = [3, 5];
    for (const row of picks.rows) expect(row[after]!.sort as number).toBeGreaterThan(row[before]!.sort as number);
    // The fewest rollouts are what no pick can undercut.
    const rollouts = picks.rows.map((row) => row[4]!.sort as number);
    expect(Math.min(...rollouts)).toBe(rollouts.at(-1));
    for (const plot of one.plots) expect(plotFigure(plot).id).toBe(plot.id);
  },
  120_000,
);
