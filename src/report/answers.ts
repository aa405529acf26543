/** What reports say of answers beside whole responses, whichever result they come with. */
import type { MonteCarlo } from '../answers/aligned.js';
import { listedModels, type Phrase } from '../results/phrase.js';
import { compact, count, decimal, plural } from '../text/format.js';

/** How log-probabilities of answers came about. */
export interface AnswersMade {
  readonly exact: boolean;
  readonly reasonings: readonly [least: number, greatest: number];
  readonly proposal: string | null;
  /** By model, all whose answers take part. */
  readonly monteCarlo: readonly { readonly model: string; readonly monteCarlo: MonteCarlo }[];
}

const MOST_NAMED = 3;

/** Where the values come from, how far they are off, and what the two levels have to do with each other. */
export function answerNotes(made: AnswersMade): Phrase[] {
  return [...(made.exact ? exactNotes() : sampledNotes(made)), unreachedNote(made), relation()].filter(
    (phrase): phrase is Phrase => phrase !== null,
  );
}

function exactNotes(): Phrase[] {
  return [['Log-probabilities of answers were given without reasonings and are taken as exact.']];
}

function sampledNotes({ reasonings: [least, greatest], proposal, monteCarlo }: AnswersMade): Phrase[] {
  const known = monteCarlo.filter((each) => each.monteCarlo.bias !== null);
  const worst = known.reduce<(typeof known)[number] | null>(
    (worst, each) => (worst === null || each.monteCarlo.bias! < worst.monteCarlo.bias! ? each : worst),
    null,
  );
  const many = least === greatest ? plural(least, 'reasoning') : `${count(least)} to ${plural(greatest, 'reasoning')}`;
  const unknown = monteCarlo.some((each) => each.monteCarlo.unknownBias > 0);
  return [
    [
      `The probability of an answer is the mean over ${many} of each response, drawn from `,
      ...(proposal === null ? ['each model itself'] : [{ model: proposal }, ' and weighed']),
      ': unbiased, and its logarithm too low on average',
      ...(worst === null
        ? ['']
        : [
            `, by the jackknife ${decimal(-worst.monteCarlo.bias!)} nats at the most (mean over responses, `,
            { model: worst.model },
            `; its standard error ${decimal(worst.monteCarlo.standardError ?? 0)})`,
          ]),
      `.${unknown ? ' Where at most one reasoning leads to an answer the bias is not known.' : ''}`,
    ],
    [
      'Intervals hold what Monte Carlo over reasonings adds, at any number of responses and reasonings; ',
      { stress: 'open' },
      ' are the responses of which the reasonings do not tell whether they count.',
    ],
  ];
}

function unreachedNote({ exact, monteCarlo }: AnswersMade): Phrase | null {
  const unreached = monteCarlo.filter((each) => each.monteCarlo.unreached > 0);
  if (exact || unreached.length === 0) return null;
  const most = Math.max(...unreached.map((each) => each.monteCarlo.unreached));
  return [
    `None of the reasonings leads to the answer in up to ${plural(most, 'response')} (`,
    ...listedModels(unreached.slice(0, MOST_NAMED).map(({ model }) => model)),
    unreached.length > MOST_NAMED
      ? ', …): its probability is not 0, only small beside one in so many reasonings.'
      : '): its probability is not 0, only small beside one in so many reasonings.',
  ];
}

function relation(): Phrase {
  return [
    'Cov_N of answers may be above Cov_N of whole responses; what holds is Cov_N(answer) ≤ Cov_{tN}(whole)/(1 − t) for 0 < t < 1.',
  ];
}

/** `N = 4` for a heading. */
export function headingOf(N: number): string {
  return `N = ${compact(N)}`;
}
