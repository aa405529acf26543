/**
 * Computations that several callers share, each made once. What one depends on is plain data, compared by value, and
 * objects of classes and functions, compared by identity.
 */
export class Memo {
  readonly #made = new Map<string, Promise<unknown>>();
  readonly #numbers = new Map<unknown, number>();

  /** What `make` makes; the same promise for the same `on`. */
  once<T>(on: readonly unknown[], make: () => Promise<T>): Promise<T> {
    const key = JSON.stringify(on, (_, value) => (isData(value) ? value : { '\0': this.#number(value) }));
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as Promise<T>;
  }

  #number(value: unknown): number {
    if (!this.#numbers.has(value)) this.#numbers.set(value, this.#numbers.size);
    return this.#numbers.get(value)!;
  }
}

function isData(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true;
  return Object.getPrototypeOf(value) === Object.prototype;
}
