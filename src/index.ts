export { CoverageError, type ErrorPlace, type Problem } from './error.js';
export type { ExperimentResult } from './experiments/experiment.js';
export { experimentNames, type ReproduceOptions, reproduce } from './experiments/reproduce.js';
export type { Finding } from './input/findings.js';
export type { InputFile } from './input/names.js';
export type { JobOptions, Progress } from './job.js';
export { concatFeatures, sumFeatures } from './linear/combined-features.js';
export type { Constraint } from './linear/constraint.js';
export { DataDistribution, type DataDistributionOptions, type SampleDataOptions } from './linear/data-distribution.js';
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
export { FeatureMap } from './linear/feature-map.js';
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
export { type MaximumLikelihood, type MaximumLikelihoodOptions, maximumLikelihood } from './linear/mle.js';
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
export {
  type HiddenStateFeaturesOptions,
  hiddenStateFeatures,
  type NgramFeaturesOptions,
  ngramFeatures,
  type RandomFeaturesOptions,
  randomFeatures,
} from './linear/sequence-features.js';
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
  functionFeatures,
  type PhiFunction,
  type SparseRows,
  sparseTableFeatures,
  type TableLayout,
  type TableSizes,
  tableFeatures,
} from './linear/table-features.js';
export {
  type TrainCheckpoints,
  Training,
  type TrainOptions,
  type TrainRunOptions,
  type TrainValidation,
  train,
} from './linear/train.js';
export {
  type Checkpoint,
  type HistoryRecord,
  type StopReason,
  type Theory,
  TrainResult,
} from './linear/train-result.js';
export type { Procedure, StepSize, TrainSettings } from './linear/train-settings.js';
export { type TruncationOptions, truncationWeights } from './linear/truncation.js';
export { type DoctorOptions, type DoctorReport, doctor } from './log-probs/doctor.js';
export { factWarnings, type MatrixFacts, type ModelFacts, matrixFacts, type Precision } from './log-probs/facts.js';
export type { JoinMode } from './log-probs/join.js';
export { LogProbs, type LogProbsMetadata, type ModelSource } from './log-probs/log-probs.js';
export { type LogProbsInputs, type ReadLogProbsOptions, readLogProbs } from './log-probs/read.js';
export { LOG_PROBS_FORMATS, type LogProbsFormat, type LogProbsInput } from './log-probs/reader.js';
export type { ColumnNames } from './log-probs/row-reader.js';
export type { ReadSampleCounts } from './pass-at-k/count-join.js';
export {
  type PassAtK,
  type PassAtKOptions,
  type PassAtKResult,
  passAtK,
  type SampleCounts,
} from './pass-at-k/pass-at-k.js';
export { type ReadSampleCountsOptions, readSampleCounts } from './pass-at-k/read-sample-counts.js';
export {
  type GraphCheckpoint,
  type GraphClassMeasures,
  type GraphPromptOptions,
  type GraphRun,
  type GraphRunOptions,
  type GraphStage,
  GraphTask,
  type GraphTaskOptions,
  graphTraining,
} from './problems/graph-task.js';
export { type NamedProblem, namedProblem, type ProblemClass } from './problems/named-problem.js';
export { fitPowerLaw, type PowerLaw } from './problems/power-law.js';
export {
  describeProblem,
  type Exponent,
  type ProblemClaim,
  type ProblemDescription,
  type ProblemOptions,
  problemNames,
} from './problems/problem.js';
export {
  type EstimatorTrials,
  type ProblemTrials,
  type ProblemTrialsOptions,
  problemTrials,
  type TrialSummary,
} from './problems/trials.js';
export {
  type CoverageAt,
  type CoverageProfileOptions,
  type CoverageProfiles,
  coverageProfile,
  type ModelProfile,
} from './profile/coverage-profile.js';
export type { Figure } from './report/charts/figure.js';
export { type LearningCurves, learningCurveFigure } from './report/charts/learning-curve.js';
export { plotFigure } from './report/charts/plot.js';
export type { FigureTheme } from './report/charts/theme.js';
export {
  type ExperimentExtras,
  experimentReport,
  type ReportedExperiment,
} from './report/experiment/report.js';
export { reportCsv } from './report/export/csv.js';
export { figurePng, figureSvg, type PngOptions, type SvgOptions } from './report/export/draw.js';
export { reportJson } from './report/export/json.js';
export { reportMarkdown } from './report/export/markdown.js';
export { reportHtml } from './report/export/page.js';
export { type TerminalOptions, terminalOptions } from './report/export/terminal.js';
export { type ReportTextOptions, reportText } from './report/export/text.js';
export { type OffsetResult, offsetReport } from './report/offset/report.js';
export { passAtKReport } from './report/pass-at-k/report.js';
export { coverageProfileReport } from './report/profile/report.js';
export {
  type Advice,
  type Block,
  type Made,
  type Report,
  type ReportExtras,
  reportFigures,
  type Section,
  type Sheet,
} from './report/report.js';
export { selectionReport } from './report/selection/report.js';
export { type TrainingReportInput, trainingReport } from './report/training/report.js';
export type { Estimate, Interval, Provenance, Warning } from './results/estimate.js';
export type { Part, Phrase } from './results/phrase.js';
export type * from './results/plot.js';
export type { Cell, Column, Table, Tone } from './results/table.js';
export type { Verdict } from './results/verdict.js';
export { ratioOfBestOf } from './selection/budget.js';
export type * from './selection/result.js';
export { type SelectCheckpointOptions, selectCheckpoint } from './selection/select.js';
export type { CsvValue } from './text/csv.js';
export { type NearTies, type NearTiesOptions, nearTies } from './tournament/near-ties.js';
export {
  type OffsetTournament,
  type OffsetTournamentOptions,
  offsetTournament,
} from './tournament/offset-tournament.js';
export { SavedTournament, type SavedTournamentOptions } from './tournament/saved-tournament.js';
export { type SelectWinnerOptions, selectWinner, type Winner } from './tournament/select-winner.js';
export { type Tournament, type TournamentOptions, type Tournaments, tournament } from './tournament/tournament.js';
export {
  type UncoveredResponse,
  type UncoveredResponsesOptions,
  uncoveredResponses,
} from './tournament/uncovered-responses.js';
export { writeReportFile } from './write-file.js';
