import { describe, expect, it } from 'vitest';
import { runFigure1 } from '../src/experiments/figure-1.js';
import { runFigure2 } from '../src/experiments/figure-2.js';
import { bootstrapInterval, mean, rankCorrelation, slope } from '../src/experiments/statistics.js';
import { GraphTask, graphTraining } from '../src/problems/graph-task.js';
import { plotFigure } from '../src/report/charts/plot.js';

const context = { seed: 0, signal: undefined, progress: () => undefined };

describe('figure-1', () => {
  const size = {
    seeds: 2,
    calibrated: 1,
    preTraining: 500,
    fineTuning: 1500,
    validation: 64,
    heldOut: 1000,
    checkpoints: 12,
  };

  it('shows what the paper shows, at any number of threads', async () => {
    const one = await runFigure1({ ...context, threads: 1 }, size);
    const two = await runFigure1({ ...context, threads: 2 }, size);
    expect(two).toEqual(one);
    const holds = (start: string) => one.verdicts.find(({ claim }) => claim.startsWith(start))?.holds;
    expect(holds('KL falls throughout')).toBe(true);
    expect(holds('Cov_4 turns up')).toBe(true);
    expect(holds('Cov_2 turns up')).toBe(null);
    expect(holds('Cov_6 predicts Pass@12 better')).toBe(true);
    expect(holds("The tournament's pick has the better Pass@12")).toBe(true);
    for (const plot of one.plots) expect(plotFigure(plot).id).toBe(plot.id);
  }, 60_000);
});

describe('figure-2', () => {
  it('shows what the paper shows, at any number of threads', async () => {
    const size = { seeds: 2, calibrated: 1, steps: 400, calibratedSteps: 1500, validation: 32 };
    const one = await runFigure2({ ...context, threads: 1 }, size);
    expect(await runFigure2({ ...context, threads: 2 }, size)).toEqual(one);
    const verdict = (start: string) => one.verdicts.find(({ claim }) => claim.startsWith(start))!;
    expect(verdict('KL at convergence grows in H at least').holds).toBe(true);
    expect(verdict('Cov_16 at convergence is bounded').holds).toBe(true);
    expect(verdict('Cov_16 at convergence does not move with H: from H = 16 to 24').holds).toBe(true);
    expect(verdict('KL over Cov_16 grows').measured).toBeGreaterThan(1.5);
    // Half of the layers have a choice in 5% of the prompts; the calibrated learner pays log 2 for each.
    expect(verdict('Calibrated learner: KL at H = 24').measured).toBeCloseTo(0.05 * 12 * Math.LN2, 2);
    expect(verdict('Calibrated learner: Cov_16 at H = 8').measured).toBeCloseTo(0.05, 6);
    for (const plot of one.plots) expect(plotFigure(plot).id).toBe(plot.id);
  }, 60_000);
});

describe('graph task', () => {
  it('exports prompts whose responses are paths of the prompt', async () => {
    const task = new GraphTask({ figure: 'figure-1', layers: 4, validation: 4, seed: 3 });
    expect(task.describe().horizon).toBe(6);
    const lines = (await task.jsonLines({ count: 5, first: 2 })).trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    for (const [at, line] of lines.entries()) {
      const { id, prompt, response, responses } = JSON.parse(line);
      expect(id).toBe(`train-${at + 2}`);
      const nodes: string[] = response.split(' ');
      expect(prompt.endsWith(`/ ${nodes[0]} ${nodes.at(-1)} =`)).toBe(true);
      for (const [index, node] of nodes.slice(1).entries()) expect(` ${prompt}`).toContain(` ${nodes[index]} ${node} `);
      const total = responses.reduce((sum: number, each: { probability: number }) => sum + each.probability, 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  it('names the run at fault, and stops when told to', async () => {
    const stages = [{ steps: 10, checkpoints: [11] }];
    await expect(graphTraining([{ stages }])).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      place: { field: 'runs[0].stages[0].checkpoints' },
    });
    const signal = AbortSignal.timeout(50);
    const long = graphTraining([{ task: { validation: 4 }, stages: [{ steps: 1_000_000 }] }], { signal });
    await expect(long).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('statistics of experiments', () => {
  it('ranks with ties, and fits a line', () => {
    expect(rankCorrelation([1, 2, 3], [10, 100, 1000])).toBeCloseTo(1, 12);
    expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5).
    expect(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBe(null);
    expect(slope([8, 16, 24], [1, 2, 3])).toBeCloseTo(1 / 8, 12);
  });

  it('resamples: a bootstrap interval of the mean has the width of its standard error', () => {
    const values = Array.from({ length: 100 }, (_, at) => (at * 37) % 100);
    const [low, high] = bootstrapInterval(values, mean, 0);
    // The standard deviation of 0 to 99 is 28.87, that of the mean 2.887.
    expect((high - low) / (2 * 1.96)).toBeGreaterThan(2.887 * 0.9);
    expect((high - low) / (2 * 1.96)).toBeLessThan(2.887 * 1.1);
    expect((low + high) / 2).toBeCloseTo(49.5, 0);
    expect(bootstrapInterval([3, 3, 3], mean, 0)).toEqual([3, 3]);
  });
});
