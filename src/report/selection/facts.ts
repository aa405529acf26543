/** What the reports of a selection derive from its result; nothing here is a new estimate. */
import type { SelectionResult, SelectionVerdict, TournamentResult } from '../../selection/result.js';
import { byMeanRank, coloured } from '../ranking.js';

/** The verdicts in print. */
export const VERDICT_WORDS: Readonly<Record<SelectionVerdict, string>> = {
  clear: 'clear',
  noise: 'within noise',
  tied: 'tied',
  silent: 'silent',
  few: 'too few',
};

/** How the verdicts are toned. */
export const VERDICT_TONES = {
  clear: 'good',
  noise: 'caution',
  tied: 'caution',
  silent: 'caution',
  few: 'muted',
} as const;

/** Position of each model, by name. */
export function positions(models: readonly string[]): ReadonlyMap<string, number> {
  return new Map(models.map((model, index) => [model, index]));
}

/** A run of N with the same model to take and the same verdict on it. */
export interface Stretch {
  readonly model: string;
  readonly verdict: SelectionVerdict;
  readonly tournaments: readonly TournamentResult[];
}

/** The tournaments gathered by what to take and how sure that is, each group by rising N, groups by their least N. */
export function stretches(result: SelectionResult): Stretch[] {
  const groups = new Map<string, TournamentResult[]>();
  for (const tournament of byN(result)) {
    const { model, verdict } = tournament.recommendation;
    const key = `${verdict} ${model}`;
    groups.set(key, [...(groups.get(key) ?? []), tournament]);
  }
  return [...groups.values()].map((tournaments) => ({
    model: tournaments[0]!.recommendation.model,
    verdict: tournaments[0]!.recommendation.verdict,
    tournaments,
  }));
}

/** Tournaments by rising N. */
export function byN(result: SelectionResult): TournamentResult[] {
  return [...result.tournaments].sort((a, b) => a.N - b.N);
}

/** Share of the bootstrap replicates that a possible winner wins; `null` without one, and for models ruled out. */
export function winShare({ possibleWinners, winShares }: TournamentResult, model: string): number | null {
  return winShares?.[possibleWinners.indexOf(model)] ?? null;
}

/** Whether the curves know nothing between the N asked for, so that a figure must not pretend to. */
export function isSparse({ curves, tournaments }: SelectionResult): boolean {
  return curves.N.every((N) => tournaments.some((each) => each.N === N || each.span.includes(N)));
}

/** Says so of curves that are sparse. */
export function sparseNote({ curves: { N }, tournaments }: SelectionResult): string {
  const besides = N.some((each) => !tournaments.some((asked) => asked.N === each));
  return `Only the N that were asked for${besides ? ', and those that budgets are held against,' : ''} were worked out`;
}

/**
 * The models that figures colour, most interesting first: winners, the picks of the other criteria, runners-up, then by
 * mean rank.
 */
export function highlighted(result: SelectionResult): string[] {
  return coloured([
    ...byN(result).flatMap(({ winner, recommendation }) => [winner, recommendation.model]),
    result.crossEntropy.winner,
    result.kl?.winner,
    ...(result.passAtK?.picks.map(({ winner }) => winner) ?? []),
    ...byN(result).map(({ ranking }) => ranking[1]),
    ...meanRanking(result),
  ]);
}

/** All models by mean rank over the tournaments, ties in input order. */
export function meanRanking({ models, tournaments }: SelectionResult): string[] {
  const position = positions(models);
  const orders = tournaments.map(({ ranking }) => ranking.map((name) => position.get(name)!));
  return byMeanRank(models.length, orders).map((index) => models[index]!);
}
