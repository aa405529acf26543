/**
 * The paper as experiments: instances with known answers, the graph reasoning task, claims held against measurements.
 *
 * @module
 */

// Reproducing the paper

export type { ExperimentResult } from './experiments/experiment.js';
export { experimentNames, type ReproduceOptions, reproduce } from './experiments/reproduce.js';

// Its problems

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
  problemNames,
} from './problems/problem.js';
export type { ProblemOptions } from './problems/problem-options.js';
export {
  type EstimatorTrials,
  type ProblemTrials,
  type ProblemTrialsOptions,
  problemTrials,
  type TrialSummary,
} from './problems/trials.js';

// Plots and reports

export { type LearningCurves, learningCurveFigure } from './report/charts/learning-curve.js';
export { plotFigure } from './report/charts/plot.js';
export {
  type ExperimentExtras,
  experimentReport,
  type ReportedExperiment,
} from './report/experiment/report.js';
export type * from './results/plot.js';
export type { Verdict } from './results/verdict.js';
