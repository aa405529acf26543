import { type Cell, numberColumn, type Table } from '../../results/table.js';
import type { AnswerSelection, AnswerTournament, SelectionResult } from '../../selection/result.js';
import type { CsvValue } from '../../text/csv.js';
import { confidencePercent, count, percent, percentInterval } from '../../text/format.js';
import { answerNotes, headingOf } from '../answers.js';
import { notes, type Section, table } from '../report.js';
import { byN, meanRanking, positions, VERDICT_WORDS } from './facts.js';

/** The tournaments between answers beside those between whole responses; no section without answers. */
export function answerSections(result: SelectionResult): Section[] {
  const { answers, models } = result;
  if (answers === null) return [];
  const monteCarlo = answers.monteCarlo.map((monteCarlo, index) => ({ model: models[index]!, monteCarlo }));
  return [
    {
      id: 'answers',
      heading: 'Answers beside whole responses',
      blocks: [
        table(picksByAnswers(result, answers)),
        table(scoresOfAnswers(result, answers), 'answers-table'),
        notes(answerNotes({ ...answers, monteCarlo })),
      ],
    },
  ];
}

/** The tournament between answers at an N of the result. */
function answersAt({ tournaments }: AnswerSelection, N: number): AnswerTournament {
  return tournaments.find((each) => each.N === N)!;
}

/** One row for each N: what answers would take, how sure, and what whole responses take. */
function picksByAnswers(result: SelectionResult, answers: AnswerSelection): Table {
  const n = result.responses;
  const position = positions(result.models);
  return {
    caption: 'The picks by answers',
    columns: [
      numberColumn('N', 'Ratio at which the tournament is held'),
      {
        label: 'take by answers',
        name: true,
        title: 'The winner at N; for a budget the model that stays closest to the least scores over its N',
      },
      { label: 'verdict' },
      numberColumn('may be best', 'Number of models that may be best, whatever Monte Carlo adds'),
      numberColumn(
        'score',
        'Share of the responses to whose answer its worst rival gives at least N times its probability',
      ),
      numberColumn(
        `${confidencePercent(result.confidence)} interval`,
        'Interval of the score, Monte Carlo over reasonings included',
        true,
      ),
      { label: 'take by whole responses', name: true },
    ],
    rows: byN(result).map((whole): Cell[] => {
      const at = answersAt(answers, whole.N);
      const { model, verdict } = at.recommendation;
      const taken = position.get(model)!;
      const interval = at.scoreIntervals[taken]!;
      const other = whole.recommendation.model;
      return [
        { text: headingOf(whole.N), sort: whole.N },
        {
          text: model,
          tone: 'strong',
          ...(model !== at.winner && { title: `at ${headingOf(whole.N)} alone ${at.winner} wins` }),
        },
        { text: VERDICT_WORDS[verdict] },
        { text: count(at.possibleWinners.length), sort: at.possibleWinners.length },
        { text: percent(at.scores[taken]!, n), sort: at.scores[taken]! },
        { text: percentInterval(interval, n), sort: interval[1], tone: 'muted' },
        { text: other, ...(other !== model && { tone: 'caution' as const }) },
      ];
    }),
  };
}

/** One row a model, best mean rank first: score of the answers and of the whole responses at each N. */
function scoresOfAnswers(result: SelectionResult, answers: AnswerSelection): Table {
  const n = result.responses;
  const position = positions(result.models);
  const tournaments = byN(result);
  return {
    caption: 'Scores of answers and of whole responses',
    columns: [
      { label: 'model', name: true },
      ...tournaments.flatMap(({ N }) => [
        numberColumn(headingOf(N), `Score of the answers at ${headingOf(N)}`),
        numberColumn('interval', 'Monte Carlo over reasonings included', true),
        ...(answers.exact
          ? []
          : [numberColumn('open', 'Responses of which the reasonings do not tell whether the worst rival leads by N')]),
        numberColumn('whole', `Score of the whole responses at ${headingOf(N)}`),
      ]),
    ],
    rows: meanRanking(result).map((model): Cell[] => {
      const index = position.get(model)!;
      return [
        { text: model },
        ...tournaments.flatMap((whole): Cell[] => {
          const at = answersAt(answers, whole.N);
          const interval = at.scoreIntervals[index]!;
          return [
            {
              text: percent(at.scores[index]!, n),
              sort: at.scores[index]!,
              title: `${count(at.scoreCounts[index]!)} of ${count(n)}, against ${at.rivals[index]!}`,
              ...(at.winner === model && { tone: 'strong' as const }),
            },
            { text: percentInterval(interval, n), sort: interval[1], tone: 'muted' },
            ...(answers.exact ? [] : [{ text: count(at.undecided[index]!), sort: at.undecided[index]! }]),
            { text: percent(whole.scores[index]!, n), sort: whole.scores[index]! },
          ];
        }),
      ];
    }),
  };
}

/** Columns of the answers in the sheet; none without answers. */
export function answerColumns({ answers }: SelectionResult): string[] {
  if (answers === null) return [];
  return [
    'answerRank',
    'answerWinner',
    'answerRecommended',
    'answerPossible',
    'answerVerdict',
    'answerScore',
    'answerScoreLow',
    'answerScoreHigh',
    'answerUndecided',
  ];
}

/** The answers' part of the sheet's row of a model and an N. */
export function answerValues({ answers, models }: SelectionResult, model: string, N: number): CsvValue[] {
  if (answers === null) return [];
  const at = answersAt(answers, N);
  const index = models.indexOf(model);
  return [
    at.ranking.indexOf(model) + 1,
    at.winner === model,
    at.recommendation.model === model,
    at.possibleWinners.includes(model),
    at.verdict,
    at.scores[index],
    ...at.scoreIntervals[index]!,
    at.undecided[index],
  ];
}
