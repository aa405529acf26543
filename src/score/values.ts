import { Fault } from './client.js';

/** What vLLM writes for a log-probability of −∞, which JSON does not have. */
const CLAMPED = -9999;

/** As the readers: a log-probability may exceed 0 by rounding, not by more. */
const ROUNDING = 1e-6;

/** The log-probability of one response. */
export interface Scored {
  /** Natural logarithm, summed in double precision in the order of the tokens; −∞ is legal. */
  readonly logProb: number;
  /** Of each token of the response. */
  readonly tokens: readonly number[];
  /** Tokens whose value a server had clamped, taken as −∞. */
  readonly clamped: number;
  /** Texts of the tokens, where the server gives no ids to hold them to. */
  readonly pieces?: readonly string[];
}

/**
 * Checks the log-probabilities of the tokens of a response and sums them.
 *
 * @throws Fault `broken` for what is no log-probability
 */
export function sumTokens(values: readonly unknown[], pieces?: readonly string[]): Scored {
  let [logProb, clamped] = [0, 0];
  const tokens = values.map((value, index) => {
    const which = `of token ${index + 1} of ${values.length} of the response`;
    if (value === null || value === undefined) throw new Fault('broken', `there is no log-probability ${which} (null)`);
    const number = value === '-Infinity' ? Number.NEGATIVE_INFINITY : value;
    if (typeof number !== 'number' || Number.isNaN(number))
      throw new Fault('broken', `the log-probability ${which} is ${String(value)}, not a number`);
    if (number > ROUNDING) throw new Fault('broken', `the log-probability ${which} is ${number}, which is above 0`);
    const isClamped = number === CLAMPED;
    clamped += Number(isClamped);
    const taken = isClamped ? Number.NEGATIVE_INFINITY : number;
    logProb += taken;
    return taken;
  });
  return { logProb, tokens, clamped, ...(pieces && { pieces }) };
}
