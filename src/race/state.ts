import { compact, count, listed, percent, plural } from '../text/format.js';

/** How far a decision is; see {@link RaceState.verdict}. */
export type RaceVerdict = 'open' | 'winner' | 'within' | 'tied' | 'unknown';

/** What is known of one model of a race. */
export interface RaceModel {
  readonly model: string;
  /** Whether it may be best. */
  readonly candidate: boolean;
  /** Whether it may decide the score of another that may be best. */
  readonly rival: boolean;
  /** Responses it is scored on. */
  readonly scored: number;
  /** Its score over the responses gone through, as a share of them; `null` once it is out as candidate, or before any. */
  readonly score: number | null;
  /** The rival that makes this score; `null` likewise. */
  readonly worstRival: string | null;
  /** How it left as candidate: after how many responses, and which model has the lesser score; `null` if it did not. */
  readonly exit: { readonly responses: number; readonly opponent: string; readonly rival: string } | null;
  /** Responses gone through when it was out both as candidate and as rival; `null` if it is not. */
  readonly outAt: number | null;
  /** Whether it can be scored no more. */
  readonly retired: boolean;
}

/** Where a race stands, plain data. */
export interface RaceState {
  /**
   * `winner`: one model alone may be best, it is the winner of the whole list; `within`: the score of the model taken is
   * within the tolerance of the least; `tied`: all is scored that matters, and several models share the least score (each
   * wrong with probability at most `delta`, unless it is `exact`); `unknown`: what is missing of models that were retired
   * leaves several possible; `open`: nothing is decided yet.
   */
  readonly verdict: RaceVerdict;
  /**
   * Whether the verdict follows from what is scored, in whatever order it was gone through, as where everything is scored:
   * then it cannot be wrong.
   */
  readonly exact: boolean;
  /** The model to take; `null` unless decided. Of several that share the least score the one of the greater mean log-probability. */
  readonly winner: string | null;
  /** Models that may be best, the least score so far first. */
  readonly possibleWinners: readonly string[];
  /** The models, in their order. */
  readonly models: readonly RaceModel[];
  /** Responses gone through: all that was needed of them is known. */
  readonly responses: number;
  /** Scored pairs of a response and a model. */
  readonly scored: number;
  /** Pairs in all. */
  readonly pairs: number;
  /** Scored pairs as a share of all. */
  readonly share: number;
  /** Whether nothing is left to be scored. */
  readonly done: boolean;
  /** The verdict in plain words, and what was left unscored. */
  readonly explanation: string;
}

/** The core's state: models are indices. @internal */
export interface NativeRaceState {
  readonly verdict: RaceVerdict;
  readonly exact: boolean;
  readonly winner: number | null;
  readonly possibleWinners: number[];
  readonly models: {
    readonly candidate: boolean;
    readonly rival: boolean;
    readonly scored: number;
    readonly score: number | null;
    readonly worstRival: number | null;
    readonly exit: { readonly responses: number; readonly opponent: number; readonly rival: number } | null;
    readonly outAt: number | null;
    readonly retired: boolean;
  }[];
  readonly responses: number;
  readonly scored: number;
  readonly share: number;
  readonly done: boolean;
}

/** What the race is about, as far as sentences say it. */
interface Terms {
  readonly responses: number;
  readonly N: number;
  readonly delta: number;
  readonly tolerance: number;
}

/** The core's state with the names of the models. @internal */
export function nameState(state: NativeRaceState, models: readonly string[], terms: Terms): RaceState {
  const name = (index: number) => models[index]!;
  const nameOrNull = (index: number | null) => (index === null ? null : name(index));
  const named = {
    verdict: state.verdict,
    exact: state.exact,
    winner: nameOrNull(state.winner),
    possibleWinners: state.possibleWinners.map(name),
    models: state.models.map(({ worstRival, exit, ...rest }, index) => ({
      model: name(index),
      ...rest,
      worstRival: nameOrNull(worstRival),
      exit: exit && { responses: exit.responses, opponent: name(exit.opponent), rival: name(exit.rival) },
    })),
    responses: state.responses,
    scored: state.scored,
    pairs: models.length * terms.responses,
    share: state.share,
    done: state.done,
  };
  return { ...named, explanation: explain(named, terms) };
}

const MOST_NAMED = 10;

function explain(state: Omit<RaceState, 'explanation'>, { responses, N, delta, tolerance }: Terms): string {
  const { verdict, exact, winner, possibleWinners, models, pairs, scored, share } = state;
  const list = `all ${plural(responses, 'response')} at N = ${compact(N)}`;
  const sure = exact
    ? 'which is exact: what is scored leaves no doubt'
    : `wrong with probability at most ${percent(delta)}`;
  const left = `${count(scored)} of ${count(pairs)} pairs of response and model are scored (${percent(share)})`;
  switch (verdict) {
    case 'winner':
      return `${winner} has the least score over ${list}, ${sure}. ${left}.`;
    case 'within':
      return `The score of ${winner} over ${list} is within ${percent(tolerance)} of the responses of the least, ${sure}. ${left}.`;
    case 'tied':
      return `${named(possibleWinners)} share the least score over ${list}, ${sure}; ${winner} has the greatest mean log-probability of them. ${left}.`;
    case 'unknown': {
      const missing = models.filter(({ retired, scored }) => retired && scored < responses).map(({ model }) => model);
      return `${named(possibleWinners)} may be best over ${list}: what is missing of ${named(missing)} would have to be scored to tell. ${left}.`;
    }
    case 'open':
      return `After ${plural(state.responses, 'response')} ${named(possibleWinners)} may be best over ${list}. ${left}.`;
  }
}

function named(models: readonly string[]): string {
  if (models.length <= MOST_NAMED) return listed(models);
  return `${models.slice(0, MOST_NAMED).join(', ')} and ${models.length - MOST_NAMED} others`;
}
