import type { AnswerCoverageAt, AnswerProfiles, ModelAnswerProfile } from '../../profile/answer-profiles.js';
import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import { type Cell, numberColumn, type Table } from '../../results/table.js';
import type { CsvValue } from '../../text/csv.js';
import { confidencePercent, count, percent, percentInterval } from '../../text/format.js';
import { answerNotes, headingOf } from '../answers.js';
import { notes, type Section, table } from '../report.js';
import { budgetsOf, coverageAt, meanRanking } from './facts.js';
import { estimateCell } from './tables.js';

/** Cov_N of the answers beside that of the whole responses; no section without answers. */
export function answerSections(result: CoverageProfiles): Section[] {
  const { answers } = result;
  if (answers === null) return [];
  const monteCarlo = [
    { model: result.reference, monteCarlo: answers.referenceMonteCarlo },
    ...answers.models.map(({ model, monteCarlo }) => ({ model, monteCarlo })),
  ];
  return [
    {
      id: 'answers',
      heading: 'Answers beside whole responses',
      blocks: [table(answersTable(result, answers), 'answers-table'), notes(answerNotes({ ...answers, monteCarlo }))],
    },
  ];
}

/** Cov_N of the answers of a model at an N of the result. */
function answerAt({ coverage }: ModelAnswerProfile, N: number): AnswerCoverageAt {
  return coverage.find((each) => each.N === N)!;
}

function answersTable(result: CoverageProfiles, answers: AnswerProfiles): Table {
  const n = result.responses;
  const budgets = budgetsOf(result);
  const interval = `Interval at ${confidencePercent(result.confidence)} confidence, Monte Carlo included`;
  return {
    caption: `Cov_N of the answers against ${result.reference}, in the order of the whole responses`,
    columns: [
      { label: 'model', name: true },
      ...budgets.flatMap((N) => [
        numberColumn(headingOf(N), `Cov_N of the answers at ${headingOf(N)}`),
        numberColumn('interval', interval, true),
        ...(answers.exact ? [] : [numberColumn('open', 'Responses that the reasonings do not decide')]),
        numberColumn('whole', `Cov_N of the whole responses at ${headingOf(N)}`),
      ]),
      numberColumn('KL', 'KL divergence of the answers in nats'),
      numberColumn('cross-entropy', 'Mean of −log probability of the answer, in nats'),
    ],
    rows: meanRanking(result).map((profile): Cell[] => {
      const answer = answers.models.find(({ model }) => model === profile.model)!;
      return [
        { text: profile.model },
        ...budgets.flatMap((N): Cell[] => {
          const at = answerAt(answer, N);
          const whole = coverageAt(profile, N);
          return [
            {
              text: percent(at.value, n),
              sort: at.value,
              title:
                `${count(at.count)} of ${count(n)}; of the responses alone ${percentInterval(at.samplingInterval, n)}; ` +
                `by the whole responses at most ${percent(at.wholeBound, n)}`,
            },
            { text: percentInterval(at.interval, n), sort: at.interval[1], tone: 'muted' },
            ...(answers.exact ? [] : [{ text: count(at.undecided), sort: at.undecided, tone: 'muted' as const }]),
            { text: percent(whole.value, n), sort: whole.value },
          ];
        }),
        estimateCell(answer.kl),
        estimateCell(answer.crossEntropy),
      ];
    }),
  };
}

/** Columns of the answers in the sheet; none without answers. */
export function answerColumns({ answers }: CoverageProfiles): string[] {
  if (answers === null) return [];
  return [
    'answerCoverage',
    'answerCount',
    'answerLow',
    'answerHigh',
    'answerUndecided',
    'answerWholeBound',
    'answerKl',
    'answerCrossEntropy',
  ];
}

/** The answers' part of the sheet's row of a model and an N. */
export function answerValues({ answers }: CoverageProfiles, model: string, N: number): CsvValue[] {
  if (answers === null) return [];
  const profile = answers.models.find((each) => each.model === model)!;
  const at = answerAt(profile, N);
  return [
    at.value,
    at.count,
    ...at.interval,
    at.undecided,
    at.wholeBound,
    profile.kl.value,
    profile.crossEntropy.value,
  ];
}
