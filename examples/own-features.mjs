// A feature map of one's own: learn a source that likes to repeat itself, and measure exactly how well.
import {
  DataDistribution,
  exactMeasures,
  functionFeatures,
  LinearModel,
  maximumLikelihood,
} from 'coverage-principle/linear';

const sizes = { prompts: 1, vocabulary: 3, horizon: 5 };
const features = functionFeatures({
  by: 'prefix',
  ...sizes,
  dim: 2,
  phi: (_, tokens) => [tokens.at(-1) === tokens.at(-2) ? 1 : 0, tokens.at(-1) === 0 ? 1 : 0],
});
const source = new LinearModel(features, Float64Array.of(1.5, -0.5));
const data = DataDistribution.from({ policy: source, prompts: 1, horizon: sizes.horizon });

const responses = await data.sample(400, { seed: 1 });
const { model } = await maximumLikelihood({ features, data: responses, constraint: { kind: 'ball', radius: 3 } });
const { kl, coverage } = await exactMeasures(data, model, { N: [1.5] });
console.log(`KL ${kl.toFixed(5)}, Cov_1.5 ${coverage[0]}, θ ${[...model.theta].map((value) => value.toFixed(2))}`);
