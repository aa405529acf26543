export { CoverageError, type ErrorPlace, type Problem } from './error.js';
export type { JobOptions, Progress } from './job.js';
export { LogProbs, type LogProbsMetadata, type ModelSource } from './log-probs/log-probs.js';
export { type SelectWinnerOptions, selectWinner, type Winner } from './tournament/select-winner.js';
export { type Tournament, type TournamentOptions, type Tournaments, tournament } from './tournament/tournament.js';
