import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { uncoveredResponses } from '../tournament/uncovered-responses.js';
import type { Disagreement, PassAtNResult, TournamentResult } from './result.js';

/** What the other criteria would choose. */
export interface Picks {
  readonly crossEntropy: string;
  readonly kl: string | null;
  readonly passAtN: PassAtNResult | null;
}

const WORST_SHOWN = 10;

/** Where another criterion chooses another model than the tournament, and which responses that pick fails to cover. */
export async function findDisagreements(
  logProbs: LogProbs,
  tournaments: readonly TournamentResult[],
  picks: Picks,
  options: JobOptions,
): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (const result of tournaments) {
    const passAtN = picks.passAtN?.picks.find(({ N }) => N === result.N)?.winner ?? null;
    const criteria = [
      ['cross-entropy', picks.crossEntropy],
      ['kl', picks.kl],
      ['pass-at-n', passAtN],
    ] as const;
    for (const [criterion, pick] of criteria) {
      if (pick !== null && pick !== result.winner)
        found.push(await disagreement(logProbs, result, criterion, pick, options));
    }
  }
  return found;
}

async function disagreement(
  logProbs: LogProbs,
  result: TournamentResult,
  criterion: Disagreement['criterion'],
  pick: string,
  options: JobOptions,
): Promise<Disagreement> {
  const index = logProbs.modelIndex(pick);
  const rival = result.rivals[index]!;
  const uncovered = await uncoveredResponses(logProbs, { ...options, model: pick, rival, N: result.N });
  return {
    N: result.N,
    criterion,
    pick,
    winner: result.winner,
    pickScore: result.scores[index]!,
    winnerScore: result.scores[logProbs.modelIndex(result.winner)]!,
    uncovered: uncovered.length,
    rival,
    worst: uncovered.slice(0, WORST_SHOWN).map(({ response, logRatio }) => ({
      response: logProbs.responseId(response),
      logRatio: Number.isFinite(logRatio) ? logRatio : null,
    })),
  };
}
