import type { Phrase } from '../results/phrase.js';
import type { Plot } from '../results/plot.js';
import type { Table } from '../results/table.js';
import type { Verdict } from '../results/verdict.js';

/** What an experiment gets from whoever runs it. */
export interface ExperimentContext {
  /** A smaller version for continuous integration: fewer and smaller points, the same claims. */
  readonly quick: boolean;
  /** Seed of all random numbers. */
  readonly seed: number;
  /** Threads: speed, never the result. */
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told how far the experiment is, as a share from 0 to 1, and what it is doing. */
  readonly progress: (share: number, doing: string) => void;
}

/** What came out of an experiment: verdicts first, then what they rest on. Plain data. */
export interface ExperimentResult {
  readonly name: string;
  readonly title: string;
  /** Where in the paper the claims are. */
  readonly source: string;
  readonly quick: boolean;
  readonly seed: number;
  readonly verdicts: readonly Verdict[];
  /** What was done and seen, in plain words. */
  readonly summary: readonly Phrase[];
  readonly tables: readonly Table[];
  /** The figures as plain data; `plotFigure` draws them. */
  readonly plots: readonly Plot[];
}

/** A figure, theorem or proposition of the paper as an experiment. */
export interface Experiment {
  /** What it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** Where in the paper the claims are. */
  readonly source: string;
  readonly run: (context: ExperimentContext) => Promise<Outcome>;
}

/** What an experiment's own code returns; its runner adds name and settings. */
export type Outcome = Pick<ExperimentResult, 'verdicts' | 'summary' | 'tables' | 'plots'>;
