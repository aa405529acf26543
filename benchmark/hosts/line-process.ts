import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Task } from '../case.js';
import { type Host, type Prepared, type Round, Skipped } from './host.js';

/** A host in a process of its own that answers JSON lines with JSON lines, one at a time. */
export class LineProcess implements Host {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #errors = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    // The end of the answers tells of both; a process that cannot start must not end this one.
    this.#child.on('error', (error) => {
      this.#errors += error.message;
    });
    this.#child.stdin.on('error', () => {});
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Sends a request and waits for its answer. */
  async ask<T>(request: object): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.#child.spawnfile} ended without an answer. ${this.#errors}`);
    const answer = JSON.parse(value) as { skipped?: string; error?: string };
    if (answer.skipped !== undefined) throw new Skipped(answer.skipped);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer as T;
  }

  prepare(slot: string, task: Task, result: string): Promise<Prepared> {
    return this.ask({ call: 'prepare', slot, task, result });
  }

  round(slot: string, iterations: number): Promise<Round> {
    return this.ask({ call: 'round', slot, iterations });
  }

  async release(slot: string): Promise<void> {
    await this.ask({ call: 'release', slot });
  }

  close(): void {
    this.#child.stdin.end();
  }
}
