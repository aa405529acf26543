import { Race } from '../../race/race.js';
import type { RaceModel, RaceState } from '../../race/state.js';
import type { Warning } from '../../results/estimate.js';
import type { Table } from '../../results/table.js';
import { compact, count, percent, plural } from '../../text/format.js';
import { packageVersion } from '../../version.js';
import * as z from '../../zod.js';
import { build, resultGiven, shapeGiven } from '../fault.js';
import { paragraph, type Report, type Sheet, table } from '../report.js';

/** What a race has found out, plain data; as far as a selection has the same, under the same names. */
export interface RaceResult {
  /** Version of this form of the result. */
  readonly schemaVersion: 1;
  /** Version of this package. */
  readonly version: string;
  /** Names of the models, in their order. */
  readonly models: readonly string[];
  /** n, the number of responses in the list. */
  readonly responses: number;
  /** Prompts are no part of a race: what it claims is claimed of the list of responses. */
  readonly prompts: null;
  /** The model to take, as far as there is one. */
  readonly recommendation: { readonly model: string | null; readonly verdict: 'clear' | 'tied' | 'noise' };
  /** The tournament at the N of the race. */
  readonly tournaments: readonly [
    {
      readonly bestOf: null;
      readonly N: number;
      readonly winner: string | null;
      readonly verdict: 'clear' | 'tied' | 'noise';
      readonly possibleWinners: readonly string[];
      /** Score of each model over the responses gone through; `null` once it is out. */
      readonly scores: readonly (number | null)[];
      /** Responses that each model was not scored on. */
      readonly unscored: readonly number[];
      readonly explanation: string;
    },
  ];
  /** Where the race stands. */
  readonly race: RaceState & { readonly delta: number; readonly tolerance: number; readonly seed: number };
  readonly warnings: readonly Warning[];
}

/** The result of a race as it stands. */
export function raceResult(race: Race): RaceResult {
  return build(
    'raceResult()',
    shapeGiven(() => z.instanceof(Race), race),
    () => {
      const { N, delta, tolerance, seed, responses } = race.options;
      const state = race.state();
      const { winner, possibleWinners, explanation } = state;
      const verdict = VERDICTS[state.verdict];
      return {
        schemaVersion: 1,
        version: packageVersion,
        models: race.models,
        responses,
        prompts: null,
        recommendation: { model: winner, verdict },
        tournaments: [
          {
            bestOf: null,
            N,
            winner,
            verdict,
            possibleWinners,
            scores: state.models.map(({ score }) => score),
            unscored: state.models.map(({ scored }) => responses - scored),
            explanation,
          },
        ],
        race: { ...state, delta, tolerance, seed },
        warnings: [],
      };
    },
  );
}

/** What a selection calls it: within a tolerance several models may still be best. */
const VERDICTS = { winner: 'clear', within: 'noise', tied: 'tied', open: 'noise', unknown: 'noise' } as const;

/** The report of a race: the model to take, how sure, and what was left unscored of each. */
export function raceReport(result: RaceResult): Report {
  return build('raceReport()', resultGiven('race', result), () => {
    const { models, responses, race } = result;
    const { delta, tolerance } = race;
    return {
      title: 'Which model to take, by a race',
      subtitle: [
        plural(models.length, 'model'),
        plural(responses, 'response'),
        `N = ${compact(result.tournaments[0].N)}`,
        `δ = ${compact(delta)}`,
        ...(tolerance > 0 ? [`within ${percent(tolerance)}`] : []),
      ].join(' · '),
      sections: [
        { id: 'summary', heading: 'Summary', blocks: [paragraph(race.explanation)] },
        { id: 'models', heading: 'What is scored of each model', blocks: [table(modelsTable(result))] },
      ],
      sheet: sheet(result),
      result,
    };
  });
}

/** The winner first, then those that may be best, then the others, those that stayed longest first. */
function ranked({ models, winner, possibleWinners }: RaceState): RaceModel[] {
  const place = ({ model, exit }: RaceModel) => {
    if (model === winner) return -2;
    const possible = possibleWinners.indexOf(model);
    return possible >= 0 ? possible / possibleWinners.length - 1 : 1 / (1 + (exit?.responses ?? 0));
  };
  return [...models].sort((a, b) => place(a) - place(b));
}

function modelsTable({ race, responses }: RaceResult): Table {
  return {
    caption: `${count(race.scored)} of ${count(race.pairs)} pairs scored; scores are over the ${plural(race.responses, 'response')} gone through`,
    columns: [
      { label: 'model', name: true },
      { label: 'score so far', align: 'right' },
      { label: 'worst rival', name: true },
      { label: 'scored', align: 'right' },
      { label: 'unscored', align: 'right' },
      { label: 'left' },
    ],
    rows: ranked(race).map(({ model, score, worstRival, scored, exit, retired, candidate }) => [
      { text: model, ...(model === race.winner && { tone: 'strong' as const }) },
      score === null ? { text: '' } : { text: percent(score), sort: score },
      { text: worstRival ?? '' },
      { text: count(scored), sort: scored },
      { text: count(responses - scored), sort: responses - scored },
      {
        text:
          exit === null
            ? candidate && retired
              ? 'can be scored no more'
              : ''
            : `after ${plural(exit.responses, 'response')}: ${exit.opponent} is better`,
      },
    ]),
  };
}

/** One row a model, in their order. */
function sheet({ race, responses }: RaceResult): Sheet {
  return {
    columns: [
      'model',
      'winner',
      'candidate',
      'rival',
      'score',
      'worstRival',
      'scored',
      'unscored',
      'exitResponses',
      'exitOpponent',
      'exitRival',
    ],
    rows: race.models.map(({ model, candidate, rival, score, worstRival, scored, exit }) => [
      model,
      model === race.winner,
      candidate,
      rival,
      score,
      worstRival,
      scored,
      responses - scored,
      exit?.responses,
      exit?.opponent,
      exit?.rival,
    ]),
  };
}
