import { CoverageError } from '../error.js';
import type { LogProbs } from '../log-probs/log-probs.js';

/**
 * The models that compete: all but the reference.
 *
 * @throws CoverageError `ERR_TOO_FEW_MODELS` below two of them, `ERR_UNKNOWN_MODEL` for a reference that is none
 */
export function competitors(input: LogProbs, reference: string | undefined): LogProbs {
  const left = input.models.filter((name) => name !== reference);
  if (reference !== undefined) input.modelIndex(reference);
  if (left.length < 2) {
    throw new CoverageError(
      'ERR_TOO_FEW_MODELS',
      `A choice needs at least two models, but there is ${left.length === 0 ? 'none' : `only ${left[0]}`}` +
        `${reference === undefined ? '' : ` besides the reference ${reference}`}: add the log-probabilities of another checkpoint.`,
    );
  }
  return reference === undefined ? input : input.selectModels(left);
}
