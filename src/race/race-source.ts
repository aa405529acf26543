import type { Race } from './race.js';

/** Pairs that are asked for ahead of what is decided, for each model. */
const AHEAD = 16;

/**
 * Hands the pairs of a race out model by model, as scorers with a queue a checkpoint want them; models and responses are
 * numbers. What is asked for ahead is bounded, since it may turn out not to be needed.
 */
export class RaceSource {
  readonly #race: Race;
  readonly #queues: number[][];
  readonly #numbers: ReadonlyMap<string, number>;
  /** Pairs handed over by the race and not answered. */
  #open = 0;

  constructor(race: Race) {
    this.#race = race;
    this.#queues = race.models.map(() => []);
    this.#numbers = new Map(race.models.map((name, index) => [name, index]));
  }

  /** The next response for a model; `wait` while that depends on what is under way; `null` once it is needed no more. */
  next(model: number): number | 'wait' | null {
    if (this.#race.done) return null;
    const queue = this.#queues[model]!;
    if (queue.length === 0) this.#refill();
    const response = queue.shift();
    if (response !== undefined) return response;
    const { candidate, rival } = this.#race.state().models[model]!;
    return candidate || rival ? 'wait' : null;
  }

  /** A response was scored under a model. */
  add(model: number, response: number, logProb: number): void {
    this.#open = Math.max(0, this.#open - 1);
    this.#race.addNow([{ model: this.#race.models[model]!, response, logProb }]);
  }

  /** A response cannot be scored under a model. */
  drop(model: number, response: number): void {
    this.#open = Math.max(0, this.#open - 1);
    this.#race.lose([{ model: this.#race.models[model]!, response }]);
  }

  #refill(): void {
    const room = AHEAD * this.#queues.length - this.#open;
    if (room <= 0) return;
    const pairs = this.#race.next(room);
    this.#open += pairs.length;
    for (const { model, response } of pairs) this.#queues[this.#numbers.get(model)!]!.push(response);
  }
}
