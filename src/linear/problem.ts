import * as z from 'zod';
import { callNative, native } from '../native.js';
import { checkOptions } from '../options.js';
import type { Constraint } from './constraint.js';
import { DataDistribution } from './data-distribution.js';
import { FeatureMap } from './feature-map.js';
import { Policy } from './policy.js';

/** A premise of a problem's claims. */
export interface ProblemCondition {
  readonly text: string;
  /** Whether it holds at these options. */
  readonly holds: boolean;
}

/** A claim of the paper about a problem at its options. */
export interface ProblemClaim {
  readonly text: string;
  /** Proposition, theorem or figure. */
  readonly source: string;
  /** Of which estimator; `null` for any. */
  readonly estimator: string | null;
  readonly quantity: 'cov' | 'kl' | 'other';
  /** N, where the quantity is Cov_N. */
  readonly budget: number | null;
  /** How the measured quantity relates to `value`; `scales`: like the product of the powers in `exponents`. */
  readonly relation: 'atLeast' | 'atMost' | 'equal' | 'scales';
  readonly value: number | null;
  /** Probability over data sets with which it holds at least; `null` where it is about the mean over them. */
  readonly probability: number | null;
  readonly exponents: readonly { readonly variable: string; readonly exponent: number }[];
}

/** What a problem is and shows. */
export interface ProblemDescription {
  readonly name: string;
  readonly title: string;
  /** Where in the paper it is. */
  readonly source: string;
  readonly shows: string;
  /** All options, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Quantities that follow from the options. */
  readonly derived: Readonly<Record<string, number>>;
  /** |X|; `null` where prompts are drawn afresh without end. */
  readonly prompts: number | null;
  /** V. */
  readonly vocabulary: number;
  /** H. */
  readonly horizon: number;
  /** Names of the estimators of a trial. */
  readonly estimators: readonly string[];
  readonly conditions: readonly ProblemCondition[];
  readonly claims: readonly ProblemClaim[];
}

/** The class of linear models of a problem; spread into the options of `train`, it is what is trained. */
export interface ProblemClass {
  readonly features: FeatureMap;
  readonly constraint: Constraint;
  /** Where training starts. */
  readonly theta0: Float64Array;
}

/** A problem with a known answer. */
export interface NamedProblem {
  readonly description: ProblemDescription;
  /** μ and π_D, to train on. */
  readonly data: DataDistribution;
  /** Where held-out responses come from; `data`, unless its prompts have no end. */
  readonly validation: DataDistribution;
  /** The linear class; `null` if the problem has another. */
  readonly class: ProblemClass | null;
  /** θ*, where a linear class holds π_D; else `null`. */
  readonly thetaStar: Float64Array | null;
  /** The models of a finite class, or the components of a mixture, by name; empty for a linear class. */
  readonly models: Readonly<Record<string, Policy>>;
}

/** The names that {@link namedProblem} knows. */
export function problemNames(): string[] {
  return native.problemNames();
}

const optionsSchema = z.record(z.string(), z.unknown());

/**
 * A named, seeded problem of the paper (§3–§6, Appendices C, E, I), with its π_D exactly.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for a name or option that does not exist, or a value out of its range
 */
export function namedProblem(name: string, options: Readonly<Record<string, unknown>> = {}): NamedProblem {
  const settings = JSON.stringify({ ...checkOptions('namedProblem', optionsSchema, options), name });
  const handle = callNative(() => native.ProblemHandle.create(settings));
  const linear = callNative(() => handle.linearClass());
  return {
    description: JSON.parse(callNative(() => handle.describe())),
    data: new DataDistribution(handle.data()),
    validation: new DataDistribution(handle.validation()),
    class: linear
      ? {
          features: new FeatureMap(linear.features),
          constraint: JSON.parse(linear.constraint),
          theta0: linear.start,
        }
      : null,
    thetaStar: handle.thetaStar() ?? null,
    models: Object.fromEntries(
      callNative(() => handle.models()).map((model) => [model.name, new Policy(model.policy)]),
    ),
  };
}
