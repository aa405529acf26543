/**
 * Choosing a checkpoint: read log-probabilities or samples, hold a tournament, look at coverage profiles and Pass@k,
 * report. Linear models are in `coverage-principle/linear`, the paper's experiments in `coverage-principle/experiments`.
 *
 * @module
 */

// Reading

export type { MonteCarlo } from './answers/aligned.js';
export { AnswerLogProbs, type AnswerMetadata } from './answers/answer-log-probs.js';
export { readAnswerLogProbs } from './answers/read.js';
export type { Finding } from './files/findings.js';
export { FILE_FORMATS, type FileFormat } from './files/formats.js';
export type { InputFile } from './files/inputs.js';
export { type DoctorOptions, type DoctorReport, doctor } from './log-probs/doctor.js';
export { factWarnings, type MatrixFacts, type ModelFacts, matrixFacts, type Precision } from './log-probs/facts.js';
export { LogProbs, type LogProbsMetadata, type ModelSource } from './log-probs/log-probs.js';
export {
  type ColumnNames,
  type JoinMode,
  type LogProbsInput,
  type LogProbsInputs,
  type ReadLogProbsOptions,
  readLogProbs,
} from './log-probs/read.js';

// Choosing

export { createRace, Race, type RaceOptions, type RacePair, type RaceScore } from './race/race.js';
export type { RaceModel, RaceState, RaceVerdict } from './race/state.js';
export { ratioOfBestOf, spanOfBestOf } from './selection/budget.js';
export {
  type ComparedAt,
  type CompareModelsOptions,
  type Comparison,
  compareModels,
  type Lead,
  type LeadingResponse,
} from './selection/compare.js';
export { CountsPart, type CountsPartOptions } from './selection/counts-part.js';
export type { ResponseText } from './selection/response-texts.js';
export type * from './selection/result.js';
export { type SelectCheckpointOptions, selectCheckpoint } from './selection/select.js';
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

// Scoring and sampling served checkpoints

export type { Preflight } from './log-probs/manifest.js';
export { sampleReport } from './report/sample/report.js';
export { scoreReport } from './report/score/report.js';
export type { SampleOptions, VerifierOptions } from './sample/options.js';
export type { PromptRow } from './sample/prompts.js';
export { type MissingSample, type SampledModel, type SampleResult, sample } from './sample/sample.js';
export type { ScoreOptions, ServerInput } from './score/options.js';
export type { ScoredRace } from './score/racing.js';
export type { ResponseRow } from './score/rows.js';
export { type ScoredCheckpoint, type ScoreResult, score, type UnscoredResponse } from './score/score.js';
export type { WorkSource } from './score/work.js';

// Coverage profiles and Pass@k

export {
  type BetaBinomialFit,
  type CoverageChange,
  type CoverageRatio,
  type PassAtK,
  type PassAtKOptions,
  type PassAtKResult,
  passAtK,
  type SampleCounts,
} from './pass-at-k/pass-at-k.js';
export {
  type CountColumnNames,
  type ReadSampleCounts,
  type ReadSampleCountsOptions,
  readSampleCounts,
} from './pass-at-k/read-sample-counts.js';
export type { AnswerCoverageAt, AnswerProfiles, ModelAnswerProfile } from './profile/answer-profiles.js';
export {
  type CoverageAt,
  type CoverageProfileOptions,
  type CoverageProfiles,
  coverageProfile,
  type LikelihoodQuantile,
  type ModelProfile,
} from './profile/coverage-profile.js';

// Reports

export type { Figure } from './report/charts/figure.js';
export type { FigureTheme } from './report/charts/theme.js';
export { comparisonReport } from './report/compare/report.js';
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
export { type RaceResult, raceReport, raceResult } from './report/race/report.js';
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
export type { Part, Phrase } from './results/phrase.js';
export type { Cell, Column, Table, Tone } from './results/table.js';
export type { CsvValue } from './text/csv.js';
export { writeReportFile } from './write-file.js';

// What all have in common

export { CoverageError, type ErrorPlace, type Problem } from './error.js';
export type { JobOptions, Progress } from './job.js';
export type { Estimate, Interval, Provenance, Warning } from './results/estimate.js';
