import type { Progress } from '../job.js';

/** Where there is no terminal, a line every so often: enough to see in a log that the work goes on. */
const LINE_EVERY_MS = 10_000;

/** What progress is written to: `process.stderr`. */
interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * How far the work is, on stderr: a line that is written over on a terminal, a new line every ten seconds elsewhere (the
 * log of a job), nothing with `--quiet`. Standard output is never touched.
 */
export class ProgressLine {
  readonly #stream: Stream | null;
  readonly #now: () => number;
  #shown = false;
  #written: number;

  constructor(
    quiet: boolean | undefined,
    stream: Stream = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.#stream = quiet ? null : stream;
    this.#now = now;
    this.#written = now();
  }

  /**
   * A callback for the stage called `label`. With `unit`, the rate is shown; what was done when the stage began, as after
   * an interruption, is no work of this run.
   */
  stage(label: string, unit?: string): (progress: Progress) => void {
    let before: number | undefined;
    return ({ done, total, elapsed, note }) => {
      before ??= unit === undefined ? 0 : done;
      if (this.#stream === null) return;
      const now = done - before;
      const rest = [
        total > 0 && `${Math.floor((100 * done) / total)}%`,
        seconds(elapsed),
        unit !== undefined && elapsed > 0 && `${(now / elapsed).toPrecision(3)} ${unit}/s`,
        total > 0 && now > 0 && `${seconds((elapsed * (total - done)) / now)} left`,
        note,
      ]
        .filter(Boolean)
        .join(' · ');
      if (!this.#stream.isTTY) {
        if (this.#now() - this.#written < LINE_EVERY_MS) return;
        this.#written = this.#now();
        this.#stream.write(`${label} ${rest}\n`);
      } else if (elapsed >= 0.5) {
        this.#stream.write(`\r\x1b[K${label} ${total > 0 ? `${bar(done / total)} ` : ''}${rest}`);
        this.#shown = true;
      }
    };
  }

  /** Takes the line away, so that what comes next starts on a clean one. */
  clear(): void {
    if (this.#shown) this.#stream?.write('\r\x1b[K');
    this.#shown = false;
  }

  /** Takes the line away from work that is gone on with when it is called again, which is said where it was interrupted. */
  end(signal: AbortSignal): void {
    this.clear();
    if (signal.aborted) this.#stream?.write('Interrupted. The same command goes on where it was.\n');
  }
}

function bar(share: number): string {
  const width = 24;
  const full = Math.min(width, Math.round(share * width));
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

function seconds(value: number): string {
  if (value < 60) return `${value.toFixed(1)} s`;
  const minutes = Math.floor(value / 60);
  return `${minutes} min ${Math.round(value - 60 * minutes)} s`;
}
