import type { Verdict } from '../report/experiment/verdict.js';

/** Rounding that an inequality between computed values is allowed. */
const ROUNDING = 1e-9;

/** An inequality left ≤ right, looked at on many instances. */
export class Inequality {
  readonly #claim: string;
  readonly #source: string;
  #checks = 0;
  #informative = 0;
  #worst = 0;
  #broken = 0;

  constructor(claim: string, source: string) {
    this.#claim = claim;
    this.#source = source;
  }

  /** One instance; it tells something only where the left side is positive. */
  check(left: number, right: number): void {
    this.#checks += 1;
    if (left > right * (1 + ROUNDING) + 1e-12) this.#broken += 1;
    if (left > 1e-12) {
      this.#informative += 1;
      this.#worst = Math.max(this.#worst, left / right);
    }
  }

  verdict(): Verdict {
    const known = this.#informative > 0;
    return {
      claim: `${this.#claim} (greatest left side over right side; ${this.#checks} instances, the left side positive in ${this.#informative})`,
      source: this.#source,
      predicted: '≤ 1',
      measured: known ? this.#worst : null,
      interval: null,
      holds: known ? this.#broken === 0 : null,
      ...(!known && { reason: 'the left side was never positive: nothing was tested' }),
    };
  }
}
