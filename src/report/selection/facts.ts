/** What the reports of a selection derive from its result; nothing here is a new estimate. */
import type { SelectionResult, TournamentResult } from '../../selection/result.js';
import { byMeanRank, coloured } from '../ranking.js';

/** How sure a winner is. */
export type Certainty = 'clear' | 'within-noise' | 'untested';

export function certainty(tournament: TournamentResult): Certainty {
  if (tournament.significant === null) return 'untested';
  return tournament.significant ? 'clear' : 'within-noise';
}

export const CERTAINTY_WORDS: Readonly<Record<Certainty, string>> = {
  clear: 'clear',
  'within-noise': 'within noise',
  untested: 'not tested',
};

/** Position of each model, by name. */
export function positions(models: readonly string[]): ReadonlyMap<string, number> {
  return new Map(models.map((model, index) => [model, index]));
}

/** A run of N, in the order given, with the same winner and the same certainty. */
export interface Stretch {
  readonly winner: string;
  readonly certainty: Certainty;
  readonly tournaments: readonly TournamentResult[];
}

/** The tournaments gathered by winner and certainty, each group by rising N, groups by their least N. */
export function stretches(result: SelectionResult): Stretch[] {
  const groups = new Map<string, TournamentResult[]>();
  for (const tournament of byN(result)) {
    const key = `${certainty(tournament)} ${tournament.winner}`;
    groups.set(key, [...(groups.get(key) ?? []), tournament]);
  }
  return [...groups.values()].map((tournaments) => ({
    winner: tournaments[0]!.winner,
    certainty: certainty(tournaments[0]!),
    tournaments,
  }));
}

/** Tournaments by rising N. */
export function byN(result: SelectionResult): TournamentResult[] {
  return [...result.tournaments].sort((a, b) => a.N - b.N);
}

/** Share of the bootstrap replicates that a model wins; `null` without a bootstrap. */
export function winShare(result: SelectionResult, tournament: TournamentResult, model: string): number | null {
  const index = result.models.indexOf(model);
  return tournament.bootstrap?.winShares[index] ?? null;
}

/** Whether the curves know nothing between the N asked for, so that a figure must not pretend to. */
export function isSparse({ curves, tournaments }: SelectionResult): boolean {
  return curves.N.every((N) => tournaments.some((each) => each.N === N));
}

/**
 * The models that figures colour, most interesting first: winners, the picks of the other criteria, runners-up, then by
 * mean rank.
 */
export function highlighted(result: SelectionResult): string[] {
  return coloured([
    ...byN(result).map(({ winner }) => winner),
    result.crossEntropy.winner,
    result.kl?.winner,
    ...(result.passAtN?.picks.map(({ winner }) => winner) ?? []),
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
