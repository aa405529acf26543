import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { namedProblem, type ProblemOptions, problemNames } from '../src/experiments.js';
import {
  DataDistribution,
  estimateInherentVariance,
  exactMeasures,
  type FeatureMap,
  hiddenStateFeatures,
  inherentVariance,
  LinearModel,
  monteCarloMeasures,
  ngramFeatures,
  Responses,
  randomFeatures,
  readArray,
  tableFeatures,
  train,
} from '../src/linear.js';
import { npyPieces } from '../src/log-probs/npy.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-features-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const vocabulary = 3;
const responses = Responses.from([
  { prompt: 0, tokens: [0, 2, 1, 1] },
  { prompt: 1, tokens: [2, 2, 0] },
]);

function thetaFor({ dim }: FeatureMap): Float64Array {
  return Float64Array.from({ length: dim }, (_, index) => Math.sin(1 + index) / Math.sqrt(dim));
}

/** Gradients of sums of token log-probabilities by finite differences. */
async function numericalGradient(features: FeatureMap): Promise<number[][]> {
  const theta = thetaFor(features);
  const step = 1e-5;
  const columns = await Promise.all(
    [...theta.keys()].map(async (index) => {
      const at = (sign: number) => {
        const moved = Float64Array.from(theta);
        moved[index]! += sign * step;
        return new LinearModel(features, moved).logProbs(responses);
      };
      const [up, down] = await Promise.all([at(1), at(-1)]);
      return [...up].map((value, response) => (value - down[response]!) / (2 * step));
    }),
  );
  return Array.from({ length: responses.count }, (_, response) => columns.map((column) => column[response]!));
}

const prompts = { tokens: Uint32Array.of(1, 2, 0), lengths: Uint32Array.of(2, 1) };

describe.each([
  ['n-grams', ngramFeatures({ vocabulary, order: 2, buckets: 5, prompts })],
  ['n-grams without prompts', ngramFeatures({ vocabulary, order: 2, buckets: 9, bound: 2 })],
  ['random', randomFeatures({ vocabulary, horizon: 4, dim: 7, window: 2, prompts: 2, seed: 3 })],
  [
    'hidden states',
    hiddenStateFeatures({
      by: 'promptPosition',
      prompts: 2,
      horizon: 4,
      vocabulary,
      width: 2,
      states: Float64Array.from({ length: 16 }, (_, index) => Math.cos(index)),
    }),
  ],
])('%s', (_, features) => {
  test('gradients agree with finite differences', async () => {
    const gradients = await new LinearModel(features, thetaFor(features)).gradients(responses);
    const numerical = await numericalGradient(features);
    gradients.forEach((gradient, response) => {
      gradient.forEach((value, index) => {
        expect(Math.abs(value - numerical[response]![index]!)).toBeLessThan(1e-8);
      });
    });
  });

  test('training raises the likelihood, whatever the number of threads', async () => {
    const options = {
      features,
      data: responses,
      stepSize: 0.1,
      epochs: 20,
      constraint: { kind: 'ball', radius: 5 },
    } as const;
    const runs = await Promise.all([1, 3].map((threads) => train({ ...options, threads })));
    expect([...runs[1]!.theta]).toEqual([...runs[0]!.theta]);
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
    const before = await new LinearModel(features, new Float64Array(features.dim)).logProbs(responses);
    expect(mean(await runs[0]!.model.logProbs(responses))).toBeGreaterThan(mean(before));
  });
});

test('hidden states are the dense features e_y ⊗ h', async () => {
  const states = Float64Array.of(0.5, -1, 2, 0.25);
  const hidden = hiddenStateFeatures({ by: 'prompt', prompts: 2, vocabulary, width: 2, states });
  const values = new Float64Array(2 * vocabulary * 6);
  for (let prompt = 0; prompt < 2; prompt += 1) {
    for (let token = 0; token < vocabulary; token += 1) {
      for (let k = 0; k < 2; k += 1)
        values[(prompt * vocabulary + token) * 6 + token * 2 + k] = states[prompt * 2 + k]!;
    }
  }
  const dense = tableFeatures({ by: 'prompt', prompts: 2, vocabulary, dim: 6, values });
  const theta = thetaFor(dense);
  const [a, b] = await Promise.all([hidden, dense].map((each) => new LinearModel(each, theta).logProbs(responses)));
  a!.forEach((value, index) => {
    expect(value).toBeCloseTo(b![index]!, 12);
  });
});

test('sizes and prompts that make no sense are refused', () => {
  expect(() => ngramFeatures({ vocabulary, order: 17 })).toThrow(/order: /);
  expect(() => ngramFeatures({ vocabulary, prompts: { ...prompts, lengths: Uint32Array.of(1) } })).toThrow(/add up/);
  const high = { tokens: Uint32Array.of(7), lengths: Uint32Array.of(1) };
  expect(() => ngramFeatures({ vocabulary, prompts: high })).toThrow(/Prompt 0 has a token that is not/);
  expect(() => ngramFeatures({ vocabulary: 60_000, order: 9, buckets: 1_000_000 })).toThrow(/dim/);
  expect(() => randomFeatures({ vocabulary, horizon: 2, dim: 4, bandwidth: 0 })).toThrow(/bandwidth/);
});

