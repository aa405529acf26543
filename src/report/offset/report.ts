import type { Provenance, Warning } from '../../results/estimate.js';
import { listedModels, type Phrase } from '../../results/phrase.js';
import type { Table } from '../../results/table.js';
import { compact, confidencePercent, decimal, decimalInterval, listed, plural } from '../../text/format.js';
import type { OffsetTournament } from '../../tournament/offset-tournament.js';
import { linearAxis } from '../charts/axis.js';
import { type Figure, figureId } from '../charts/figure.js';
import { intervalChart } from '../charts/interval-chart.js';
import { LIGHT } from '../charts/theme.js';
import { build, resultGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { coloured } from '../ranking.js';
import { notes, type Report, type Sheet, table, unfoldingFigures, warnings } from '../report.js';
import { VERDICT_TONES, VERDICT_WORDS } from '../selection/facts.js';

/** What `offset` finds out, plain data. */
export interface OffsetResult {
  /** Names of the models, in input order. */
  readonly models: readonly string[];
  /** n, the number of held-out responses. */
  readonly responses: number;
  /** One entry for each N. */
  readonly tournaments: readonly OffsetTournament[];
  /** Confidence of the limits and of the possible winners, at all N together. */
  readonly confidence: number;
  readonly warnings: readonly Warning[];
  /** Of the held-out responses and of all that were drawn. */
  readonly provenance: Provenance;
}

/** The report of an offset tournament. */
export function offsetReport(result: OffsetResult): Report {
  return build('offsetReport()', resultGiven('offset', result), () => {
    const { models, responses, tournaments } = result;
    return {
      title: 'Which model to take, by the offset tournament',
      subtitle: [
        plural(models.length, 'model'),
        plural(responses, 'held-out response'),
        `N = ${listed(tournaments.map(({ N }) => compact(N)))}`,
      ].join(' · '),
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [
            {
              kind: 'advice',
              items: tournaments.map((each) => ({
                occasion: `N\u00a0=\u00a0${compact(each.N)}`,
                model: each.winner,
                verdict: VERDICT_WORDS[each.verdict],
                tone: VERDICT_TONES[each.verdict],
                text: advise(each),
              })),
            },
            warnings(result.warnings),
          ],
        },
        {
          id: 'tables',
          heading: 'In numbers',
          blocks: tournaments.map((each) => table(objectivesTable(each, models))),
        },
        { id: 'caveats', heading: 'To bear in mind', blocks: [notes(caveats(result))] },
        {
          id: 'figures',
          heading: 'Objective of each model',
          blocks: [unfoldingFigures(tournaments.map((each) => objectivesFigure(each, result)))],
        },
        provenanceSection(result.provenance, null, []),
      ],
      sheet: offsetSheet(result),
      result,
    };
  });
}

/** Of so many possible winners the names are told. */
const MOST_NAMED = 10;

function advise({ N, winner, verdict, possibleWinners, objectives }: OffsetTournament): Phrase {
  const word = VERDICT_WORDS[verdict];
  const others = possibleWinners.filter((name) => name !== winner);
  const named = others.slice(0, MOST_NAMED);
  const also: Phrase = [
    ...listedModels(named),
    `${others.length > named.length ? ` and ${others.length - named.length} others` : ''} may be best as well.`,
  ];
  return [
    `For N\u00a0=\u00a0${compact(N)} take `,
    { model: winner },
    '. ',
    { stress: `${word[0]!.toUpperCase()}${word.slice(1)}` },
    ': ',
    ...(verdict === 'few'
      ? ['a verdict takes 30 held-out responses and 30 drawn from every model (30 prompts, where they repeat).']
      : others.length === 0
        ? [`every other ${objectives.length > 1 ? 'model ' : ''}is ruled out.`]
        : also),
    ...(verdict === 'noise' || verdict === 'tied'
      ? [' Draw and score more responses from these, or take any of them.']
      : []),
  ];
}

