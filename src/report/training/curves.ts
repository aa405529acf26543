import type { HistoryRecord, TrainResult } from '../../linear/train-result.js';
import type { Figure } from '../figure.js';
import { compact, count, listed, percent, plural } from '../format.js';
import { type Line, lineChart } from '../line-chart.js';
import { LIGHT } from '../theme.js';

/** A quantity of a history, as a curve over steps. */
interface Quantity {
  readonly id: string;
  readonly title: string;
  readonly label: string;
  readonly caption: string;
  readonly value: (record: HistoryRecord, result: TrainResult) => number | null;
  /** Whether it is a share, set in percent on a logarithmic axis. */
  readonly share?: boolean;
}

/** Up to so many runs have colours and names, the others of a sweep are drawn faint behind them. */
const MOST_COLOURED = 7;

const WIDTH = 900;
const HEIGHT = 420;

/** Learning curves of cross-entropy, KL and Cov_N over steps; those that no run has measured are left out. */
export function trainingFigures(results: readonly TrainResult[]): Figure[] {
  const figures = quantities(results).map((quantity) => curvesFigure(quantity, results));
  const coverage = results.length === 1 ? [coverageFigure(results[0]!)] : [];
  return [...coverage, ...figures].filter((figure) => figure !== null);
}

function quantities(results: readonly TrainResult[]): Quantity[] {
  const budgets = [...new Set(results.flatMap(({ N }) => N))].sort((a, b) => a - b);
  const held = 'Estimated on the held-out responses.';
  const exact = 'Exact, by enumeration of all responses.';
  return [
    {
      id: 'cross-entropy',
      title: 'Cross-entropy over training',
      label: 'cross-entropy (nats a response)',
      caption: `${held} It falls even where coverage gets worse.`,
      value: ({ crossEntropy }) => crossEntropy,
    },
    { id: 'kl', title: 'KL divergence over training', label: 'KL (nats)', caption: held, value: ({ kl }) => kl },
    {
      id: 'exact-kl',
      title: 'KL divergence over training, exact',
      label: 'KL (nats)',
      caption: exact,
      value: (record) => record.exact?.kl ?? null,
    },
    // One figure an N: with several runs, all N together would not be read. A single run has one figure for all.
    ...(results.length === 1 ? [] : budgets).flatMap((N) => [
      {
        id: `cov-${compact(N).replace('.', '-')}`,
        title: `Cov_${compact(N)} over training`,
        label: `Cov_${compact(N)}`,
        caption: `Share of the held-out responses to which the model gives less than 1/${compact(N)} of the data distribution’s probability. Lower is better.`,
        share: true,
        value: (record: HistoryRecord, { N: own }: TrainResult) => record.coverage?.[own.indexOf(N)] ?? null,
      },
      {
        id: `exact-cov-${compact(N).replace('.', '-')}`,
        title: `Cov_${compact(N)} over training, exact`,
        label: `Cov_${compact(N)}`,
        caption: `Probability that the data distribution draws a response to which the model gives less than 1/${compact(N)} of its probability. Lower is better.`,
        share: true,
        value: (record: HistoryRecord, { N: own }: TrainResult) => record.exact?.coverage[own.indexOf(N)] ?? null,
      },
    ]),
  ];
}

function curvesFigure(quantity: Quantity, results: readonly TrainResult[]): Figure | null {
  const lines = results.map((result, index) => ({
    name: result.name || 'run',
    colour: index < MOST_COLOURED ? LIGHT.series[index]! : null,
    points: result.history.map((record) => [record.step, quantity.value(record, result)] as const),
  }));
  const faint = lines.filter(({ colour }) => colour === null).length;
  return drawn({
    ...quantity,
    caption:
      quantity.caption +
      (faint > 0 ? ` The first ${MOST_COLOURED} runs have colours, the other ${faint} are grey.` : ''),
    lines,
    single: results.length === 1,
  });
}

/** Cov_N of one run at all its N, exact where that is known. */
function coverageFigure(result: TrainResult): Figure | null {
  const exact = result.history.some((record) => record.exact !== null);
  const at = (record: HistoryRecord, index: number) =>
    (exact ? record.exact?.coverage[index] : record.coverage?.[index]) ?? null;
  return drawn({
    id: 'coverage',
    title: `Cov_N over training${exact ? ', exact' : ''}`,
    label: 'Cov_N',
    caption:
      `${exact ? 'Probability of drawing a response' : 'Share of the held-out responses'} to which the model gives less than 1/N of the ` +
      'data distribution’s probability, for each N. Lower is better; a curve that rises again marks the checkpoint to take.',
    share: true,
    lines: result.N.map((N, index) => ({
      name: `N = ${compact(N)}`,
      colour: index < MOST_COLOURED ? LIGHT.series[index]! : null,
      points: result.history.map((record) => [record.step, at(record, index)] as const),
    })),
    single: false,
  });
}

interface Drawing extends Omit<Quantity, 'value'> {
  readonly lines: readonly {
    readonly name: string;
    readonly colour: string | null;
    readonly points: readonly (readonly [step: number, value: number | null])[];
  }[];
  /** Whether the one line needs no name. */
  readonly single: boolean;
}

/** `null` where fewer than two steps are known. */
function drawn({ id, title, label, caption, share = false, lines, single }: Drawing): Figure | null {
  const known = lines.flatMap(({ points }) => points.filter(([, value]) => value !== null)) as [number, number][];
  const steps = known.map(([step]) => step);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  if (!(last > first)) return null;
  const values = known.map(([, value]) => value);
  const { min, max } = share ? shareRange(values) : range(values);
  const ends = lines.flatMap(({ name, points }) => {
    const end = points.findLast(([, value]) => value !== null);
    return end ? [`${name} ${share ? percent(end[1]!) : compact(end[1]!)}`] : [];
  });
  const reachesZero = share && values.some((value) => value <= 0);
  return {
    id,
    title,
    caption: caption + (reachesZero ? ' Lines that reach the bottom edge are at zero.' : ''),
    description: `${plural(lines.length, 'curve')} over steps ${count(first)} to ${count(last)}; at the end ${listed(ends.slice(0, 8))}${ends.length > 8 ? ', …' : ''}.`,
    width: WIDTH,
    height: HEIGHT,
    option: lineChart({
      width: WIDTH,
      height: HEIGHT,
      labelRoom: single ? 40 : 220,
      x: { label: 'steps', scale: 'linear', min: first, max: last, format: (value) => count(Math.round(value)) },
      y: share
        ? { label, scale: 'log10', min, max, format: (value) => `${compact(value * 100, 2)}%` }
        : { label, scale: 'linear', min, max },
      lines: lines
        .map(
          ({ name, colour, points }): Line => ({
            label: single || colour === null ? '' : name,
            colour,
            points,
            ...(colour !== null && points.length <= 60 && { marks: marksOf(name, points, share) }),
          }),
        )
        .reverse(),
    }),
  };
}

function marksOf(name: string, points: Drawing['lines'][number]['points'], share: boolean) {
  return points.flatMap(([x, y]) =>
    y === null ? [] : [{ x, y, tip: `${name}, step ${count(x)}: ${share ? percent(y, 100_000) : compact(y, 6)}` }],
  );
}

function range(values: readonly number[]): { min: number; max: number } {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  return { min: least - room, max: most + room };
}

function shareRange(values: readonly number[]): { min: number; max: number } {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return { min: 1e-4, max: 1 };
  const least = Math.min(...positive);
  return {
    min: positive.length < values.length ? least / 2 : least / 1.15,
    max: Math.min(1, Math.max(...positive) * 1.15),
  };
}
