import PQueue from 'p-queue';
import { Fault } from './client.js';
import { Concurrency } from './concurrency.js';
import { backOff, restAsked } from './patience.js';
import type { Task, Work } from './work.js';

/** What a lane is told, and whom it tells; `A` is the answer for a row. */
export interface LaneOptions<A> {
  readonly concurrency: number;
  /** Most rows a request. */
  readonly batch: number;
  readonly retries: number;
  readonly signal: AbortSignal;
  /**
   * Asks the server for some rows: the answers in their order. May call `onReceived` once the server has done its part and
   * only reading is left; another request takes this one's place then. Throws `Fault`.
   */
  readonly ask: (rows: readonly number[], signal: AbortSignal, onReceived: () => void) => Promise<readonly A[]>;
  /** Called with every answer; resolves, once it is kept, to the number that it brings, or to why it brings none. */
  readonly onAnswer: (row: number, answer: A) => Promise<number | Failure>;
  readonly onFailed: (row: number, reason: string) => void;
}

/** Requests whose answers may wait to be read and written before no more is asked. */
const MOST_KEEPING = 256;

/** Why an answer is of no use. */
interface Failure {
  readonly reason: string;
}

/** One server at work for one checkpoint: takes rows as fast as they are answered, and less after faults. */
export class Lane<A> {
  readonly #work: Work;
  readonly #options: LaneOptions<A>;
  readonly #limit: Concurrency;
  readonly #queue: PQueue;
  /** Answers that are read and on their way to where they are kept. */
  readonly #keeping = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #streak = 0;
  #restedAt = Number.NEGATIVE_INFINITY;
  #coolUntil = 0;
  #dead: Fault | null = null;
  requests = 0;
  faults = 0;

  constructor(work: Work, options: LaneOptions<A>) {
    this.#work = work;
    this.#options = options;
    this.#limit = new Concurrency(options.concurrency);
    this.#queue = new PQueue({ concurrency: this.#limit.limit });
  }

  /** Works until nothing is left, or the server is given up; then resolves with why. */
  async run(): Promise<Fault | null> {
    const { batch, signal } = this.#options;
    while (this.#dead === null && this.#failures.length === 0 && !signal.aborted) {
      // Nothing waits in line: what is taken is sent at once, so that another server never waits for it.
      await this.#queue.onSizeLessThan(1);
      await this.#idleSlot();
      await this.#cool();
      if (this.#dead !== null || signal.aborted) break;
      const tasks = await this.#work.take(batch);
      if (tasks === null) break;
      this.#queue.add(() => this.#send(tasks)).catch((error: unknown) => this.#fail(error));
    }
    await this.#queue.onIdle();
    await Promise.all(this.#keeping);
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.#dead;
  }

  #fail(error: unknown): void {
    this.#failures.push(error);
    this.#work.stop();
  }

  async #idleSlot(): Promise<void> {
    while (this.#queue.pending >= this.#queue.concurrency) {
      await new Promise<void>((resolve) => this.#queue.once('next', () => resolve()));
    }
  }

  async #cool(): Promise<void> {
    for (;;) {
      const left = this.#coolUntil - performance.now();
      if (left <= 0 || this.#options.signal.aborted || this.#work.over) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 100)));
    }
  }

  async #send(tasks: readonly Task[]): Promise<void> {
    let onReceived = () => {};
    const received = new Promise<void>((resolve) => {
      onReceived = resolve;
    });
    const done = this.#exchange(tasks, onReceived).catch((error: unknown) => this.#fail(error));
    await Promise.race([received, done]);
    // The server is asked on while answers are read and written: it would wait for a disk that is busy otherwise.
    const keeping = done.finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
    if (this.#keeping.size > MOST_KEEPING) await Promise.race(this.#keeping);
  }

  async #exchange(tasks: readonly Task[], onReceived: () => void): Promise<void> {
    const { ask, signal } = this.#options;
    const sentAt = performance.now();
    let latency: number | null = null;
    const onAnswered = () => {
      latency ??= performance.now() - sentAt;
      onReceived();
    };
    this.requests += 1;
    let answers: readonly A[];
    try {
      const rows = tasks.map(({ row }) => row);
      answers = await ask(rows, signal, onAnswered);
    } catch (error) {
      if (!(error instanceof Fault)) {
        for (const task of tasks) this.#work.putBack(task);
        throw error;
      }
      this.#failed(tasks, error, sentAt);
      return;
    }
    onAnswered();
    this.#limit.succeeded(latency!);
    this.#queue.concurrency = this.#limit.limit;
    this.#streak = 0;
    await this.#keep(tasks, answers);
  }

  async #keep(tasks: readonly Task[], answers: readonly A[]): Promise<void> {
    const { onAnswer, onFailed } = this.#options;
    const brought = await Promise.all(tasks.map(({ row }, index) => onAnswer(row, answers[index]!)));
    for (const [index, task] of tasks.entries()) {
      const value = brought[index]!;
      if (typeof value === 'number') {
        this.#work.scored(task, value);
      } else {
        onFailed(task.row, value.reason);
        this.#work.dropped(task);
      }
    }
  }

  #failed(tasks: readonly Task[], fault: Fault, sentAt: number): void {
    const { retries, onFailed } = this.#options;
    this.faults += 1;
    if (fault.kind === 'busy') {
      this.#limit.failed(sentAt);
      this.#queue.concurrency = this.#limit.limit;
      this.#rest(fault, sentAt);
    }
    if (fault.kind === 'fatal') this.#dead = fault;
    for (const task of tasks) {
      // Among others it is not known whose fault it is.
      const shared = tasks.length > 1;
      if (fault.kind === 'fatal' || this.#dead !== null) {
        this.#work.putBack(task);
      } else if (shared || (fault.kind !== 'refused' && task.attempts < retries)) {
        const attempts = task.attempts + 1;
        this.#work.putBack({ row: task.row, attempts, alone: task.alone || fault.kind !== 'busy' || attempts > 1 });
      } else {
        onFailed(task.row, fault.message);
        this.#work.dropped(task);
      }
    }
  }

  /** One fault may be chance; a second without an answer between, or one that says so, asks for a rest. */
  #rest(fault: Fault, sentAt: number): void {
    // Requests that were under way together fail together, and count once.
    if (sentAt < this.#restedAt) return;
    this.#restedAt = performance.now();
    this.#streak += 1;
    const asked = restAsked(fault);
    if (asked instanceof Fault) {
      this.#dead = asked;
      return;
    }
    const pause = this.#streak > 1 || fault.status === 429 || asked > 0 ? Math.max(asked, backOff(this.#streak)) : 0;
    this.#coolUntil = performance.now() + pause;
    if (this.#streak > Math.max(3, this.#options.retries)) this.#dead = fault;
  }
}

/** Runs the lanes of one checkpoint to their end; `dead` is why the first of the servers was given up, if all were. */
export async function runLanes<A>(
  lanes: readonly Lane<A>[],
  work: Work,
): Promise<{ requests: number; faults: number; dead: Fault | null }> {
  const ends = await Promise.all(lanes.map((lane) => lane.run()));
  const [first] = ends;
  const dead = ends.every((fault) => fault !== null) ? first! : null;
  if (dead !== null) await work.giveUp();
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return {
    requests: sum(lanes.map(({ requests }) => requests)),
    faults: sum(lanes.map(({ faults }) => faults)),
    dead,
  };
}
