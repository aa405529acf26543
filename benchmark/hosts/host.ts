import type { Task } from '../case.js';

/** What a participant's first run gave. */
export interface Prepared {
  /** Seconds of the first run, compilation and cold caches included. */
  readonly seconds: number;
  /** Numbers about the run that are no times. */
  readonly facts: Readonly<Record<string, number>>;
}

/** A timed round. */
export interface Round {
  /** Seconds of all iterations together. */
  readonly seconds: number;
  /** Of the last result's bytes: every round must give the same. */
  readonly checksum: string;
}

/** Someone who can run tasks and time them. */
export interface Host {
  /**
   * Makes the task ready under the name `slot`, runs it once and writes the result's bytes to `resultFile`.
   *
   * @throws Skipped if something that the task needs is not there
   */
  prepare(slot: string, task: Task, resultFile: string): Promise<Prepared>;
  /** Runs the task `iterations` times. */
  round(slot: string, iterations: number): Promise<Round>;
  /** Forgets the task. */
  release(slot: string): Promise<void>;
  /** Ends the host. */
  close(): void;
}

/** A participant cannot take part here; the message says what is missing. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}
