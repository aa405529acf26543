import type { Race } from './race.js';
import type { RaceState } from './state.js';

/** Pairs of each model that are asked for ahead of what is decided, unless said otherwise. */
const AHEAD = 16;

/** How a race is handed out; see {@link RaceSource}. */
interface RaceSourceOptions {
  /**
   * The models that are scored, which scorers number from 0; the others of the race are retired, or out.
   * @defaultValue all, in the order of the race
   */
  readonly models?: readonly string[];
  /**
   * Pairs of each model asked for ahead of what is decided: enough to keep its servers busy, since what is asked for ahead may
   * turn out not to be needed.
   * @defaultValue 16
   */
  readonly ahead?: number;
}

/**
 * Hands the pairs of a race out model by model, as scorers with a queue a checkpoint want them; models and responses are
 * numbers. What is asked for ahead is bounded, since it may turn out not to be needed.
 */
export class RaceSource {
  readonly #race: Race;
  readonly #models: readonly string[];
  readonly #ahead: number;
  readonly #queues: number[][];
  /** Pairs of each model that the race has handed over and that are not answered. */
  readonly #open: number[];
  readonly #numbers: ReadonlyMap<string, number>;
  /** Where each model stands in the race. */
  readonly #places: readonly number[];
  readonly #retired: boolean[];
  #state: RaceState | null = null;

  constructor(race: Race, { models = race.models, ahead = AHEAD }: RaceSourceOptions = {}) {
    this.#race = race;
    this.#models = models;
    this.#ahead = ahead;
    this.#queues = models.map(() => []);
    this.#open = models.map(() => 0);
    this.#retired = models.map(() => false);
    this.#numbers = new Map(models.map((name, index) => [name, index]));
    this.#places = models.map((name) => race.models.indexOf(name));
  }

  /** The next response for a model; `wait` while that depends on what is under way; `null` once it is needed no more. */
  next(model: number): number | 'wait' | null {
    if (this.over(model)) return null;
    const queue = this.#queues[model]!;
    if (queue.length === 0) this.#refill();
    return queue.shift() ?? 'wait';
  }

  /** Whether a model is needed no more, whatever is under way. */
  over(model: number): boolean {
    if (this.#race.done || this.#retired[model]) return true;
    const { candidate, rival } = this.state.models[this.#places[model]!]!;
    return !(candidate || rival);
  }

  /** A response was scored under a model. */
  add(model: number, response: number, logProb: number): void {
    this.#answered(model);
    this.#race.addNow([{ model: this.#models[model]!, response, logProb }]);
  }

  /** A response cannot be scored under a model. */
  drop(model: number, response: number): void {
    this.#answered(model);
    this.#race.lose([{ model: this.#models[model]!, response }]);
  }

  /** A model can be scored no more: others do not wait for it. */
  async retire(model: number): Promise<void> {
    this.#retired[model] = true;
    this.#forget(model);
    this.#state = await this.#race.retire([this.#models[model]!]);
  }

  /** Where the race stands. */
  get state(): RaceState {
    this.#state ??= this.#race.state();
    return this.#state;
  }

  #answered(model: number): void {
    this.#state = null;
    this.#open[model] = Math.max(0, this.#open[model]! - 1);
  }

  #forget(model: number): void {
    this.#queues[model] = [];
    this.#open[model] = 0;
  }

  #refill(): void {
    let [most, open] = [0, 0];
    for (const model of this.#models.keys()) {
      // What was handed over for a model that is out by now will not be answered.
      if (this.over(model)) this.#forget(model);
      else most += this.#ahead;
      open += this.#open[model]!;
    }
    const room = most - open;
    // The race looks through what is under way to find what is next: not for every single pair.
    if (room < most / 4) return;
    for (const { model, response } of this.#race.next(room)) {
      const number = this.#numbers.get(model)!;
      this.#open[number] = this.#open[number]! + 1;
      this.#queues[number]!.push(response);
    }
  }
}
