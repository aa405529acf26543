import { answer } from '../error.js';
import type { Constraint } from '../linear/constraint.js';
import { DataDistribution } from '../linear/data-distribution.js';
import { FeatureMap } from '../linear/feature-map.js';
import { Policy } from '../linear/policy.js';
import { callNative, native } from '../native.js';
import { problemOptions } from './problem.js';
import type { ProblemOptions } from './problem-options.js';

/** The class of linear models of a problem; spread into the options of `train`, it is what is trained. */
export interface ProblemClass {
  readonly features: FeatureMap;
  readonly constraint: Constraint;
  /** Where training starts. */
  readonly theta0: Float64Array;
}

/** A problem with a known answer, to train on and measure against. */
export interface NamedProblem {
  /** μ and π_D, to train on. */
  readonly data: DataDistribution;
  /** Where held-out responses come from and exact measures are taken: `data`, unless its prompts have no end. */
  readonly validation: DataDistribution;
  /** The linear class; `null` if the problem has another. */
  readonly class: ProblemClass | null;
  /** θ*, where a linear class holds π_D; else `null`. */
  readonly thetaStar: Float64Array | null;
  /**
   * The models of a finite class, or the components of a mixture, by name; none for a linear class.
   *
   * @throws CoverageError `ERR_TOO_LARGE` where they are too many to list
   */
  models(): Readonly<Record<string, Policy>>;
}

/**
 * A named, seeded problem of the paper (§3–§6, Appendices C, E, I) with its π_D exactly and its model class.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for a name or option that does not exist, or a value out of its range
 */
export function namedProblem(options: ProblemOptions): NamedProblem {
  return answer('namedProblem()', () => {
    const handle = callNative(() => native.ProblemHandle.create(JSON.stringify(problemOptions(options))));
    const linear = callNative(() => handle.linearClass());
    return {
      data: new DataDistribution(handle.data()),
      validation: new DataDistribution(handle.validation()),
      class: linear && {
        features: new FeatureMap(linear.features),
        constraint: JSON.parse(linear.constraint),
        theta0: linear.start,
      },
      thetaStar: handle.thetaStar(),
      models: () =>
        Object.fromEntries(callNative(() => handle.models()).map(({ name, policy }) => [name, new Policy(policy)])),
    };
  });
}
