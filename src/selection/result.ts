import type { MonteCarlo } from '../answers/aligned.js';
import type { Estimate, Interval, Provenance, Warning } from '../results/estimate.js';

/**
 * How sure a choice is: `clear`, exactly one model may be best; `noise`, several may be, one has the least score; `tied`,
 * several share the least score and the reach chose among them; `silent`, the least score is 0 and shared, N is beyond
 * what these responses resolve; `few`, fewer than 30 responses (prompts where they repeat), no verdict.
 */
export type SelectionVerdict = 'clear' | 'noise' | 'tied' | 'silent' | 'few';

/** Outcome of the simple tournament [28,29] at one N. Vectors are in model order. */
export interface TournamentResult {
  /** Budget K, samples a prompt, that N was made from as (K/2)^(2/3); `null` where N was given. */
  readonly bestOf: number | null;
  /** The ratio: a rival at least N times as likely counts against a model. */
  readonly N: number;
  /**
   * Model of the least score; ties go to the smaller reach, then to the greater mean log-likelihood, then to input order.
   */
  readonly winner: string;
  /** Score of each model: max over rivals of Ĉ_N(rival‖model), a share of responses in [0, 1]. Small is good. */
  readonly scores: readonly number[];
  /** The same as counts of responses. */
  readonly scoreCounts: readonly number[];
  /** Reach of each model: the ratio below N at which one more response would count against it; 0 where none can. */
  readonly reach: readonly number[];
  /** The rival that gives each model its score (the first of several). */
  readonly rivals: readonly string[];
  /** All models, best first. */
  readonly ranking: readonly string[];
  /** Score of the second in the ranking less that of the winner; `null` with a single model. */
  readonly margin: number | null;
  /**
   * Interval of each score by itself, valid at the size at hand: exact binomial limits, or limits by prompt where prompts
   * repeat. The lower end pays for the choice of the worst rival.
   */
  readonly scoreIntervals: readonly Interval[];
  /**
   * The models that may be best, by rank. At all N together they hold a truly best one with the selection's confidence,
   * at any number of responses.
   */
  readonly possibleWinners: readonly string[];
  /** How sure the choice is. */
  readonly verdict: SelectionVerdict;
  /**
   * The N that what to take here is held against, rising: for a budget √(K/2), (K/2)^(2/3) and K/2, where N was given that
   * one.
   */
  readonly span: readonly number[];
  /** The model to take here: the winner where N was given, for a budget the one that stays closest to the least scores of its span. */
  readonly recommendation: SelectionRecommendation;
  /** The verdict in plain words: who may be best, and what to do. */
  readonly explanation: string;
  /** How many models share the least score. */
  readonly sharing: number;
  /** The greatest N at which one model alone has the least score; 0 where there is none, `null` where it is unbounded. */
  readonly resolution: number | null;
  /** Number of responses at which the verdict would be clear if the shares stayed as they are; `null` if never. */
  readonly responsesNeeded: number | null;
  /** Share of the resamples that each possible winner wins, in their order; a picture. `null` where there is none. */
  readonly winShares: readonly number[] | null;
  /** `counts[a][b]` = number of responses on which model a's probability is at least N times model b's; `null` if not asked for. */
  readonly counts: readonly (readonly number[])[] | null;
  /** Comparisons of the winner with others whose log ratio lies so close to log N that the input's precision cannot tell the sides apart. */
  readonly nearTies: number;
}

/** The one model to take: for a budget over its span, for several tournaments over the N at which they were held. */
export interface SelectionRecommendation {
  /**
   * The model whose score is, at its worst N, least above the least score there; of several the one that ranks first in
   * the tournament of the largest N.
   */
  readonly model: string;
  /** The weakest of the verdicts of its tournaments; at best `noise` where the model does not win them all. */
  readonly verdict: SelectionVerdict;
  /** How far its score is above the least one at its worst N, a share of responses in [0, 1]. */
  readonly aboveLeast: number;
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

/** Pass@k of each model from sampled responses, and the pick it leads to. */
export interface PassAtKPicks {
  /** One entry for each budget K (k = K), and for each given N that is a whole number (k = N). */
  readonly picks: readonly {
    readonly k: number;
    /** N of the tournament it stands beside. */
    readonly N: number;
    /** Model of the greatest Pass@k; `null` if it is known for none. */
    readonly winner: string | null;
    /** One estimate a model. */
    readonly values: readonly Estimate[];
  }[];
}

/** The tournament between answers at one N. Vectors are in model order. */
export interface AnswerTournament
  extends Omit<
    TournamentResult,
    'explanation' | 'resolution' | 'responsesNeeded' | 'winShares' | 'counts' | 'nearTies'
  > {
  /** Of each model and its worst rival, the number of responses of which the reasonings leave open whether they count. */
  readonly undecided: readonly number[];
}

/**
 * The tournaments between the probabilities of answers. Score intervals and possible winners hold what Monte Carlo over
 * reasonings adds, at any number of responses and of reasonings.
 */
export interface AnswerSelection {
  /** Whether log π(a | x) was given as it is. */
  readonly exact: boolean;
  /** Least and greatest number of reasonings of a response; 0 where values are exact. */
  readonly reasonings: readonly [least: number, greatest: number];
  /** The model that reasonings were drawn from; `null` where each model drew its own, or values are exact. */
  readonly proposal: string | null;
  /** What Monte Carlo does to each model's log-probabilities of answers. */
  readonly monteCarlo: readonly MonteCarlo[];
  /** The model that answers alone would take over all N; what to take is told by the whole responses. */
  readonly recommendation: SelectionRecommendation;
  /** One entry for each budget, then for each N, in the order of the tournaments between whole responses. */
  readonly tournaments: readonly AnswerTournament[];
}

/** A criterion that chose another model than the tournament. */
export interface Disagreement {
  readonly N: number;
  /** Which criterion. */
  readonly criterion: 'cross-entropy' | 'kl' | 'pass-at-k';
  /** Its pick. */
  readonly pick: string;
  /** The tournament's. */
  readonly winner: string;
  /** Whether the pick is ruled out: it is not among the possible winners. */
  readonly ruledOut: boolean;
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
  /** Version of this form of the result. */
  readonly schemaVersion: 2;
  /** Version of this package. */
  readonly version: string;
  /** Names of the models that take part, in input order. */
  readonly models: readonly string[];
  /** n, the number of held-out responses. */
  readonly responses: number;
  /** Number of distinct prompts; `null` if unknown. */
  readonly prompts: number | null;
  /** What counts as independent: responses, or prompts where they repeat. */
  readonly unit: 'response' | 'prompt';
  /** How many of them there are. */
  readonly units: number;
  /** Confidence of every interval, and of the possible winners at all N together. */
  readonly confidence: number;
  /** The model to take over all N. */
  readonly recommendation: SelectionRecommendation;
  /** One entry for each budget, then for each N, in the order asked for. */
  readonly tournaments: readonly TournamentResult[];
  readonly crossEntropy: CrossEntropyResult;
  /** `null` without a reference. */
  readonly kl: KlResult | null;
  /** `null` without samples. */
  readonly passAtK: PassAtKPicks | null;
  /** The tournaments between answers alone; `null` without answers. */
  readonly answers: AnswerSelection | null;
  readonly disagreements: readonly Disagreement[];
  /** Cov_N(best of the class ‖ model) as a function of N: for each model its score on a grid of N, for the plots. */
  readonly curves: SelectionCurves;
  /** Replicates behind the win shares; 0 without. */
  readonly replicates: number;
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
  /** How many models share the winner's score at each N; with more than one the reach decided. */
  readonly sharing: readonly number[];
}
