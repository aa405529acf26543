import type { ErrorPlace } from '../error.js';
import type { Findings } from '../input/findings.js';
import { show, toNumber } from '../input/json.js';

/** Servers replace −∞ by this, because JSON has no infinity (vLLM's HTTP API). */
export const CLAMPED = -9999;

/**
 * Sum of the log-probabilities of tokens `start` to the end, in double precision and in order; `null` after a fault
 * was reported: a null or non-number inside the response, or a value above zero.
 *
 * A token at −9999 exactly is taken for the −∞ that a server clamped, unless `keepClamped`.
 */
export function sumTokens(
  tokens: readonly unknown[],
  start: number,
  place: ErrorPlace,
  findings: Findings,
  options: { keepClamped: boolean; negate: boolean },
): number | null {
  let sum = 0;
  for (let index = start; index < tokens.length; index += 1) {
    const read = toNumber(tokens[index]);
    if (read === null || read === undefined) {
      const what = read === null ? 'null' : show(tokens[index]);
      findings.error(
        read === null ? 'ERR_NULL_LOG_PROB' : 'ERR_NOT_A_NUMBER',
        `Token ${index} has the log-probability ${what}, and it belongs to the response. Only the first token of a prompt has none: ` +
          'check where the response begins, and that every token of it was scored.',
        place,
      );
      return null;
    }
    const value = options.negate ? 0 - read : read;
    if (value === CLAMPED && !options.keepClamped) {
      findings.warn(
        'WARN_CLAMPED',
        `Token ${index} has log-probability −9999, by which vLLM's server replaces −∞; it is taken as −∞ (--keep-clamped to take it as it is).`,
        place,
      );
      sum = Number.NEGATIVE_INFINITY;
    } else {
      sum += value;
    }
  }
  return sum;
}
