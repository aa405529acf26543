import { listedModels, type Part, type Phrase } from '../../results/phrase.js';
import type { Disagreement, SelectionResult, SelectionVerdict, TournamentResult } from '../../selection/result.js';
import {
  capitalised,
  compact,
  confidencePercent,
  count,
  listed,
  percent,
  plural,
  points,
  roughPercent,
} from '../../text/format.js';
import { byN, type Stretch, stretches, VERDICT_WORDS, winShare } from './facts.js';

/** What to take for some N, and how sure that is. */
interface Advice {
  /** What it is for: `Best-of-12 (N = 3.302)`, `N = 4 and 16`. */
  readonly occasion: string;
  readonly model: string;
  readonly verdict: SelectionVerdict;
  readonly text: Phrase;
}

/** The result in plain words. */
export interface SelectionSummary {
  /** The one model to take over all N. */
  readonly recommendation: Phrase;
  readonly advice: readonly Advice[];
  /** What the other criteria would have picked, and what that would have cost. */
  readonly others: readonly Phrase[];
  /** What weakens the result, besides the warnings. */
  readonly caveats: readonly Phrase[];
}

/** Says in plain words which model to take for which N, how sure that is, and what other criteria would have done. */
export function selectionSummary(result: SelectionResult): SelectionSummary {
  return {
    recommendation: recommend(result),
    advice: stretches(result).map((stretch) => ({
      occasion: occasions(stretch.tournaments),
      model: stretch.model,
      verdict: stretch.verdict,
      text: advise(result, stretch),
    })),
    others: [...lossPicks(result), ...(result.passAtK ? [passAtK(result)] : [])],
    caveats: caveats(result),
  };
}

/** `N = 4`, kept on one line. */
function atN(N: number): string {
  return `N\u00a0=\u00a0${compact(N)}`;
}

function budgets(values: readonly number[]): string {
  return `N\u00a0=\u00a0${listed(values.map((N) => compact(N)))}`;
}

function recommend({ recommendation: { model, verdict }, tournaments }: SelectionResult): Phrase {
  const over = tournaments.length === 1 ? '' : ` over all ${tournaments.length} tournaments`;
  const why = tournaments.length === 1 ? '' : ' No other model’s score stays as close to the best one at every N.';
  return ['Take ', { model }, `${over}: `, { stress: VERDICT_WORDS[verdict] }, `.${why}`];
}

function advise(result: SelectionResult, { model, verdict, tournaments }: Stretch): Phrase {
  const held = tournaments.filter(({ winner }) => winner !== model);
  return [
    `For ${occasions(tournaments)} take `,
    { model },
    '. ',
    { stress: capitalised(VERDICT_WORDS[verdict]) },
    ': ',
    ...held.flatMap((each) => closest(each, result.responses)),
    `${explanations(tournaments, held.length > 0)} `,
    ...worstCase(result, model, tournaments),
  ];
}

/** Why a budget takes another model than the winner at its N. */
export function closest(
  { span, recommendation }: Pick<TournamentResult, 'span' | 'recommendation'>,
  responses: number,
): Part[] {
  const { model, aboveLeast } = recommendation;
  const over = `over N\u00a0=\u00a0${compact(span[0]!)} to ${compact(span.at(-1)!)}, which the budget is about, `;
  const how =
    aboveLeast === 0
      ? ' has the least score throughout. '
      : ` stays closest to the least scores, ${points(aboveLeast, responses)} above them at most. `;
  return [over, { model }, how];
}

/** `Best-of-12 (N = 3.302)`, `N = 4 and 16`. */
export function occasions(tournaments: readonly TournamentResult[]): string {
  const given = tournaments.filter(({ bestOf }) => bestOf === null).map(({ N }) => N);
  return listed([
    ...tournaments.flatMap(({ bestOf, N }) => (bestOf === null ? [] : [`Best-of-${bestOf} (${atN(N)})`])),
    ...(given.length > 0 ? [budgets(given)] : []),
  ]);
}

/** What each tournament says: with its N where they differ, or where N `alone` is not what decides. */
function explanations(tournaments: readonly TournamentResult[], alone: boolean): string {
  const [first, ...rest] = tournaments;
  if (!alone && rest.every(({ explanation }) => explanation === first!.explanation)) return first!.explanation;
  return tournaments
    .map(({ N, explanation }, index) => {
      const at = index === 0 && !alone ? 'at' : 'At';
      return `${at} ${atN(N)}${alone ? ' alone' : ''}, ${explanation}`;
    })
    .join(' ');
}

function worstCase(result: SelectionResult, model: string, tournaments: readonly TournamentResult[]): Part[] {
  const index = result.models.indexOf(model);
  const scores = tournaments.map(({ scores }) => scores[index]!);
  const times = tournaments.length === 1 ? compact(tournaments[0]!.N) : 'N';
  const tied = tournaments
    .filter(({ winner }) => winner === model)
    .map(({ N, scoreCounts }) => ({ N, others: scoreCounts.filter((each) => each === scoreCounts[index]).length - 1 }))
    .filter(({ others }) => others > 0);
  const limit = eachN(tournaments, scores, result.responses);
  return [
    `No other model gives ${times} times its probability on more than ${limit} of the responses.`,
    ...(tied.length === 0
      ? []
      : [
          ` It shares its score with ${listed(tied.map(({ N, others }) => `${plural(others, 'other model')} (${atN(N)})`))}; the smaller reach decided.`,
        ]),
  ];
}

