import type { Warning } from '../../results/estimate.js';
import type { Phrase } from '../../results/phrase.js';
import type { Table } from '../../results/table.js';
import { compact, listed, plural } from '../../text/format.js';
import type { OffsetTournament } from '../../tournament/offset-tournament.js';
import { linearAxis } from '../charts/axis.js';
import { type Figure, figureId } from '../charts/figure.js';
import { intervalChart } from '../charts/interval-chart.js';
import { LIGHT } from '../charts/theme.js';
import { build, resultGiven } from '../fault.js';
import { coloured } from '../ranking.js';
import { list, type Report, type Sheet, table, unfoldingFigures, warnings } from '../report.js';

/** What `offset` finds out, plain data. */
export interface OffsetResult {
  /** Names of the models, in input order. */
  readonly models: readonly string[];
  /** n, the number of held-out responses. */
  readonly responses: number;
  /** One entry for each N. */
  readonly tournaments: readonly OffsetTournament[];
  readonly warnings: readonly Warning[];
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
        { id: 'summary', heading: 'Summary', blocks: [list(tournaments.map(winnerPhrase)), warnings(result.warnings)] },
        {
          id: 'tables',
          heading: 'In numbers',
          blocks: tournaments.map((each) => table(objectivesTable(each, models))),
        },
        {
          id: 'figures',
          heading: 'Objective of each model',
          blocks: [unfoldingFigures(tournaments.map((each) => objectivesFigure(each, result)))],
        },
      ],
      sheet: offsetSheet(result),
      result,
    };
  });
}

function winnerPhrase({ N, a, offset, withinTheorem, winner }: OffsetTournament): Phrase {
  return [
    `For N\u00a0=\u00a0${compact(N)} take `,
    { model: winner },
    `; the offset 2·N^a is ${compact(offset)} at a = ${compact(a)}.`,
    withinTheorem ? '' : ' N^(1−2a) is below 8: theorem 6.4 promises nothing here.',
  ];
}

function objectivesTable({ N, objectives, rivals, ranking }: OffsetTournament, models: readonly string[]): Table {
  return {
    caption: `N = ${compact(N)}, best first`,
    columns: [
      { label: 'model', name: true },
      { label: 'objective', align: 'right' },
      { label: 'worst rival', name: true },
    ],
    rows: ranking.map((model, rank) => {
      const index = models.indexOf(model);
      const value = objectives[index]!;
      return [
        { text: model, ...(rank === 0 && { tone: 'strong' as const }) },
        { text: compact(value), sort: value },
        { text: rivals[index]! },
      ];
    }),
  };
}

const MOST_ROWS = 60;
const WIDTH = 900;

function objectivesFigure(
  { N, objectives, rivals, ranking, winner }: OffsetTournament,
  { models, tournaments }: OffsetResult,
): Figure {
  const colours = coloured(tournaments.map((each) => each.winner));
  const rows = ranking.slice(0, MOST_ROWS).map((name) => {
    const index = models.indexOf(name);
    const value = objectives[index]!;
    const colour = LIGHT.series[colours.indexOf(name)];
    const tip = `${name}: objective ${compact(value)}, worst rival ${rivals[index]}`;
    return { name, value, interval: null, tip, ...(colour && { colour }) };
  });
  return {
    id: figureId('objective-n', N),
    title: `Objective at N = ${compact(N)}`,
    caption:
      'The greatest value of the objective of Eq. (32) over the rivals of each model, best first; small is good.' +
      (rows.length < ranking.length ? ` Only the first ${MOST_ROWS} of ${ranking.length} models are shown.` : ''),
    description: `Points of ${plural(rows.length, 'model')}, ${winner} on top.`,
    ...intervalChart({
      width: WIDTH,
      x: linearAxis(
        'objective',
        rows.map(({ value }) => value),
      ),
      rows,
    }),
  };
}

/** One row for each N and model, models in input order. */
function offsetSheet({ models, responses, tournaments }: OffsetResult): Sheet {
  return {
    columns: ['N', 'model', 'rank', 'winner', 'objective', 'rival', 'a', 'offset', 'withinTheorem', 'responses'],
    rows: tournaments.flatMap(({ N, a, offset, withinTheorem, winner, objectives, rivals, ranking }) =>
      models.map((model, index) => [
        N,
        model,
        ranking.indexOf(model) + 1,
        model === winner,
        objectives[index],
        rivals[index],
        a,
        offset,
        withinTheorem,
        responses,
      ]),
    ),
  };
}
