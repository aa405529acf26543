import { describe, expect, test } from 'vitest';
import { selectCheckpoint } from '../src/index.js';
import {
  bestOfN,
  concatFeatures,
  countCorrect,
  DataDistribution,
  exactMeasures,
  exactPassAtN,
  functionFeatures,
  grid,
  LinearModel,
  listedPolicy,
  mixture,
  Responses,
  responsesToVisit,
  sample,
  scoreResponses,
  sparseTableFeatures,
  sumFeatures,
  sweep,
  sweepCsv,
  sweepTable,
  Training,
  tableFeatures,
  train,
} from '../src/linear.js';

const [prompts, horizon, vocabulary, dim] = [2, 3, 3, 4];

/** Features that differ in every coordinate, with norms below 1. */
const features = functionFeatures({
  by: 'prefix',
  prompts,
  horizon,
  vocabulary,
  dim,
  phi: (prompt, tokens) => {
    const seed = tokens.reduce((sum, token) => 7 * sum + token + 1, prompt + 1);
    return Array.from({ length: dim }, (_, index) => 0.5 * Math.sin(seed * (index + 1)));
  },
});
const star = new LinearModel(features, [0.6, -0.5, 0.4, 0.3]);
const data = DataDistribution.from({ prompts, policy: star });

describe('feature maps', () => {
  test('a table, a function and sparse rows of the same features are the same map', async () => {
    const phi = (prompt: number, tokens: readonly number[]) => [prompt + 1, tokens.length, (tokens.at(-1) ?? 0) - 1];
    const layout = { by: 'promptPosition', prompts, horizon, vocabulary, dim: 3 } as const;
    const values: number[] = [];
    for (let prompt = 0; prompt < prompts; prompt += 1) {
      for (let position = 0; position < horizon; position += 1) {
        for (let token = 0; token < vocabulary; token += 1) {
          values.push(...phi(prompt, [...new Array(position).fill(0), token]));
        }
      }
    }
    const maps = [
      functionFeatures({ ...layout, phi }),
      tableFeatures({ ...layout, values: Float64Array.from(values) }),
      sparseTableFeatures({
        ...layout,
        coordinates: Uint32Array.from(values, (_, index) => index % 3),
        values: Float64Array.from(values),
        ends: Uint32Array.from({ length: values.length / 3 }, (_, index) => 3 * (index + 1)),
      }),
    ];
    const responses = Responses.from([
      { prompt: 0, tokens: [0, 1, 2] },
      { prompt: 1, tokens: [2, 2] },
    ]);
    const logProbs = await Promise.all(maps.map((map) => new LinearModel(map, [0.1, 0.2, 0.3]).logProbs(responses)));
    for (const { bound } of maps) expect(bound).toBeCloseTo(Math.hypot(2, 3, 1), 12);
    for (const each of logProbs) {
      each.forEach((value, index) => {
        expect(value).toBeCloseTo(logProbs[0]![index]!, 12);
      });
    }
  });

  test('sums and concatenations', async () => {
    const responses = Responses.from([{ prompt: 1, tokens: [0, 2, 1] }]);
    const both = concatFeatures([features, features]);
    expect(both.dim).toBe(2 * dim);
    expect(both.bound).toBeCloseTo(Math.SQRT2 * features.bound, 12);
    const theta = [0.1, -0.2, 0.3, 0.4];
    const side = await new LinearModel(both, [...theta, ...theta]).logProbs(responses);
    const added = await new LinearModel(sumFeatures([features, features]), theta).logProbs(responses);
    expect(side[0]).toBeCloseTo(added[0]!, 12);
    expect(() => concatFeatures([])).toThrow(/at least one/);
    const narrow = tableFeatures({ by: 'prompt', prompts, vocabulary, dim: 1, values: new Float64Array(6) });
    expect(() => sumFeatures([features, narrow])).toThrow(expect.objectContaining({ code: 'ERR_SHAPE_MISMATCH' }));
  });

  test.each([
    ['another number of values', { values: new Float64Array(5) }, 'ERR_SHAPE_MISMATCH', /has 6 values, not 5/],
    ['NaN', { values: Float64Array.from([0, 0, Number.NaN, 0, 0, 0]) }, 'ERR_INVALID_OPTION', /NaN/],
    ['norm above B', { values: new Float64Array(6).fill(2), bound: 1 }, 'ERR_INVALID_OPTION', /above the bound B = 1/],
    ['no bound', { values: new Float64Array(6), bound: -1 }, 'ERR_INVALID_OPTION', /bound: /],
    ['unknown key', { values: new Float64Array(6), horizon: 2 }, 'ERR_INVALID_OPTION', /horizon/],
    ['a list', { values: [1, 2] as never }, 'ERR_INVALID_OPTION', /values: must be a Float64Array/],
  ])('refused: %s', (_, options, code, message) => {
    const make = () => tableFeatures({ by: 'prompt', prompts: 2, vocabulary: 3, dim: 1, ...options });
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test('a function at fault is named with prompt and tokens', () => {
    const make = (phi: () => number[]) => () =>
      functionFeatures({ by: 'position', horizon: 2, vocabulary: 2, dim: 2, phi });
    expect(make(() => [1])).toThrow(/phi\(0, \[0\]\) returned 1 values, not 2/);
    expect(make(() => [1, Number.POSITIVE_INFINITY])).toThrow(/phi\(0, \[0\]\) has Infinity at index 1/);
    const huge = () =>
      functionFeatures({ by: 'prefix', prompts: 1, horizon: 40, vocabulary: 2, dim: 1, phi: () => [0] });
    expect(huge).toThrow(expect.objectContaining({ code: 'ERR_TOO_LARGE' }));
  });
});

describe('responses', () => {
  const list = [
    { prompt: 1, tokens: [0, 1] },
    { prompt: 0, tokens: [2] },
    { prompt: 1, tokens: [] },
  ];

  test('come back as they were', () => {
    const responses = Responses.from(list);
    expect([...responses]).toEqual(list);
    expect([...responses.slice(1)]).toEqual(list.slice(1));
    expect(responses.splitByResponse(Float64Array.of(1, 2, 3)).map((part) => [...part])).toEqual([[1, 2], [3], []]);
    expect(() => responses.at(3)).toThrow(/no response 3/);
  });

  test('prompts and tokens are whole numbers', () => {
    expect(() => Responses.from([{ prompt: 0, tokens: [1.5] }])).toThrow(/Response 0 has 1.5/);
    expect(() => Responses.from([{ prompt: -1, tokens: [] }])).toThrow(/Response 0 has -1/);
    const arrays = { prompts: Uint32Array.of(0), tokens: Uint32Array.of(1, 2), horizon: 3 };
    expect(() => Responses.fromArrays(arrays)).toThrow(expect.objectContaining({ code: 'ERR_SHAPE_MISMATCH' }));
  });

  test('that do not fit a model are named', async () => {
    await expect(
      star.logProbs(
        Responses.from([
          { prompt: 0, tokens: [0] },
          { prompt: 9, tokens: [0] },
        ]),
      ),
    ).rejects.toMatchObject({ code: 'ERR_SHAPE_MISMATCH', place: { response: '1' } });
    await expect(star.logProbs(Responses.from([]))).rejects.toMatchObject({ code: 'ERR_NO_RESPONSES' });
  });
});

describe('policies and measures', () => {
  test('a listed policy and a mixture', async () => {
    const sure = listedPolicy(2, [{ prompt: 0, tokens: [1, 0], probability: 1 }]);
    const even = listedPolicy(2, [
      { prompt: 0, tokens: [1, 0], probability: 0.5 },
      { prompt: 0, tokens: [0, 1], probability: 0.5 },
    ]);
    const responses = Responses.from([
      { prompt: 0, tokens: [1, 0] },
      { prompt: 0, tokens: [0, 1] },
    ]);
    expect([...(await sure.logProbs(responses))]).toEqual([0, Number.NEGATIVE_INFINITY]);
    const mixed = await mixture([sure, even], [1, 1]).logProbs(responses);
    expect(mixed[0]).toBeCloseTo(Math.log(0.75), 12);
    const against = DataDistribution.from({ prompts: 1, policy: even });
    expect(responsesToVisit(against, sure)).toBe(1);
    const measures = await exactMeasures(against, sure, { N: [1, 4] });
    expect(measures).toMatchObject({ kl: null, crossEntropy: null, logWMax: null, coverage: [0.5, 0.5] });
    expect(measures.uncoveredMass).toBeCloseTo(0.5, 12);
    expect(() => listedPolicy(2, [{ prompt: 0, tokens: [1], probability: 0.4 }])).toThrow(/sum to 0.4/);
  });

  test('inequalities of the paper hold of exact measures', async () => {
    const model = new LinearModel(features, [-0.6, 0.5, -0.4, 0.3]);
    const N = [1.2, 1.5, 2, 4];
    const { coverage, kl, squaredHellinger } = await exactMeasures(data, model, { N });
    N.forEach((each, index) => {
      expect(coverage[index]).toBeLessThanOrEqual(kl! / (Math.log(each) - 1 + 1 / each) + 1e-12);
      expect(coverage[index]).toBeLessThanOrEqual(((2 * each) / (Math.sqrt(each) - 1) ** 2) * squaredHellinger + 1e-12);
    });
    await expect(exactMeasures(data, model, { maxResponses: 3 })).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' });
  });

  test('the first of many draws are those of few, and another shard has others', async () => {
    const [few, many, other] = await Promise.all([
      data.sample(10, { seed: 3 }),
      data.sample(600, { seed: 3 }),
      data.sample(10, { seed: 3, shard: 4 }),
    ]);
    expect([...many.slice(0, 10)]).toEqual([...few]);
    expect([...other]).not.toEqual([...few]);
    await expect(data.sample(0)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION', place: { field: 'count' } });
  });
});

describe('training', () => {
  const options = {
    features,
    data,
    procedure: 'normalizedSgd',
    stepSize: 0.05,
    batchSize: 4,
    steps: 60,
    seed: 11,
    validation: { heldOut: 300, exact: true, every: 10, N: [1.5, 2] },
    checkpoints: { every: 20 },
    average: true,
  } as const;

  test('train, select, decode', async () => {
    const run = await train(options);
    expect(run.history.map(({ step }) => step)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(run.history.at(-1)!.exact!.kl).toBeLessThan(run.history[0]!.exact!.kl!);
    expect(run.logProbs!.models).toEqual(['step-20', 'step-40', 'step-60']);
    const choice = await selectCheckpoint(run.logProbs!, { N: [1.5], replicates: 50 });
    const model = run.checkpoint(choice.tournaments[0]!.winner);
    const best = await bestOfN(model, {
      prompts,
      N: 4,
      reward: ({ tokens }) => tokens.filter((each) => each === 1).length,
    });
    expect(best.responses.count).toBe(prompts);
    expect(JSON.parse(JSON.stringify(run)).checkpoints).toHaveLength(3);
    expect(() => run.checkpoint('step-1')).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_MODEL' }));
    const last = await scoreResponses({ last: run.model }, await data.sample(300, { seed: 11 }));
    expect([...last.row('last')]).toEqual([...run.logProbs!.row('step-60')]);
  });

  test('the same bits at any number of threads', async () => {
    const runs = await Promise.all([1, 2, 3, 8].map((threads) => train({ ...options, threads })));
    for (const run of runs) {
      expect([...run.theta]).toEqual([...runs[0]!.theta]);
      expect(run.history).toEqual(runs[0]!.history);
      expect([...run.logProbs!.row(2)]).toEqual([...runs[0]!.logProbs!.row(2)]);
    }
    const models = [1, 3].map((threads) => sample(runs[0]!.model, { prompts: [0, 1, 1, 0], threads }));
    const [one, three] = await Promise.all(models);
    expect([...one!.responses]).toEqual([...three!.responses]);
  });

  test.each([1, 20, 33])('resumed at step %i it is the run that was not interrupted', async (until) => {
    const whole = await train(options);
    const first = await Training.create([options]);
    const [paused] = await first.run({ until });
    expect(paused!.stopped).toBe('paused');
    const second = await Training.create([{ ...options, state: first.state() }]);
    const [resumed] = await second.run();
    expect([...resumed!.theta]).toEqual([...whole.theta]);
    expect([...resumed!.averageTheta!]).toEqual([...whole.averageTheta!]);
    expect(resumed!.history).toEqual(whole.history);
    expect([...resumed!.logProbs!.row(0)]).toEqual([...whole.logProbs!.row(0)]);
    // A result is of its time: what came after does not show in it.
    expect(paused!.step).toBe(until);
    await first.run();
    expect(paused!.logProbs?.models.length ?? 0).toBe(Math.floor(until / 20));
    await expect(Training.create([{ ...options, seed: 12, state: first.state() }])).rejects.toThrow(/another run/);
    await expect(Training.create([{ ...options, state: new Uint8Array(9) }])).rejects.toMatchObject({
      code: 'ERR_MALFORMED_FILE',
    });
  });

  test('an abort leaves a run that can go on', async () => {
    const long = { ...options, steps: 400_000, checkpoints: { every: 0 }, validation: {}, average: false };
    const training = await Training.create([long]);
    const controller = new AbortController();
    const running = training.run({
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(training.run()).rejects.toThrow(/running: await it first/);
    await expect(running).rejects.toThrow('enough');
    const [result] = training.results();
    expect(result!.step).toBeGreaterThan(0);
    expect(result!.stopped).toBe('paused');
    const [after] = await training.run({ until: result!.step + 5 });
    expect(after!.step).toBe(result!.step + 5);
  });

  test('theory chooses from the enumerated inherent variance', async () => {
    const run = await train({ ...options, stepSize: 'theory', checkpoints: { every: 20, theta: false } });
    expect(run.theory).toMatchObject({ horizon, steps: 60, radius: 1, featureBound: features.bound });
    expect(run.theory!.stepSize).toBeLessThanOrEqual(1 / (128 * features.bound));
    expect(() => run.checkpoint('step-20')).toThrow(/do not keep θ/);
    const responses = await data.sample(20);
    const set = { features, data: responses, stepSize: 'theory' as const };
    await expect(train(set)).rejects.toMatchObject({ place: { field: 'stepSize.inherentVariance' } });
  });

  const few = Responses.from([{ prompt: 0, tokens: [0, 1, 2] }]);
  test.each([
    ['η = 0', { stepSize: 0 }, /stepSize: .*>0/],
    ['η < 0 in a schedule', { stepSize: { kind: 'cosine', value: -1 } }, /stepSize\.value: .*>0/],
    ['η NaN', { stepSize: Number.NaN }, /stepSize: /],
    ['unknown key', { learningRate: 1 }, /learningRate/],
    ['unknown key inside', { procedure: { kind: 'adam', beta3: 1 } }, /procedure: .*beta3/],
    ['no steps', { steps: undefined }, /how many steps/],
    ['batch larger than the data', { data: few, batchSize: 2 }, /larger than the data set of 1/],
    ['batch of token SGD', { procedure: 'tokenSgd' }, /batch size is 1/],
    ['horizon', { data: Responses.from([{ prompt: 0, tokens: [0, 0, 0, 0] }]), batchSize: 1 }, /horizon is 3/],
    ['θ0 of another length', { theta0: [1, 2] }, /theta has 2 coordinates/],
    ['N below 1', { validation: { N: [0.5] } }, /validation\.N\.0: N must be at least 1/],
    ['drawing from a data set', { data: few, batchSize: 1, validation: { heldOut: 5 } }, /give the responses/],
    ['exact without a distribution', { data: few, batchSize: 1, validation: { exact: true } }, /DataDistribution/],
    ['teacher missing', { data: few, batchSize: 1, procedure: 'truncatedSgd' }, /needs a teacher/],
    ['radius', { constraint: { kind: 'ball', radius: -1 } }, /constraint\.radius/],
  ])('refused: %s', async (_, change, message) => {
    const changed = { ...options, ...(change as object) };
    if ('steps' in changed && changed.steps === undefined) Reflect.deleteProperty(changed, 'steps');
    if ('data' in change && !('validation' in change)) Object.assign(changed, { validation: {} });
    await expect(train(changed)).rejects.toMatchObject({
      name: 'CoverageError',
      code: expect.stringMatching(/ERR_INVALID_OPTION|ERR_SHAPE_MISMATCH/),
      message: expect.stringMatching(message),
    });
  });

  test('all problems are listed at once, those of several runs with the run', async () => {
    const wrong = { ...options, stepSize: -1, batchSize: 0 };
    await expect(train(wrong)).rejects.toMatchObject({
      problems: [{ path: 'stepSize' }, { path: 'batchSize' }].map((each) => expect.objectContaining(each)),
    });
    const runs = [options, { ...options, theta0: [1] }];
    await expect(Training.create(runs)).rejects.toMatchObject({ place: { field: 'runs[1].theta0' } });
  });
});

describe('sweeps', () => {
  const axes = { stepSize: [0.02, 0.1], seed: [0, 1, 2] } as const;
  const run = ({ stepSize, seed }: { stepSize: number; seed: number }) => ({
    features,
    data,
    stepSize,
    seed,
    steps: 30,
    validation: { heldOut: 100, exact: true, N: [2] },
  });

  test('the same table at any number of threads, each run as if alone', async () => {
    expect(grid(axes).slice(0, 2)).toEqual([
      { stepSize: 0.02, seed: 0 },
      { stepSize: 0.02, seed: 1 },
    ]);
    const [one, four] = await Promise.all([1, 4].map((threads) => sweep({ axes, run, threads })));
    expect(one!.map(({ result }) => result.name)[5]).toBe('stepSize=0.1,seed=2');
    expect(sweepTable(four!)).toEqual(sweepTable(one!));
    expect(sweepTable(one!).columns).toEqual([
      'stepSize',
      'seed',
      'step',
      'stopped',
      'crossEntropy',
      'kl',
      'Cov_2',
      'exact crossEntropy',
      'exact kl',
      'exact Cov_2',
    ]);
    expect(sweepCsv(one!).split('\r\n')).toHaveLength(8);
    const alone = await train(run({ stepSize: 0.1, seed: 1 }));
    expect([...one![4]!.result.theta]).toEqual([...alone.theta]);
  });

  test('an axis without values is refused', async () => {
    await expect(sweep({ axes: { seed: [] }, run: () => run({ stepSize: 1, seed: 0 }) })).rejects.toThrow(/axes\.seed/);
  });
});

describe('decoding', () => {
  const model = new LinearModel(features, [0.1, 0.2, -0.3, 0.4]);

  test('log-probabilities of samples are those of the model, for test-time training, too', async () => {
    for (const policy of [model, model.testTime({ stepSize: 0.3 })]) {
      const drawn = await sample(policy, { prompts: [0, 1, 0, 1], seed: 1 });
      const again = await policy.logProbs(drawn.responses);
      drawn.logProbs.forEach((value, index) => {
        expect(value).toBeCloseTo(again[index]!, 12);
      });
    }
    expect(() => model.testTime({ stepSize: -1 })).toThrow(/stepSize/);
    expect(() => new LinearModel(features, [9, 0, 0, 0]).testTime({ stepSize: 0.1 })).toThrow(/outside the constraint/);
  });

  test('a reward in TypeScript chooses what the same reward in Rust chooses', async () => {
    const accepted = Responses.from([
      { prompt: 0, tokens: [0, 1, 2] },
      { prompt: 0, tokens: [1, 1, 1] },
      { prompt: 1, tokens: [2, 0, 0] },
    ]);
    const keys = new Set([...accepted].map(({ prompt, tokens }) => `${prompt}:${tokens}`));
    const common = { prompts: Array.from({ length: 50 }, (_, index) => index % 2), N: 6, seed: 9 };
    const built = await bestOfN(model, { ...common, reward: { accepted } });
    const own = await bestOfN(model, {
      ...common,
      reward: ({ prompt, tokens }) => (keys.has(`${prompt}:${tokens}`) ? 1 : 0),
    });
    expect([...own.responses]).toEqual([...built.responses]);
    expect([...own.rewards]).toEqual([...built.rewards]);
    expect([...own.logProbs]).toEqual([...built.logProbs]);
    const counts = await countCorrect(model, {
      ...common,
      samples: 6,
      isCorrect: ({ prompt, tokens }) => keys.has(`${prompt}:${tokens}`),
    }).catch((error: unknown) => error);
    expect(counts).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    const { N: _, ...draws } = common;
    const right = await countCorrect(model, {
      ...draws,
      samples: 6,
      isCorrect: ({ prompt, tokens }) => keys.has(`${prompt}:${tokens}`),
    });
    expect(right.map((count) => (count > 0 ? 1 : 0))).toEqual([...built.rewards]);
  });

  test('Pass@N by enumeration agrees with its formula, and the adversarial reward holds PD.7', async () => {
    const accepted = Responses.from([
      { prompt: 0, tokens: [0, 0, 0] },
      { prompt: 1, tokens: [2, 2, 2] },
    ]);
    const exact = await exactPassAtN(data, model, { N: [1, 8], reward: { accepted } });
    const probabilities = (await model.logProbs(accepted)).map(Math.exp);
    [1, 8].forEach((N, index) => {
      const mean = probabilities.reduce((sum, p) => sum + 1 - (1 - p) ** N, 0) / 2;
      expect(exact.passAtN[index]).toBeCloseTo(mean, 12);
    });
    const N = [1, 2];
    const far = new LinearModel(features, [-6, 5, -4, -3]);
    const adversarial = await exactPassAtN(data, far, { N, reward: { adversarial: data.policy } });
    const { coverage } = await exactMeasures(data, far, { N: N.map((each) => 2 * each) });
    N.forEach((_, index) => {
      const gap = adversarial.targetReward[index]! - adversarial.passAtN[index]!;
      expect(gap).toBeGreaterThanOrEqual(0.5 * coverage[index]! - 1e-12);
    });
    expect(coverage[0]).toBeGreaterThan(0);
  });

  test('rewards and prompts that make no sense are refused', async () => {
    const run = (change: object) => bestOfN(model, { prompts: 2, N: 2, reward: () => 1, ...change });
    await expect(run({ reward: () => Number.NaN })).rejects.toThrow(/prompt 0 is NaN/);
    await expect(run({ reward: 3 })).rejects.toThrow(/reward: must be a function/);
    await expect(run({ N: 0 })).rejects.toThrow(/N: /);
    await expect(run({ prompts: [7] })).rejects.toMatchObject({ code: 'ERR_SHAPE_MISMATCH' });
    await expect(run({ horizon: 9 })).rejects.toMatchObject({ code: 'ERR_SHAPE_MISMATCH' });
    const reward = () => {
      throw new Error('mine');
    };
    await expect(run({ reward })).rejects.toThrow('mine');
  });
});
