import { describe, expect, it } from 'vitest';
import { runFigure1 } from '../src/experiments/figure-1.js';
import { runFigure2 } from '../src/experiments/figure-2.js';
import { describeRuns, rankCorrelation, runsVerdict } from '../src/experiments/runs.js';
import { GraphTask, graphTraining } from '../src/problems/graph-task.js';
import { plotFigure } from '../src/report/charts/plot.js';

const context = { seed: 0, signal: undefined, progress: () => undefined };

describe('figure-1', () => {
  const size = {
    seeds: 3,
    calibrated: 3,
    preTraining: 500,
    fineTuning: 1500,
    validation: 64,
    heldOut: 1000,
    checkpoints: 12,
  };

  it('is the same at any number of threads', async () => {
    const small = { ...size, preTraining: 200, fineTuning: 300, heldOut: 200 };
    const one = await runFigure1({ ...context, threads: 1 }, small);
    expect(await runFigure1({ ...context, threads: 2 }, small)).toEqual(one);
  }, 60_000);

  it('shows what the paper shows', async () => {
    const one = await runFigure1({ ...context, threads: undefined }, size);
    const holds = (start: string) => one.verdicts.find(({ claim }) => claim.startsWith(start))?.holds;
    expect(holds('KL falls throughout')).toBe(true);
    expect(holds('Cov_4 dips and turns up')).toBe(true);
    expect(holds('Cov_2')).toBeUndefined();
    expect(holds('Cov_6 predicts Pass@12 better')).not.toBe(false);
    expect(holds("The tournament's pick has the better Pass@12")).not.toBe(false);
    for (const plot of one.plots) expect(plotFigure(plot).id).toBe(plot.id);
  }, 60_000);
});

describe('figure-2', () => {
  const size = { seeds: 3, calibrated: 3, steps: 400, calibratedSteps: 1500, validation: 32 };

  it('is the same at any number of threads', async () => {
    const small = { ...size, seeds: 2, calibrated: 1, steps: 50, calibratedSteps: 150 };
    const one = await runFigure2({ ...context, threads: 1 }, small);
    expect(await runFigure2({ ...context, threads: 2 }, small)).toEqual(one);
  }, 60_000);

  it('shows what the paper shows', async () => {
    const one = await runFigure2({ ...context, threads: undefined }, size);
    const verdict = (start: string) => one.verdicts.find(({ claim }) => claim.startsWith(start))!;
    expect(verdict('KL at the end of training grows in H at least').holds).toBe(true);
    expect(verdict('Check of the construction: Cov_16').holds).toBe(true);
    expect(verdict('Cov_16 at the end of training does not move with H: from H = 16 to 24').measured).toBeCloseTo(1, 1);
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

describe('values that come one a run', () => {
  it('ranks with ties', () => {
    expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5).
    expect(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
    expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBe(null);
  });

  it('holds a claim against the whole interval of the mean', () => {
    expect(describeRuns([3, 1, 2])).toEqual({ mean: 2, median: 2, band: [1.125, 2.875], range: [1, 3] });
    const claim = { claim: 'c', source: 's', relation: 'atLeast', value: 0.5 } as const;
    expect(runsVerdict({ ...claim, values: [0.9, 1, 1.1] })).toMatchObject({ holds: true, predicted: '≥ 0.5' });
    expect(runsVerdict({ ...claim, values: [0.1, 1, 1.9] })).toMatchObject({ holds: null });
    expect(runsVerdict({ ...claim, values: [0.1, 0.1, 0.1] })).toMatchObject({ holds: false, measured: 0.1 });
  });
});