describe('arrays from files', () => {
  test.each([[[4]], [[2, 3]], [[2, 2, 3]]])('of shape %j', async (shape) => {
    const values = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index / 7);
    const file = join(folder, `${shape.join('x')}.npy`);
    writeFileSync(file, Buffer.concat([...npyPieces(shape, [values.subarray(0, 1), values.subarray(1)])]));
    const read = await readArray(file);
    expect(read.shape).toEqual(shape);
    expect([...read.values]).toEqual([...values]);
  });

  test('in Fortran order', async () => {
    const header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }".padEnd(117);
    const prelude = Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1');
    const data = Buffer.from(Float32Array.of(1, 4, 2, 5, 3, 6).buffer);
    const file = join(folder, 'fortran.npy');
    writeFileSync(file, Buffer.concat([prelude, Buffer.from(`${header}\n`), data]));
    expect([...(await readArray(file)).values]).toEqual([1, 2, 3, 4, 5, 6]);
    const cube = header.replace('(2, 3)', '(1, 2, 3)').slice(0, 117);
    writeFileSync(file, Buffer.concat([prelude, Buffer.from(`${cube}\n`), data]));
    await expect(readArray(file)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_FILE' });
  });
});

describe('Monte Carlo', () => {
  const features = randomFeatures({ vocabulary, horizon: 3, dim: 5, seed: 1 });
  const star = new LinearModel(features, [0.5, -0.5, 0.4, 0.3, 0.2]);
  const data = DataDistribution.from({ prompts: 1, policy: star });
  const model = new LinearModel(features, [-3, 2, 3, -2, 1]);
  const N = [1.5, 2];

  test('intervals hold the exact measures', async () => {
    const [exact, estimates] = await Promise.all([
      exactMeasures(data, model, { N }),
      monteCarloMeasures(data, model, { N, samples: 20_000, confidence: 0.9999, seed: 4 }),
    ]);
    const holds = ({ interval }: { interval: readonly [number, number] | null }, value: number) => {
      expect(interval![0]).toBeLessThanOrEqual(value + 1e-9);
      expect(interval![1]).toBeGreaterThanOrEqual(value - 1e-9);
    };
    holds(estimates.kl, exact.kl!);
    holds(estimates.crossEntropy, exact.crossEntropy!);
    holds(estimates.squaredHellinger, exact.squaredHellinger);
    N.forEach((_, index) => {
      holds(estimates.coverage[index]!, exact.coverage[index]!);
      holds(estimates.stoppedKl[index]!, exact.stoppedKl[index]!);
      holds(estimates.eN[index]!, exact.eN[index]!);
    });
    expect(estimates.greatestLogRatio!).toBeLessThanOrEqual(exact.logWMax! + 1e-9);
    expect(estimates.logWMax).toMatchObject({ value: null, reason: expect.stringContaining('supremum') });
    expect(estimates.bandHalfWidth).toBeGreaterThan(0);
    holds(
      await estimateInherentVariance(data, features, { confidence: 0.9999 }),
      await inherentVariance(data, features),
    );
  });

  test('the same numbers at any number of threads', async () => {
    const runs = await Promise.all(
      [1, 2, 8].map((threads) => monteCarloMeasures(data, model, { N, samples: 3000, threads })),
    );
    for (const run of runs) expect(run).toEqual(runs[0]);
    await expect(monteCarloMeasures(data, model, { samples: 1 })).rejects.toThrow(/samples/);
  });
});

describe('named problems', () => {
  test.each(problemNames().map((name) => [name]))('%s has data and a class of models', async (name) => {
    // The classes of these two have 2^dim models, listed where that is few.
    const few = ['prop-4.1b', 'theorem-e.1'].includes(name) ? { dim: 3 } : {};
    const { data, validation, class: linear, models } = namedProblem({ name, ...few } as ProblemOptions);
    const drawn = await validation.sample(5);
    expect(drawn.count).toBe(5);
    const policies = linear ? [new LinearModel(linear.features, linear.theta0)] : Object.values(models());
    expect(policies.length).toBeGreaterThan(0);
    for (const policy of policies.slice(0, 3)) expect(await policy.logProbs(drawn)).toHaveLength(5);
    if (linear) {
      const run = await train({ ...linear, data, steps: 3, stepSize: 0.01, validation: { heldOut: 10 } });
      expect(run.history.at(-1)!.crossEntropy).toBeGreaterThan(0);
    }
  });

  test('θ* is π_D', async () => {
    const { data, class: linear, thetaStar } = namedProblem({ name: 'prop-i.1', horizon: 4 });
    const { kl } = await exactMeasures(data, new LinearModel(linear!.features, thetaStar!));
    expect(kl).toBeLessThan(1e-12);
  });

  test('prompts without end are too many to enumerate, said at once', async () => {
    const { data, class: linear } = namedProblem({ name: 'graph' });
    const model = new LinearModel(linear!.features, linear!.theta0);
    await expect(exactMeasures(data, model)).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' });
    expect(() => namedProblem({ name: 'prop-4.1b' }).models()).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE' }),
    );
    expect(() => namedProblem({ name: 'prop-9' } as never)).toThrow(/name: must be one of bernoulli, /);
  });
});
