import { describe, expect, test } from 'vitest';
import {
  DataDistribution,
  exactMeasures,
  functionFeatures,
  inherentVariance,
  LinearModel,
  maximumLikelihood,
  type Procedure,
  Responses,
  sample,
  train,
  truncationWeights,
} from '../src/linear.js';
import { hasShared, readVectors } from './shared.js';

interface Trained {
  eta: number;
  batch?: number;
  lambda?: number;
  N?: number;
  theta: number[];
}

interface Case {
  vocab: number;
  horizon: number;
  dim: number;
  featureBound: number;
  mu: number[];
  features: { prompt: number; prefix: number[]; phi: number[][] }[];
  thetaStar: number[];
  theta: number[];
  theta0: number[];
  data: { prompt: number; response: number[] }[];
  logProbs: number[];
  gradients: number[][];
  exact: {
    kl: number;
    hellinger2: number;
    crossEntropy: number;
    N: number[];
    coverage: number[];
    stoppedKl: number[];
    inherentVariance: number;
  };
  training: Record<string, Trained> & { mle: { theta: number[]; meanNegLogLikelihood: number } };
  truncationWeights: { A: number; theta: number[]; weights: number[][] };
  testTimeTraining: { eta: number; logProbs: number[] };
}

const file = 'vectors/autoregressive-linear.json';
const cases = hasShared(file) ? readVectors<{ cases: Case[] }>('autoregressive-linear.json').cases : [];

function expectClose(ours: ArrayLike<number>, theirs: readonly number[]): void {
  expect(ours.length).toBe(theirs.length);
  theirs.forEach((value, index) => {
    expect(Math.abs(ours[index]! - value), `[${index}]`).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(value)));
  });
}

/** The features of a case as a user's function. */
function featuresOf(vector: Case) {
  const table = new Map(vector.features.map(({ prompt, prefix, phi }) => [`${prompt}:${prefix}`, phi]));
  return functionFeatures({
    by: 'prefix',
    prompts: vector.mu.length,
    horizon: vector.horizon,
    vocabulary: vector.vocab,
    dim: vector.dim,
    bound: vector.featureBound,
    phi: (prompt, tokens) => table.get(`${prompt}:${tokens.slice(0, -1)}`)![tokens.at(-1)!]!,
  });
}

function setUp(vector: Case) {
  const features = featuresOf(vector);
  const star = new LinearModel(features, vector.thetaStar);
  return {
    features,
    star,
    data: DataDistribution.from({ prompts: vector.mu, policy: star }),
    model: new LinearModel(features, vector.theta),
    responses: Responses.from(vector.data.map(({ prompt, response }) => ({ prompt, tokens: response }))),
  };
}

if (cases.length === 0) test.skip('golden vectors of linear models', () => {});

describe.each(cases.map((vector, index) => [index, vector] as const))('case %i', (_, vector) => {
  const { features, star, data, model, responses } = setUp(vector);

  test('log-probabilities and gradients', async () => {
    expectClose(await model.logProbs(responses), vector.logProbs);
    const tokens = await model.tokenLogProbs(responses);
    expectClose(
      tokens.map((values) => values.reduce((sum, value) => sum + value, 0)),
      vector.logProbs,
    );
    const gradients = await model.gradients(responses);
    gradients.forEach((gradient, index) => {
      expectClose(gradient, vector.gradients[index]!);
    });
  });

  test('exact measures', async () => {
    const { exact } = vector;
    const measures = await exactMeasures(data, model, { N: exact.N });
    expectClose(
      [measures.kl!, measures.squaredHellinger, measures.crossEntropy!],
      [exact.kl, exact.hellinger2, exact.crossEntropy],
    );
    expectClose(measures.coverage, exact.coverage);
    expectClose(measures.stoppedKl, exact.stoppedKl);
    expectClose([measures.profile.tail.at(-1)!], [1]);
    expectClose([await inherentVariance(data, features)], [exact.inherentVariance]);
  });

  const procedures: [string, Procedure][] = [
    ['sgd', 'sgd'],
    ['sgdLargeStep', 'sgd'],
    ['minibatchSgd', 'sgd'],
    ['normalizedSgd', { kind: 'normalizedSgd', lambda: vector.training['normalizedSgd']!.lambda! }],
    ['signSgd', 'signSgd'],
    ['adam', 'adam'],
    ['tokenSgd', 'tokenSgd'],
    ['truncatedSgd', 'truncatedSgd'],
  ];
  test.each(procedures)('trained by %s', async (name, procedure) => {
    const theirs = vector.training[name]!;
    const result = await train({
      features,
      data: responses,
      procedure,
      stepSize: theirs.eta,
      batchSize: theirs.batch ?? 1,
      shuffle: false,
      theta0: vector.theta0,
      ...(theirs.N !== undefined && { N: theirs.N }),
      ...(name === 'truncatedSgd' && { teacher: star }),
    });
    expect(result.stopped).toBe('finished');
    expectClose(result.theta, theirs.theta);
  });

  test('the maximum likelihood estimate is certified', async () => {
    const { meanNegLogLikelihood } = vector.training.mle;
    const mle = await maximumLikelihood({ features, data: responses });
    expect(mle.gap).toBeLessThan(1e-9);
    expectClose([mle.meanNegLogLikelihood], [meanNegLogLikelihood]);
  });

  test('truncation weights', async () => {
    const { A, theta, weights } = vector.truncationWeights;
    const ours = await truncationWeights(new LinearModel(features, theta), star, responses, { threshold: A });
    ours.forEach((of, index) => {
      expectClose(of, weights[index]!);
    });
  });

  test('test-time training', async () => {
    const { eta, logProbs } = vector.testTimeTraining;
    const policy = model.testTime({ stepSize: eta });
    expectClose(await policy.logProbs(responses), logProbs);
    const drawn = await sample(policy, { prompts: [0, 0, 0], seed: 5 });
    expectClose(drawn.logProbs, [...(await policy.logProbs(drawn.responses))]);
  });
});
