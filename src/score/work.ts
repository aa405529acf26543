/**
 * Says which responses a checkpoint is to be scored on, in which order: the seam at which a race takes the place of "all of
 * them". Checkpoints and rows are numbers from 0.
 */
export interface WorkSource {
  /** The next row for a checkpoint; `wait` while that depends on scores under way; `null` once there is nothing more. */
  next(checkpoint: number): number | 'wait' | null;
  /** A row was scored. */
  add(checkpoint: number, row: number, logProb: number): void;
  /** A row cannot be scored. */
  drop(checkpoint: number, row: number): void;
  /** Whether nothing of a checkpoint is needed any more, not even what failed and would be tried again. */
  over?(checkpoint: number): boolean;
  /** No server of a checkpoint is left. */
  retire?(checkpoint: number): Promise<void>;
}

/** Every row for every checkpoint, in order. */
export class EveryRow implements WorkSource {
  readonly #rows: number;
  readonly #at: number[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  next(checkpoint: number): number | null {
    const row = this.#at[checkpoint] ?? 0;
    if (row >= this.#rows) return null;
    this.#at[checkpoint] = row + 1;
    return row;
  }

  add(): void {}

  drop(): void {}
}

/** A row on its way, with the times that it was tried. */
export interface Task {
  readonly row: number;
  readonly attempts: number;
  /** Sent alone, because it failed among others. */
  readonly alone: boolean;
}

/** What is left to do of one checkpoint, handed out to its servers. */
export class Work {
  readonly #source: WorkSource;
  readonly #checkpoint: number;
  /** Rows known before, which are not scored again. */
  readonly #known: (row: number) => number | undefined;
  readonly #again: Task[] = [];
  /** The works of all checkpoints: what is known of one may be what another waits for. */
  readonly #group: Set<Work>;
  #under = 0;
  #wakers: (() => void)[] = [];
  #stopped = false;

  constructor(
    source: WorkSource,
    checkpoint: number,
    known: (row: number) => number | undefined,
    group: Set<Work> = new Set(),
  ) {
    this.#group = group.add(this);
    this.#source = source;
    this.#checkpoint = checkpoint;
    this.#known = known;
  }

  /** Up to `most` tasks, waiting until there are some; `null` once all is done. */
  async take(most: number): Promise<Task[] | null> {
    for (;;) {
      if (this.#stopped) return null;
      const { tasks, ended } = this.#available(most);
      if (tasks.length > 0) {
        this.#under += tasks.length;
        return tasks;
      }
      if (ended && this.#under === 0) return null;
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  /** Whether nothing more is needed. */
  get over(): boolean {
    return this.#stopped || (this.#source.over?.(this.#checkpoint) ?? false);
  }

  #available(most: number): { tasks: Task[]; ended: boolean } {
    const tasks: Task[] = [];
    if (this.over) return { tasks, ended: true };
    while (tasks.length < most) {
      const again = this.#again.at(-1);
      if (again !== undefined) {
        // Alone, or with others that may have company.
        if (again.alone && tasks.length > 0) break;
        tasks.push(this.#again.pop()!);
        if (again.alone) break;
        continue;
      }
      const row = this.#source.next(this.#checkpoint);
      if (row === null) return { tasks, ended: true };
      if (row === 'wait') break;
      const known = this.#known(row);
      if (known === undefined) tasks.push({ row, attempts: 0, alone: false });
      else this.#source.add(this.#checkpoint, row, known);
    }
    return { tasks, ended: false };
  }

  /** A task is done. */
  scored({ row }: Task, logProb: number): void {
    this.#under -= 1;
    this.#source.add(this.#checkpoint, row, logProb);
    this.wake();
  }

  /** A task is given up. */
  dropped({ row }: Task): void {
    this.#under -= 1;
    this.#source.drop(this.#checkpoint, row);
    this.wake();
  }

  /** A task was taken and not done: whoever comes next takes it. */
  putBack(task: Task): void {
    this.#under -= 1;
    this.#again.unshift(task);
    this.wake();
  }

  /** No server is left that could do what remains: others are not to wait for it. */
  async giveUp(): Promise<void> {
    await this.#source.retire?.(this.#checkpoint);
    this.wake();
  }

  /** Nothing more is handed out. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /** Something changed that others may wait for. */
  wake(): void {
    for (const work of this.#group) work.#wakeOwn();
  }

  #wakeOwn(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const resolve of wakers) resolve();
  }
}

/**
 * Does works beside each other; ends once all have ended, so that what they write to can be closed then. What fails, or an
 * abort, stops the others, which may wait for what will not come.
 */
export async function together<T>(
  works: readonly Work[],
  signal: AbortSignal,
  run: (work: Work, index: number) => Promise<T>,
): Promise<T[]> {
  const stopAll = () => {
    for (const work of works) work.stop();
  };
  signal.addEventListener('abort', stopAll, { once: true });
  try {
    const runs = works.map((work, index) =>
      run(work, index).catch((error: unknown) => {
        stopAll();
        throw error;
      }),
    );
    const settled = await Promise.allSettled(runs);
    signal.throwIfAborted();
    return settled.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    });
  } finally {
    signal.removeEventListener('abort', stopAll);
  }
}
