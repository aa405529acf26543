import type { Estimate, Interval, Provenance, Warning } from '../results/estimate.js';

/** Outcome of the simple tournament [28,29] at one N. Vectors are in model order. */
export interface TournamentResult {
  /** The ratio: a rival at least N times as likely counts against a model. */
  readonly N: number;
  /** Model of the least score; ties go to the greater mean log-likelihood, then to input order. */
  readonly winner: string;
  /** Score of each model: max over rivals of Ĉ_N(rival‖model), a share of responses in [0, 1]. Small is good. */
  readonly scores: readonly number[];
  /** The same as counts of responses. */
  readonly scoreCounts: readonly number[];
  /** The rival that gives each model its score (the first of several). */
  readonly rivals: readonly string[];
  /** All models, best first. */
  readonly ranking: readonly string[];
  /** Score of the second in the ranking less that of the winner; `null` with a single model. */
  readonly margin: number | null;
  /** Exact binomial interval of each score, taken as Ĉ_N against that rival; the choice of the worst rival is not accounted for. */
  readonly scoreIntervals: readonly Interval[];
  /** `counts[a][b]` = number of responses on which model a's probability is at least N times model b's; `null` if not asked for. */
  readonly counts: readonly (readonly number[])[] | null;
  /** Resampled responses: how sure the winner is; `null` if not asked for. */
  readonly bootstrap: BootstrapResult | null;
  /** Whether the winner stands out of the noise; `null` without a bootstrap. */
  readonly significant: boolean | null;
  /** One sentence on `significant`, in plain words. */
  readonly verdict: string;
  /** Comparisons of the winner with others whose log ratio lies so close to log N that the input's precision cannot tell the sides apart. */
  readonly nearTies: number;
}

/** Bootstrap over responses (over prompts where prompts repeat). Vectors are in model order. */
export interface BootstrapResult {
  /** Number of replicates. */
  readonly replicates: number;
  /** What was resampled. */
  readonly unit: 'response' | 'prompt';
  /** Number of resampled units. */
  readonly units: number;
  /** Confidence of the intervals, e.g. 0.95. */
  readonly confidence: number;
  /** Share of the replicates that each model wins. */
  readonly winShares: readonly number[];
  /** Percentile interval of each score; `null` for models that were not followed (see `reason`). */
  readonly scoreIntervals: readonly (Interval | null)[];
  /** Score of the best other model less that of the winner; negative in replicates that another model wins. */
  readonly margin: Estimate;
  /** Why some intervals are `null`. */
  readonly reason?: string;
}

/** Cross-entropy of each model on the held-out responses, and the pick it leads to. */
export interface CrossEntropyResult {
  /** Model of the least cross-entropy: what validation loss would choose. */
  readonly winner: string;
  /** Mean of −log π(y|x) over responses, in nats; `null` where a model rules a response out (infinite). */
  readonly values: readonly (number | null)[];
  /** Interval of each value at the selection's confidence (normal approximation). */
  readonly intervals: readonly (Interval | null)[];
  /** Per model, how many responses it rules out (log-probability −∞). */
  readonly infinite: readonly number[];
}

/** KL divergence of each model from a reference that plays π_D, and the pick it leads to. */
export interface KlResult {
  /** Model whose log-probabilities play those of π_D, e.g. a teacher; it takes no part in the tournament. */
  readonly reference: string;
  /** Model of the least KL; `null` if every KL is infinite. */
  readonly winner: string | null;
  /** One estimate a model, in nats. */
  readonly values: readonly Estimate[];
}

/** Pass@N of each model from sampled responses, and the pick it leads to. */
export interface PassAtNResult {
  /** One entry for each N that is a whole number. */
  readonly picks: readonly {
    readonly N: number;
    /** Model of the greatest Pass@N; `null` if it is known for none. */
    readonly winner: string | null;
    /** One estimate a model. */
    readonly values: readonly Estimate[];
  }[];
}

/** A criterion that chose another model than the tournament. */
export interface Disagreement {
  readonly N: number;
  /** Which criterion. */
  readonly criterion: 'cross-entropy' | 'kl' | 'pass-at-n';
  /** Its pick. */
  readonly pick: string;
  /** The tournament's. */
  readonly winner: string;
  /** Tournament score of the pick. */
  readonly pickScore: number;
  /** Tournament score of the winner. */
  readonly winnerScore: number;
  /** Responses on which some model's probability is at least N times the pick's: those it fails to cover against its worst rival. */
  readonly uncovered: number;
  /** Worst rival of the pick. */
  readonly rival: string;
  /** The responses that weigh most, by falling log ratio; the whole list is in the per-response file. */
  readonly worst: readonly { readonly response: string; readonly logRatio: number | null }[];
}

/** Everything `select` finds out, plain data. */
export interface SelectionResult {
  /** Names of the models that take part, in input order. */
  readonly models: readonly string[];
  /** n, the number of held-out responses. */
  readonly responses: number;
  /** Number of distinct prompts; `null` if unknown. */
  readonly prompts: number | null;
  /** Confidence of every interval. */
  readonly confidence: number;
  /** One entry for each N, in the order asked for. */
  readonly tournaments: readonly TournamentResult[];
  readonly crossEntropy: CrossEntropyResult;
  /** `null` without a reference. */
  readonly kl: KlResult | null;
  /** `null` without samples. */
  readonly passAtN: PassAtNResult | null;
  readonly disagreements: readonly Disagreement[];
  /** Cov_N(best of the class ‖ model) as a function of N: for each model its score on a grid of N, for the plots. */
  readonly curves: SelectionCurves;
  readonly warnings: readonly Warning[];
  readonly provenance: Provenance;
}

/** Scores on a fine grid of N. */
export interface SelectionCurves {
  /** Increasing values of N, from 1 upwards. */
  readonly N: readonly number[];
  /** `scores[model][k]` = score of the model at `N[k]`. */
  readonly scores: readonly (readonly number[])[];
  /** Winner at each N. */
  readonly winners: readonly string[];
}
