import { createHash } from 'node:crypto';

/** Tells whether all responses to each prompt are the same text, without keeping any. */
export class SameTexts {
  readonly #first = new Map<number, string>();
  #repeated = 0;
  #differs = false;

  /** Takes a response to the prompt of a row into account. */
  add(row: number, text: string): void {
    if (this.#differs) return;
    const digest = createHash('sha256').update(text).digest('base64');
    const first = this.#first.get(row);
    if (first === undefined) this.#first.set(row, digest);
    else if (first === digest) this.#repeated += 1;
    else this.#differs = true;
  }

  /** Whether some prompt has several responses, and none of them two that differ. */
  get allSame(): boolean {
    return this.#repeated > 0 && !this.#differs;
  }
}
