import { namedProblem } from '../problems/named-problem.js';
import { describeProblem } from '../problems/problem.js';
import type { ProblemOptions } from '../problems/problem-options.js';
import type { TrainingData } from './data.js';
import type { CheckedTrainConfig } from './schema.js';

type ProblemData = Extract<CheckedTrainConfig['data'], { kind: 'problem' }>;

/**
 * The data of a named problem: drawn fresh, held-out responses to be drawn from the same distribution.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for a name or option that does not exist
 */
export function problemData({ name, options, heldOut }: ProblemData): TrainingData {
  const own = { ...options, name } as ProblemOptions;
  const problem = namedProblem(own);
  const { data, validation } = problem;
  const { title, source, shows } = describeProblem(own);
  return {
    data,
    validation,
    heldOut,
    vocabulary: data.vocabulary,
    prompts: data.prompts,
    horizon: data.horizon,
    ...(problem.class && {
      own: {
        features: problem.class.features,
        constraint: problem.class.constraint,
        start: problem.class.theta0,
      },
    }),
    sources: [],
    facts: [`${title} (${source}). ${shows}`],
  };
}
