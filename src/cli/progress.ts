import type { Progress } from '../job.js';

/** A line on stderr that says how far the work is: only on a terminal, never with `--quiet`. */
export class ProgressLine {
  readonly #enabled: boolean;
  #shown = false;

  constructor(quiet: boolean) {
    this.#enabled = !quiet && process.stderr.isTTY === true;
  }

  /** A callback for the stage called `label`. */
  stage(label: string): (progress: Progress) => void {
    return ({ done, total, elapsed }) => {
      if (!this.#enabled || elapsed < 0.5) return;
      const share = total > 0 ? `${bar(done / total)} ${Math.floor((100 * done) / total)}%` : '';
      const left = total > 0 && done > 0 ? ` · ${seconds((elapsed * (total - done)) / done)} left` : '';
      process.stderr.write(`\r\x1b[K${label} ${share} · ${seconds(elapsed)}${left}`);
      this.#shown = true;
    };
  }

  /** Takes the line away, so that what comes next starts on a clean one. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
    this.#shown = false;
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
