/** Milliseconds, for a clock that tests may replace. */
export type Clock = () => number;

/**
 * Where more requests at a time stop helping: throughput must grow by this share of what they grew by. Nobody waits for a
 * single answer, so that a twentieth is worth it.
 */
const WORTH = 0.05;
/** Windows to stay before more is tried again. */
const HOLD = 20;
/** By how much more is tried: twice as many until it once did not help, so that a short run finds the limit, too. */
const [FIRST_STEP, STEP] = [2, 1.5];

/**
 * How many requests to have at a server: more while that answers more requests a second, fewer after a fault. Halved at most
 * once for the requests that were under way together, for they fail together.
 */
export class Concurrency {
  #limit: number;
  readonly #most: number;
  readonly #clock: Clock;
  #latencies: number[] = [];
  /** Answers a second at the last limit that was worth it. */
  #rate = 0;
  #settled = 1;
  #step = FIRST_STEP;
  #hold = 0;
  #halvedAt = Number.NEGATIVE_INFINITY;

  constructor(most: number, clock: Clock = () => performance.now()) {
    this.#most = most;
    this.#limit = Math.min(8, most);
    this.#settled = this.#limit;
    this.#clock = clock;
  }

  /** Requests at a time. */
  get limit(): number {
    return this.#limit;
  }

  /** An answer came after `latency` milliseconds. */
  succeeded(latency: number): void {
    this.#latencies.push(latency);
    if (this.#latencies.length < Math.max(16, this.#limit)) return;
    const sorted = this.#latencies.sort((a, b) => a - b);
    const rate = this.#limit / Math.max(1e-3, sorted[sorted.length >> 1]!);
    this.#latencies = [];
    if (this.#hold > 0) {
      this.#hold -= 1;
      this.#rate = rate;
    } else if (rate >= this.#rate * (1 + WORTH * (this.#limit / this.#settled - 1)) || this.#limit === this.#settled) {
      this.#rate = rate;
      this.#settled = this.#limit;
      this.#limit = Math.min(this.#most, Math.ceil(this.#limit * this.#step));
    } else {
      this.#limit = this.#settled;
      this.#step = STEP;
      this.#hold = HOLD;
    }
  }

  /** A request that was sent at `sentAt` (of the clock) failed for what may be too much at a time. */
  failed(sentAt: number): void {
    if (sentAt < this.#halvedAt) return;
    this.#halvedAt = this.#clock();
    this.#limit = Math.max(1, this.#limit >> 1);
    this.#settled = this.#limit;
    this.#latencies = [];
    this.#rate = 0;
    this.#step = STEP;
    this.#hold = 2;
  }
}
