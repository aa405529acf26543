import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import type { LikelihoodQuantile } from '../profile/coverage-profile.js';
import type { Interval } from '../results/estimate.js';
import type { Verdict } from '../results/verdict.js';
import { meanClaimSchema, type Relation } from './experiment-options.js';
import type { Finding } from './measure.js';
import { predictedText, verdictOf } from './verdicts.js';

/** What is typical of values that come one a run. */
export interface Runs {
  readonly mean: number;
  readonly median: number;
  /** The paper's band, from the 1/16 to the 15/16 quantile. */
  readonly band: Interval;
  /** Least and greatest. */
  readonly range: Interval;
}

/** What is typical of values, one a run. */
export function describeRuns(values: readonly number[]): Runs {
  return JSON.parse(callNative(() => native.describeRuns(Float64Array.from(values))));
}

/** log 1/Q(ε) of correct responses at each ε that the core looks at; see {@link LikelihoodQuantile}. */
export function likelihoodQuantiles(logProbs: Float64Array): readonly LikelihoodQuantile[] {
  return JSON.parse(callNative(() => native.likelihoodQuantiles(logProbs)));
}

/** Mean Pass@K over correct responses, where a prompt's only one is the one that is scored: E[1 − (1 − π̂)^K]. */
export function expectedPass(logProbs: Float64Array, k: number): number {
  return callNative(() => native.expectedPass(logProbs, k));
}

/** Spearman's rank correlation, ties sharing their mean rank; `null` where one side does not vary. */
export function rankCorrelation(x: readonly number[], y: readonly number[]): number | null {
  return callNative(() => native.rankCorrelation(Float64Array.from(x), Float64Array.from(y)));
}

/** A claim about the mean of values that come one a run. */
export interface RunsClaim extends Pick<Verdict, 'claim' | 'source' | 'construction'> {
  readonly values: readonly number[];
  readonly relation: Relation;
  readonly value: number;
  /** How far from what is predicted the whole interval may lie; default 0. */
  readonly tolerance?: number;
}

/** The verdict on it, by the mean's Student's interval. */
export function runsVerdict({ values, relation, value, tolerance = 0, claim, ...rest }: RunsClaim): Verdict {
  const claimed = JSON.stringify(checkOptions('claim', meanClaimSchema, { relation, value, tolerance }));
  const finding: Finding = JSON.parse(callNative(() => native.meanOverRuns(Float64Array.from(values), claimed)));
  const text = { ...rest, claim: `${claim} (mean over ${values.length} seeds)` };
  return verdictOf(text, predictedText(relation, value, tolerance), finding);
}