const MOST_SPELT_OUT = 3;

/** Shares by N: `12%`, `12% (N = 2) and 34% (N = 4)`, of many `12% (N = 2) to 34% (N = 64)`. */
function eachN(tournaments: readonly TournamentResult[], shares: readonly (number | null)[], total?: number): string {
  const known = tournaments.flatMap(({ N }, index) => {
    const share = shares[index];
    return share === null || share === undefined
      ? []
      : [{ share, text: total ? percent(share, total) : roughPercent(share), at: ` (${atN(N)})` }];
  });
  if (new Set(known.map(({ text }) => text)).size === 1) return known[0]!.text;
  const rising = [...known].sort((a, b) => a.share - b.share);
  if (known.length > MOST_SPELT_OUT) {
    return `${rising[0]!.text}${rising[0]!.at} to ${rising.at(-1)!.text}${rising.at(-1)!.at}`;
  }
  return listed(known.map(({ text, at }) => text + at));
}

/** What cross-entropy and, with a reference, KL would have picked, said once where they agree. */
function lossPicks(result: SelectionResult): Phrase[] {
  const { crossEntropy, kl } = result;
  const loss = 'Cross-entropy (validation loss)';
  const divergence: Part[] = kl ? ['KL divergence from ', { model: kl.reference }] : [];
  if (!kl?.winner) return [criterion(result, 'cross-entropy', [`${loss} picks `, { model: crossEntropy.winner }])];
  if (kl.winner === crossEntropy.winner) {
    return [criterion(result, 'kl', [`${loss} and `, ...divergence, ' pick ', { model: kl.winner }])];
  }
  return [
    criterion(result, 'cross-entropy', [`${loss} picks `, { model: crossEntropy.winner }]),
    criterion(result, 'kl', [...divergence, ' picks ', { model: kl.winner }]),
  ];
}

function criterion(result: SelectionResult, kind: 'cross-entropy' | 'kl', head: readonly Part[]): Phrase {
  const against = disagreements(result, kind);
  const all = result.tournaments.length;
  if (against.length === 0)
    return [...head, all > 1 ? ', as the tournament does at every N.' : ', as the tournament does.'];
  const costs = against.map((each, index) => cost(result, each, index === against.length - 1));
  if (against.length < all) {
    return [...head, `, as the tournament does but for ${budgets(against.map(({ N }) => N))}. `, ...costs.flat()];
  }
  return [...head, '. ', ...costs.flat()];
}

function disagreements(result: SelectionResult, kind: Disagreement['criterion']): Disagreement[] {
  return result.disagreements.filter(({ criterion }) => criterion === kind).sort((a, b) => a.N - b.N);
}

/** What it would have cost to follow the other criterion at one N. */
function cost(result: SelectionResult, each: Disagreement, last: boolean): Part[] {
  const n = result.responses;
  const tournament = result.tournaments.find(({ N }) => N === each.N)!;
  const share = winShare(tournament, each.pick);
  return [
    `At ${atN(each.N)} it fails to cover ${plural(each.uncovered, 'response')} (${percent(each.pickScore, n)}) against `,
    { model: each.rival },
    `, ${points(each.pickScore - each.winnerScore, n)} more than `,
    { model: each.winner },
    ` does against its own worst rival${each.ruledOut ? ': it is ruled out' : share === null ? '' : `; it is the best in ${roughPercent(share)} of the resamples`}.${last ? '' : ' '}`,
  ];
}

function passAtK(result: SelectionResult): Phrase {
  const against = disagreements(result, 'pass-at-k');
  const picks = result.passAtK!.picks.filter(({ winner }) => winner !== null);
  if (picks.length === 0) return ['Pass@N is known for no model at these N.'];
  return [
    'By the samples, Pass@N is greatest for ',
    ...picks.flatMap(({ N, winner }, index): Part[] => [
      index === 0 ? '' : index === picks.length - 1 ? ' and ' : ', ',
      { model: winner! },
      ` at ${atN(N)}`,
    ]),
    against.length === 0 ? ', as the tournament has it.' : '.',
  ];
}

function caveats(result: SelectionResult): Phrase[] {
  const confidence = confidencePercent(result.confidence);
  const ties = byN(result).filter(({ nearTies }) => nearTies > 0);
  const infinite = result.models.filter((_, index) => result.crossEntropy.infinite[index]! > 0);
  return [
    ...(ties.length === 0
      ? []
      : [
          [
            `Near-ties: ${ties.map(({ N, nearTies }) => `${count(nearTies)} at ${atN(N)}`).join(', ')}. ` +
              'In so many comparisons with the winner the log ratio lies so close to log N that the precision of the input cannot tell the sides apart.',
          ],
        ]),
    ...(infinite.length === 0
      ? []
      : [
          [
            `${plural(infinite.length, 'model')} ${infinite.length === 1 ? 'gives' : 'give'} probability zero to some responses (`,
            ...listedModels(infinite.slice(0, 5)),
            `${infinite.length > 5 ? ', …' : ''}): the cross-entropy there is infinite.`,
          ] as Phrase,
        ]),
    [
      `Intervals are at ${confidence} confidence, each by itself; the possible winners hold a truly best model at all N together with that confidence.`,
    ],
  ];
}
