import type { PassAtK, PassAtKResult } from '../../pass-at-k/pass-at-k.js';
import type { Interval } from '../../results/estimate.js';
import type { Part, Phrase } from '../../results/phrase.js';
import { type Cell, type Column, numberCell, type Table } from '../../results/table.js';
import {
  confidencePercent,
  count,
  decimal,
  percent,
  percentInterval,
  plural,
  roughPercent,
} from '../../text/format.js';
import type { Sheet } from '../report.js';
import { byK, meanRanking, ranking } from './facts.js';

/** Pass@k in plain words, one phrase for each k. */
export function passAtKSummary(result: PassAtKResult): Phrase[] {
  return byK(result).map((entry): Phrase => {
    const { k, pick, pickShares } = entry;
    if (pick === null)
      return [`Pass@${k} is not known for any model: each has a problem with fewer than ${k} samples.`];
    const { value, interval } = entry.values[result.models.indexOf(pick)]!;
    const told = `${percent(value!)}${interval ? ` (${percentInterval(interval)})` : ''}. `;
    // Nothing is to be chosen of one.
    if (result.models.length === 1) return [`Pass@${k} of `, { model: pick }, ` is ${told.trimEnd()}`];
    const head: Part[] = [`Pass@${k} is greatest for `, { model: pick }, `, ${told}`];
    return [...head, ...sureness(result, entry, pickShares)];
  });
}

/** What tuning lost and won against the base, one phrase for each k and model. */
export function coverageRatioSummary(result: PassAtKResult): Phrase[] {
  const number = (value: number) => decimal(value);
  const range = (interval: Interval | null) => (interval ? ` (${number(interval[0])} to ${number(interval[1])})` : '');
  return byK(result).flatMap(({ k, coverageRatios = [] }) =>
    coverageRatios.flatMap((ratio, index): Phrase[] => {
      if (ratio === null) return [];
      const model = { model: result.models[index]! };
      if (ratio.problems === 0) return [[`Coverage ratio of `, model, ` at K = ${k}: ${ratio.reason}`]];
      const noise =
        ratio.null && ratio.null.value !== null
          ? ` Noise alone gives ${number(ratio.null.value)}${range(ratio.null.interval)}.`
          : '';
      const value =
        ratio.value === null ? `no ratio: ${ratio.reason}` : `ratio ${number(ratio.value)}${range(ratio.interval)}.`;
      const reason = ratio.value !== null && ratio.reason ? ` ${ratio.reason}` : '';
      return [
        [
          model,
          ` against ${result.base} at K = ${k}, over ${plural(ratio.problems, 'undecided problem')}: lost ` +
            `${number(ratio.lost)} on ${ratio.problemsLost.length}, gained ${number(ratio.gained)} on ` +
            `${ratio.problemsWon.length}; ${value}${reason}${noise}`,
        ],
      ];
    }),
  );
}

/** Whether the pick is shown to be best, who may be as well, and what the bootstrap pictures. */
function sureness(
  result: PassAtKResult,
  { pick, values, possibleWinners }: PassAtK,
  shares: readonly number[] | null,
): Part[] {
  const unknown = values.filter(({ value }) => value === null).length;
  const left: Part[] = unknown > 0 ? [` ${plural(unknown, 'model')} left out for too few samples.`] : [];
  const own = shares?.[result.models.indexOf(pick!)];
  const wins = own === undefined ? '' : ` It leads in ${roughPercent(own)} of ${count(result.replicates)} resamples.`;
  const others = possibleWinners.filter((name) => name !== pick);
  // Of one whose value is known nothing is shown against the others.
  if (values.length - unknown < 2) return [{ stress: 'Alone' }, ': no other is known.', ...left];
  if (others.length === 0) return [{ stress: 'Clear' }, `: every other model is shown to have less.${wins}`, ...left];
  const named = others.slice(0, 5).flatMap((model, index): Part[] => [...(index > 0 ? [', '] : []), { model }]);
  const more = others.length > 5 ? ` and ${count(others.length - 5)} more` : '';
  return [{ stress: 'Within noise' }, ': ', ...named, `${more} may have as much.${wins}`, ...left];
}

/** One row a model, best mean rank first: Pass@k with its interval at each k. */
export function passAtKTable(result: PassAtKResult): Table {
  const entries = byK(result);
  return {
    caption: `Pass@k over ${plural(result.problems, 'problem')}, by mean rank`,
    columns: [
      { label: 'model', name: true },
      ...entries.flatMap(({ k }): Column[] => [
        { label: `Pass@${k}`, align: 'right' },
        {
          label: 'interval',
          align: 'right',
          withPrevious: true,
          title: `Betting interval over problems, ${confidencePercent(result.confidence)}`,
        },
      ]),
      { label: 'samples', align: 'right', title: 'Least number of samples of any problem' },
    ],
    rows: meanRanking(result).map((index): Cell[] => [
      { text: result.models[index]! },
      ...entries.flatMap(({ pick, values, extrapolated }): Cell[] => {
        const { value, interval, reason: why } = values[index]!;
        const beyond = extrapolated[index];
        const reason = typeof beyond === 'number' ? `${why} A beta-binomial fit expects ${percent(beyond)}.` : why;
        return [
          {
            ...numberCell(value, (each) => percent(each), reason),
            ...(pick === result.models[index] && { tone: 'strong' as const }),
          },
          interval
            ? { text: percentInterval(interval), sort: interval[1], tone: 'muted' }
            : numberCell(null, String, reason),
        ];
      }),
      numberCell(result.leastSamples[index]!, count),
    ]),
  };
}

const COLUMNS = [
  'k',
  'model',
  'rank',
  'passAtK',
  'low',
  'high',
  'pick',
  'pickShare',
  'mayBeBest',
  'leastSamples',
  'tooFewSamples',
  'problems',
];

/** One row for each k and model, models in input order. */
export function passAtKSheet(result: PassAtKResult): Sheet {
  const rows = byK(result).flatMap((entry) => {
    const order = ranking(entry);
    return result.models.map((model, index) => {
      const { value, interval } = entry.values[index]!;
      return [
        entry.k,
        model,
        value === null ? null : order.indexOf(index) + 1,
        value,
        ...(interval ?? [null, null]),
        model === entry.pick,
        entry.pickShares?.[index],
        entry.possibleWinners.includes(model),
        result.leastSamples[index],
        entry.tooFewSamples[index],
        result.problems,
      ];
    });
  });
  return { columns: COLUMNS, rows };
}
