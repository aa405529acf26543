import { compact, count, listed, plural } from '../text/format.js';
import type { TournamentResult } from './result.js';

const MOST_NAMED = 10;

/** What an explanation is made from. */
export type Explained = Pick<
  TournamentResult,
  'bestOf' | 'N' | 'winner' | 'verdict' | 'possibleWinners' | 'sharing' | 'resolution' | 'responsesNeeded' | 'scores'
>;

/** The verdict in plain words: who may be best, and what to do about it. */
export function explain(
  result: Explained,
  { units, unit, tailResponses }: { units: number; unit: 'response' | 'prompt'; tailResponses: number | null },
): string {
  const { bestOf, winner, verdict, possibleWinners, sharing, responsesNeeded, resolution, N } = result;
  const others = names(possibleWinners.filter((name) => name !== winner));
  const more =
    responsesNeeded === null
      ? 'More responses like these would not tell them apart'
      : `With ${rough(responsesNeeded)} responses like these ${winner} would be the only one left`;
  switch (verdict) {
    case 'clear':
      return `${winner} is the only model that can be best: every other is ruled out.`;
    case 'noise':
      return `${winner} has the least score, but ${others} may be best as well. ${more}.`;
    case 'tied':
      return `${plural(sharing, 'model')} share the least score; ${winner} has the smallest reach. ${others} may be best as well. ${more}.`;
    case 'silent':
      return (
        `${plural(sharing, 'model')} have no response against them: N = ${compact(N)} is beyond what these responses resolve, ` +
        `and ${winner} is chosen by its reach; ${others} may be best as well.` +
        resolutionAdvice(resolution, bestOf === null ? 'a smaller N' : 'a smaller budget') +
        (tailResponses === null
          ? ''
          : ` As log ratios fall off here, a response that counts at this N takes ${rough(tailResponses)} responses.`)
      );
    case 'few':
      return `${plural(units, unit)} ${units === 1 ? 'is' : 'are'} too few for a verdict: give at least 30.`;
  }
}

/** A number that is foretold: more than two figures of it, or more than a billion, would pretend to know. */
function rough(value: number): string {
  return value > 1e9 ? 'more than a billion' : `about ${count(Number(value.toPrecision(2)))}`;
}

function resolutionAdvice(resolution: number | null, smaller: string): string {
  if (resolution === null) return '';
  if (resolution === 0) return ' No two models are told apart at any N.';
  return ` One model alone leads up to N = ${compact(resolution)}: take ${smaller} or more responses.`;
}

function names(models: readonly string[]): string {
  if (models.length <= MOST_NAMED) return listed(models);
  return `${models.slice(0, MOST_NAMED).join(', ')} and ${models.length - MOST_NAMED} others`;
}
