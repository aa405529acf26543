import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DataDistribution, functionFeatures, LinearModel, Training, train } from '../src/linear.js';
import { Memo } from '../src/memo.js';
import { namedProblem } from '../src/problems/named-problem.js';
import { OutputFolder } from '../src/training/output.js';
import { prepareTraining } from '../src/training/prepare.js';
import { runPrepared } from '../src/training/run.js';
import type { TrainConfig } from '../src/training/schema.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-stages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const features = functionFeatures({
  by: 'prefix',
  prompts: 2,
  horizon: 3,
  vocabulary: 3,
  dim: 4,
  phi: (prompt, tokens) => {
    const seed = tokens.reduce((sum, token) => 7 * sum + token + 1, prompt + 1);
    return Array.from({ length: 4 }, (_, index) => 0.5 * Math.sin(seed * (index + 1)));
  },
});
const of = (theta: number[]) => DataDistribution.from({ prompts: 2, policy: new LinearModel(features, theta) });
const [first, second] = [of([0.6, -0.5, 0.4, 0.3]), of([-0.2, 0.7, 0.1, 0.5])];

describe('stages', () => {
  const own = { features, data: second, steps: 40, seed: 5, stepSize: 0.2 } as const;
  const before = { data: first, procedure: 'adam', steps: 30, stepSize: 0.05, batchSize: 2 } as const;
  const run = { ...own, before: [{ ...before, checkpoints: [0, 30] }], checkpoints: { steps: [0, 40] } } as const;

  test('are what runs one after the other are', async () => {
    // Stages before the run's own draw from streams far from its own.
    const alone = await train({ ...before, features, seed: 5, run: 2 ** 32 });
    const after = await train({ ...own, theta0: alone.theta });
    const whole = await train(run);
    expect(whole.theta).toEqual(after.theta);
    expect({ steps: whole.steps, starts: whole.stageStarts }).toEqual({ steps: 70, starts: [0, 30] });
    expect(whole.checkpoints.map(({ name }) => name)).toEqual(['step-0', 'step-30', 'step-30-again', 'step-70']);
    expect(whole.checkpoint('step-30').theta).toEqual(alone.theta);
    expect(whole.checkpoint('step-70').theta).toEqual(whole.theta);
    expect(whole.toJSON()).toMatchObject({ stageStarts: [0, 30] });
    expect(after.toJSON()).not.toHaveProperty('stageStarts');
  });

  test('go on from a saved state to the same bits, whatever stage it is of', async () => {
    const whole = await train(run);
    for (const until of [10, 30, 55]) {
      const half = await Training.create([run]);
      await half.run({ until });
      const rest = await Training.create([{ ...run, state: half.state() }]);
      const [result] = await rest.run();
      expect(result!.theta).toEqual(whole.theta);
    }
  });

  test('are named where they are at fault', async () => {
    const wrong = { ...own, before: [{ ...before, steps: undefined }] };
    await expect(train(wrong)).rejects.toMatchObject({ place: { field: 'before[0].steps' } });
    const late = { ...own, before: [{ ...before, checkpoints: [31] }] };
    await expect(train(late)).rejects.toMatchObject({ place: { field: 'before[0].checkpoints' } });
  });

  test('are part of a configuration: the graph task, then policy gradient on other weights of its classes', async () => {
    const task = { layers: 2, validation: 8 };
    const graph = (weights: number[]) => ({
      kind: 'problem',
      name: 'graph',
      options: { ...task, weights },
      heldOut: 64,
    });
    const config = {
      data: graph([1, 0, 0]),
      training: {
        procedure: { kind: 'policyGradient', rollouts: 4 },
        stepSize: 0.5,
        batchSize: 8,
        steps: 60,
        before: [{ data: graph([1, 1, 1]), stepSize: 0.8, batchSize: 16, steps: 150, checkpoints: [0, 150] }],
      },
      validation: { every: 30 },
    } as TrainConfig;
    const prepared = await prepareTraining(config);
    const [result] = await runPrepared(prepared, null, {});
    const { weights: _, ...rest } = { ...task, weights: [] };
    const { validation } = namedProblem({ name: 'graph', ...rest, weights: [1, 0, 0] });
    const held = await validation.sample(200, { seed: 1 });
    const likelihood = async (model: LinearModel) => {
      const logProbs = await model.logProbs(held);
      return logProbs.reduce((sum, each) => sum + Math.exp(each), 0) / held.count;
    };
    const start = await likelihood(result!.checkpoint('step-0'));
    const taught = await likelihood(result!.checkpoint('step-150'));
    const rewarded = await likelihood(result!.model);
    expect(taught).toBeGreaterThan(start + 0.2);
    // The right path of one class alone is worth a reward now.
    expect(rewarded).toBeGreaterThan(taught + 0.15);
    const output = new OutputFolder(join(folder, 'graph'));
    await output.writeConfig(prepared, config);
    await output.writeResults(prepared, [result!], config);
  });
});

test('what is shared is made once: data by value, objects of classes and functions by identity', async () => {
  const memo = new Memo();
  let made = 0;
  const once = (...on: unknown[]) => memo.once(on, async () => (made += 1));
  const [one, other] = [new Float64Array(2), new Float64Array(2)];
  const f = () => 0;
  expect(await once('a', { b: [1] }, one, f)).toBe(1);
  expect(await once('a', { b: [1] }, one, f)).toBe(1);
  expect(await once('a', { b: [2] }, one, f)).toBe(2);
  expect(await once('a', { b: [1] }, other, f)).toBe(3);
  expect(await once('a', { b: [1] }, one, () => 0)).toBe(4);
});
