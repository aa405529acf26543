import { answer } from '../error.js';
import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import type * as z from '../zod.js';
import { type ProblemOptions, problemSchema } from './problem-options.js';

/** The quantity scales like `variable` to the power of `exponent`. */
export interface Exponent {
  readonly variable: string;
  readonly exponent: number;
}

/** A claim of the paper at a problem's options. */
export interface ProblemClaim {
  readonly text: string;
  readonly source: string;
  /** Estimator it is about; `null` for any. */
  readonly estimator: string | null;
  readonly quantity: 'cov' | 'kl' | 'infiniteKl' | 'detail';
  /** N, where the quantity is Cov_N. */
  readonly budget: number | null;
  /** Its name, where the quantity is a detail of a trial. */
  readonly detail: string | null;
  readonly relation: 'atLeast' | 'atMost' | 'equal' | 'scales';
  /** The predicted value; `null` where only the scaling is. */
  readonly value: number | null;
  /** Probability over data sets with which it holds at least; `null` where it is about the mean over data sets. */
  readonly probability: number | null;
  readonly exponents: readonly Exponent[];
  /** Whether it follows from how the instance is made, so that it checks the instance and not the paper. */
  readonly construction: boolean;
}

/** What a problem is and shows. */
export interface ProblemDescription {
  readonly name: string;
  readonly title: string;
  /** Where in the paper it is. */
  readonly source: string;
  readonly shows: string;
  /** All its options, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Quantities that follow from the options, such as ε or μ(+). */
  readonly derived: Readonly<Record<string, number>>;
  /** |X|; `null` where prompts are drawn afresh without end. */
  readonly prompts: number | null;
  readonly vocabulary: number;
  readonly horizon: number;
  /** Names of the estimators of a trial. */
  readonly estimators: readonly string[];
  /** Premises of the claims, and whether they hold at these options. */
  readonly conditions: readonly { readonly text: string; readonly holds: boolean }[];
  readonly claims: readonly ProblemClaim[];
}

/** Options as the core reads them: checked, with every default. @internal */
export function problemOptions(options: ProblemOptions): z.output<typeof problemSchema> {
  return checkOptions('problem', problemSchema, options);
}

/** The names of all problems: the instances of the paper with known answers, and its graph reasoning task. */
export function problemNames(): readonly string[] {
  return native.problemNames();
}

/**
 * What a problem is, what is claimed of it, and all its options.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 */
export function describeProblem(options: ProblemOptions): ProblemDescription {
  return answer('describeProblem()', () => {
    return JSON.parse(callNative(() => native.describeProblem(JSON.stringify(problemOptions(options)))));
  });
}
