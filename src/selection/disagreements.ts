import type { LogProbs } from '../log-probs/log-probs.js';
import type { Disagreement, PassAtNResult, TournamentResult } from './result.js';

/** What the other criteria would choose. */
export interface Picks {
  readonly crossEntropy: string;
  readonly kl: string | null;
  readonly passAtN: PassAtNResult | null;
}

const WORST_SHOWN = 10;

/** Where another criterion chooses another model than the tournament, and which responses that pick fails to cover. */
export function findDisagreements(
  logProbs: LogProbs,
  tournaments: readonly TournamentResult[],
  picks: Picks,
): Disagreement[] {
  const found: Disagreement[] = [];
  for (const result of tournaments) {
    const passAtN = picks.passAtN?.picks.find(({ N }) => N === result.N)?.winner ?? null;
    const criteria = [
      ['cross-entropy', picks.crossEntropy],
      ['kl', picks.kl],
      ['pass-at-n', passAtN],
    ] as const;
    for (const [criterion, pick] of criteria) {
      if (pick !== null && pick !== result.winner) found.push(disagreement(logProbs, result, criterion, pick));
    }
  }
  return found;
}

function disagreement(
  logProbs: LogProbs,
  result: TournamentResult,
  criterion: Disagreement['criterion'],
  pick: string,
): Disagreement {
  const index = logProbs.modelIndex(pick);
  const rival = result.rivals[index]!;
  const uncovered = uncoveredResponses(logProbs, pick, rival, result.N);
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

/** A response that a model fails to cover against a rival at some N. */
export interface UncoveredResponse {
  /** Its column. */
  readonly response: number;
  /** log π_rival − log π_model, at least log N; +∞ where the model rules the response out. */
  readonly logRatio: number;
}

/** Responses on which `rival`'s probability is at least N times `model`'s, by falling log ratio, then position. */
export function uncoveredResponses(logProbs: LogProbs, model: string, rival: string, N: number): UncoveredResponse[] {
  const own = logProbs.row(model);
  const threshold = Math.log(N);
  return [...logProbs.row(rival)]
    .map((value, response) => ({ response, logRatio: value - own[response]! }))
    .filter(({ logRatio }) => logRatio >= threshold)
    .sort((a, b) => b.logRatio - a.logRatio || a.response - b.response);
}
