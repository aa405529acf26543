/**
 * Autoregressive linear models: feature maps, data, training, measures, decoding.
 *
 * @module
 */

// Features

export { concatFeatures, sumFeatures } from './linear/combined-features.js';
export { FeatureMap } from './linear/feature-map.js';
export {
  type HiddenStateFeaturesOptions,
  hiddenStateFeatures,
  type NgramFeaturesOptions,
  ngramFeatures,
  type RandomFeaturesOptions,
  randomFeatures,
} from './linear/sequence-features.js';
export {
  functionFeatures,
  type PhiFunction,
  type SparseRows,
  sparseTableFeatures,
  type TableLayout,
  type TableSizes,
  tableFeatures,
} from './linear/table-features.js';
export { type TruncationOptions, truncationWeights } from './linear/truncation.js';

// Data and models

export { type ScoreAnswersOptions, scoreAnswers } from './linear/answers.js';
export { DataDistribution, type DataDistributionOptions, type SampleDataOptions } from './linear/data-distribution.js';
export {
  LinearModel,
  listedPolicy,
  mixture,
  Policy,
  scoreResponses,
  type TestTimeOptions,
  type WeightedResponse,
} from './linear/policy.js';
export { type NumberArray, readArray } from './linear/read-array.js';
export { type Response, Responses } from './linear/responses.js';

// Training

export type { Constraint } from './linear/constraint.js';
export { type MaximumLikelihood, type MaximumLikelihoodOptions, maximumLikelihood } from './linear/mle.js';
export {
  type Axes,
  type AxisValue,
  grid,
  type Point,
  pointName,
  type SweepOptions,
  type SweepRow,
  type SweepTable,
  sweep,
  sweepCsv,
  sweepTable,
} from './linear/sweep.js';
export {
  type TrainCheckpoints,
  Training,
  type TrainOptions,
  type TrainRunOptions,
  type TrainStage,
  type TrainValidation,
  train,
} from './linear/train.js';
export {
  type Checkpoint,
  type HistoryRecord,
  type StopReason,
  type Theory,
  type TrainRecord,
  TrainResult,
} from './linear/train-result.js';
export type { Procedure, StepSize, TrainSettings } from './linear/train-settings.js';

// Measures and decoding

export {
  type BestOfN,
  type BestOfNOptions,
  bestOfN,
  type CountCorrectOptions,
  countCorrect,
  type DrawOptions,
  type ExactPassAtN,
  type ExactPassAtNOptions,
  exactPassAtN,
  type Reward,
  type RewardFunction,
  type Samples,
  sample,
} from './linear/decode.js';
export {
  type ExactMeasures,
  type ExactMeasuresOptions,
  estimateInherentVariance,
  exactMeasures,
  inherentVariance,
  type MeasureEstimates,
  type Measures,
  type MonteCarloOptions,
  monteCarloMeasures,
  responsesToVisit,
} from './linear/measures.js';

// Reports

export { type TrainingReportInput, trainingReport } from './report/training/report.js';
