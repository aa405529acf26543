import { CoverageError } from '../error.js';
import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import type { SelectionResult } from '../selection/result.js';
import { compact, count, plural } from '../text/format.js';
import { SavedTournament } from '../tournament/saved-tournament.js';
import { watchInputs } from './watch.js';

/** The tournament that a watch keeps from one look to the next, so that models already in it are not compared again. */
export class KeptTournament {
  #saved: SavedTournament | null = null;

  /** The tournament of these models: extended by those that are new, begun anew where others have changed or gone. */
  async of(logProbs: LogProbs, N: readonly number[], job: JobOptions): Promise<SavedTournament> {
    if (this.#saved !== null) {
      try {
        this.#saved = await this.#saved.extend(logProbs, job);
        return this.#saved;
      } catch (error) {
        if (!(error instanceof CoverageError) || error.code !== 'ERR_INPUT_CHANGED') throw error;
      }
    }
    this.#saved = await SavedTournament.start(logProbs, { ...job, N });
    return this.#saved;
  }

  /** What a look has found, in a few lines. */
  lines(result: SelectionResult): string {
    return watchLines(result);
  }
}

/** Errors that more files, or more of a file, may mend: what is not there yet is waited for. */
const MAY_COME = new Set([
  'ERR_TOO_FEW_MODELS',
  'ERR_MISSING_RESPONSE',
  'ERR_NO_RESPONSES',
  'ERR_INPUT_CHANGED',
  'ERR_MALFORMED_FILE',
  'ERR_UNKNOWN_MODEL',
  'ERR_IO',
]);

/** Chooses anew whenever files come or change, until it is interrupted. */
export async function watchAndSelect(
  inputs: readonly string[],
  { signal, every }: { readonly signal: AbortSignal; readonly every: number },
  select: () => Promise<void>,
): Promise<void> {
  if (inputs.includes('-')) {
    throw new CoverageError('ERR_INVALID_OPTION', '--watch looks at folders and files: standard input has an end.', {
      place: { field: 'watch' },
    });
  }
  await watchInputs(inputs, { signal, every }, async () => {
    try {
      await select();
    } catch (error) {
      if (!(error instanceof CoverageError) || !MAY_COME.has(error.code)) throw error;
      process.stderr.write(`${clock()} not yet: ${error.message}\n`);
    }
  });
}

function watchLines({ models, responses, recommendation, tournaments }: SelectionResult): string {
  const { model, verdict } = recommendation;
  const head = `${clock()} ${plural(models.length, 'model')}, ${count(responses)} responses: take ${model} (${verdict})`;
  const lines = tournaments.map(({ N, explanation }) => `  N = ${compact(N)}: ${explanation}`);
  return `${[head, ...lines].join('\n')}\n`;
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
