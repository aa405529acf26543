import type { Findings } from '../input/findings.js';
import { compareIds } from '../input/ids.js';
import type { Warning } from '../results/estimate.js';
import type { SampleCounts } from './pass-at-k.js';

/** Where a count was found. */
export interface CountPlace {
  readonly file: string;
  readonly row: number;
  readonly model: string;
  /** Id of the problem. */
  readonly response: string;
}

interface Counts {
  samples: number;
  correct: number;
  /** Whether the counts came at once, and not sample by sample. */
  whole: boolean;
}

/** Counts from files, with what was noticed. */
export interface ReadSampleCounts extends SampleCounts {
  /** Files the counts were read from, with the SHA-256 of their bytes. */
  readonly sources: readonly { readonly file: string; readonly sha256?: string }[];
  readonly warnings: readonly Warning[];
}

/**
 * Puts counts from any number of files together, by model name and problem id, never by line.
 *
 * @internal
 */
export class CountJoin {
  readonly #findings: Findings;
  readonly #shared: boolean;
  readonly #models = new Map<string, Map<string, Counts>>();
  readonly #problems = new Set<string>();

  constructor(findings: Findings, mode: 'exact' | 'shared') {
    this.#findings = findings;
    this.#shared = mode === 'shared';
  }

  /** Adds one sample of a problem. */
  addSample(place: CountPlace, correct: boolean): void {
    const counts = this.#counts(place);
    if (counts.whole) {
      this.#reportDuplicate(place);
      return;
    }
    counts.samples += 1;
    counts.correct += correct ? 1 : 0;
  }

  /** Adds all samples of a problem. */
  addCounts(place: CountPlace, samples: number, correct: number): void {
    if (![samples, correct].every((count) => Number.isInteger(count) && count >= 0) || correct > samples) {
      this.#findings.error(
        'ERR_INVALID_COUNT',
        `${correct} of ${samples} samples cannot be right: both must be whole numbers, the first no greater than the second.`,
        place,
      );
      return;
    }
    if (samples === 0) {
      this.#findings.error('ERR_INVALID_COUNT', 'The problem has no sample: leave it out, or sample again.', place);
      return;
    }
    const known = this.#models.get(place.model)?.get(place.response);
    if (known) {
      this.#reportDuplicate(place);
      return;
    }
    Object.assign(this.#counts(place), { samples, correct, whole: true });
  }

  #reportDuplicate(place: CountPlace): void {
    this.#findings.error('ERR_DUPLICATE_PROBLEM', 'The problem occurs twice for this model: keep one.', place);
  }

  #counts({ model, response }: CountPlace): Counts {
    let problems = this.#models.get(model);
    if (!problems) {
      problems = new Map();
      this.#models.set(model, problems);
    }
    let counts = problems.get(response);
    if (!counts) {
      counts = { samples: 0, correct: 0, whole: false };
      problems.set(response, counts);
      this.#problems.add(response);
    }
    return counts;
  }

  /** The counts, problems sorted by id (whole numbers by value, then the rest by code unit). */
  finish(): SampleCounts {
    if (this.#problems.size === 0) {
      this.#findings.error(
        'ERR_NO_RESPONSES',
        'The input holds no sample: check that the evaluation has finished.',
        {},
      );
    }
    const models = [...this.#models.keys()];
    const all = [...this.#problems];
    const problems = all.filter((id) => models.every((model) => this.#models.get(model)!.has(id))).sort(compareIds);
    if (problems.length < all.length) this.#reportMissing(models, all, problems.length);
    const of = (field: 'samples' | 'correct') =>
      models.map((model) => problems.map((id) => this.#models.get(model)!.get(id)![field]));
    return { models, problems, samples: of('samples'), correct: of('correct') };
  }

  #reportMissing(models: readonly string[], all: readonly string[], shared: number): void {
    if (this.#shared && shared > 0) {
      const message = `${all.length - shared} of ${all.length} problems were left out: not every model has samples of them.`;
      this.#findings.warn('WARN_PROBLEMS_LEFT_OUT', message, {});
      return;
    }
    for (const model of models) {
      const missing = all.filter((id) => !this.#models.get(model)!.has(id));
      if (missing.length === 0) continue;
      const some = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ', …' : '');
      this.#findings.error(
        'ERR_MISSING_PROBLEM',
        `${missing.length} of ${all.length} problems have no sample of this model (${some}): sample them, or compare on the problems that all models have (--shared).`,
        { model, response: missing[0]! },
      );
    }
  }
}