function caveats({ confidence, tournaments }: OffsetResult): Phrase[] {
  const outside = tournaments.filter(({ withinTheorem }) => !withinTheorem);
  const [{ a }] = tournaments as [OffsetTournament];
  return [
    [
      `The offset 2·N^a, at a = ${compact(a)}, is ${listed(
        tournaments.map(({ N, offset }) => `${compact(offset)} (N\u00a0=\u00a0${compact(N)})`),
      )}: so often a rival must not reach N on the model’s own responses.`,
    ],
    ...(outside.length > 0
      ? [
          [
            `Theorem 6.4 promises nothing at N\u00a0=\u00a0${listed(outside.map(({ N }) => compact(N)))}: it wants N^(1−2a) of at least 8.`,
          ],
        ]
      : []),
    [
      `Limits and possible winners hold for all models and all N together at ${confidencePercent(confidence)} confidence.`,
    ],
  ];
}

function objectivesTable(
  { N, objectives, objectiveIntervals, rivals, ranking, possibleWinners }: OffsetTournament,
  models: readonly string[],
): Table {
  return {
    caption: `N = ${compact(N)}, best first; green: may be best`,
    columns: [
      { label: 'model', name: true },
      { label: 'objective', align: 'right', title: 'Greatest value of Eq. (32) over the rivals; small is good' },
      { label: 'limits', align: 'right', withPrevious: true, title: 'They hold for all models and all N together' },
      { label: 'worst rival', name: true },
    ],
    rows: ranking.map((model, rank) => {
      const index = models.indexOf(model);
      const value = objectives[index]!;
      const limits = objectiveIntervals[index]!;
      return [
        { text: model, ...(rank === 0 && { tone: 'strong' as const }) },
        { text: decimal(value), sort: value, ...(possibleWinners.includes(model) && { tone: 'good' as const }) },
        { text: decimalInterval(limits), sort: limits[1] },
        { text: rivals[index]! },
      ];
    }),
  };
}

const MOST_ROWS = 60;
const WIDTH = 900;

function objectivesFigure(
  { N, objectives, objectiveIntervals, rivals, ranking, winner }: OffsetTournament,
  { models, tournaments }: OffsetResult,
): Figure {
  const colours = coloured(tournaments.map((each) => each.winner));
  const rows = ranking.slice(0, MOST_ROWS).map((name) => {
    const index = models.indexOf(name);
    const value = objectives[index]!;
    const colour = LIGHT.series[colours.indexOf(name)];
    const interval = objectiveIntervals[index]!;
    const tip = `${name}: objective ${compact(value)}, worst rival ${rivals[index]}`;
    return { name, value, interval, tip, ...(colour && { colour }) };
  });
  return {
    id: figureId('objective-n', N),
    title: `Objective at N = ${compact(N)}`,
    caption:
      'The greatest value of the objective of Eq. (32) over the rivals of each model, best first, with its limits; small is good.' +
      (rows.length < ranking.length ? ` Only the first ${MOST_ROWS} of ${ranking.length} models are shown.` : ''),
    description: `Points of ${plural(rows.length, 'model')}, ${winner} on top.`,
    ...intervalChart({
      width: WIDTH,
      x: linearAxis(
        'objective',
        rows.flatMap(({ value, interval }) => [value, ...interval]),
      ),
      rows,
    }),
  };
}

/** One row for each N and model, models in input order. */
function offsetSheet({ models, responses, tournaments }: OffsetResult): Sheet {
  return {
    columns: [
      'N',
      'model',
      'rank',
      'winner',
      'possible',
      'verdict',
      'objective',
      'objectiveLow',
      'objectiveHigh',
      'rival',
      'a',
      'offset',
      'withinTheorem',
      'responses',
    ],
    rows: tournaments.flatMap((tournament) =>
      models.map((model, index) => [
        tournament.N,
        model,
        tournament.ranking.indexOf(model) + 1,
        model === tournament.winner,
        tournament.possibleWinners.includes(model),
        tournament.verdict,
        tournament.objectives[index],
        ...tournament.objectiveIntervals[index]!,
        tournament.rivals[index],
        tournament.a,
        tournament.offset,
        tournament.withinTheorem,
        responses,
      ]),
    ),
  };
}
