import type { Scored } from '../values.js';

/** A prompt and a response to it as a server is told of them: as ids where the server takes ids, else as text. */
export interface Item {
  readonly prompt: readonly number[] | string;
  readonly response: readonly number[] | string;
}

/** What is tokenised: a text, or messages with the beginning of an answer. */
export type Text = { readonly text: string; readonly special: boolean } | { readonly messages: readonly object[] };

/** One way in which servers give log-probabilities of a prompt. */
export interface Scorer {
  /** Name of the way. */
  readonly kind: 'vllm' | 'vllm-generate' | 'sglang' | 'echo';
  /** Takes several items a request. */
  readonly batches: boolean;
  /** The scores of items, in their order. `onReceived` is called once the answer is there, before it is read. Throws `Fault`. */
  score(items: readonly Item[], signal?: AbortSignal, onReceived?: () => void): Promise<Scored[]>;
  /** Token ids; `null` where the server tokenises only what it scores. */
  readonly tokenize: ((text: Text, signal?: AbortSignal) => Promise<number[]>) | null;
}

/** Whether two lists of ids are the same. */
export function sameIds(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
