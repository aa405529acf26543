import type { HistoryRecord, TrainResult } from '../../linear/train-result.js';
import { compact, count, listed, percent, plural } from '../../text/format.js';
import { linearAxis, range, shareAxis } from '../axis.js';
import { type Curve, curveChart } from '../curve-chart.js';
import type { Figure } from '../figure.js';
import { LIGHT } from '../theme.js';

/** What a figure shows over steps. */
interface Quantity {
  readonly id: string;
  readonly title: string;
  readonly label: string;
  readonly caption: string;
  /** Whether it is a share, set in percent on a logarithmic axis. */
  readonly share?: boolean;
}

/** A quantity of the runs of a training. */
interface RunQuantity extends Quantity {
  readonly value: (record: HistoryRecord, result: TrainResult) => number | null;
}

interface NamedCurve {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number | null])[];
}

const SIZE = { width: 900, height: 420 };
/** More marks than this would hide the line. */
const MOST_MARKED = 60;
/** Zero is drawn as half a response of so many, below any that held-out responses can show. */
const RESOLUTION = 100_000;
/** Curves whose ends a description tells. */
const MOST_TOLD = 8;

/** Learning curves of cross-entropy, KL and Cov_N over steps; those that no run has measured are left out. */
export function trainingFigures(results: readonly TrainResult[]): Figure[] {
  const [single] = results.length === 1 ? results : [];
  return [
    ...(single ? [coverageFigure(single)] : []),
    ...quantities(results).map((quantity) => runsFigure(quantity, results)),
  ].filter((figure) => figure !== null);
}

function quantities(results: readonly TrainResult[]): RunQuantity[] {
  const held = 'Estimated on the held-out responses.';
  const exact = 'Exact, by enumeration of all responses.';
  return [
    {
      id: 'cross-entropy',
      title: 'Cross-entropy over training',
      label: 'cross-entropy (nats a response)',
      caption: `${held} It can fall while coverage gets worse.`,
      value: ({ crossEntropy }) => crossEntropy,
    },
    {
      id: 'kl',
      title: 'KL divergence over training',
      label: 'KL divergence (nats)',
      caption: held,
      value: ({ kl }) => kl,
    },
    {
      id: 'exact-kl',
      title: 'KL divergence over training, exact',
      label: 'KL divergence (nats)',
      caption: exact,
      value: (record) => record.exact?.kl ?? null,
    },
    // A single run has all its N in one figure.
    ...(results.length === 1 ? [] : coverageQuantities(results)),
  ];
}

function coverageQuantities(results: readonly TrainResult[]): RunQuantity[] {
  const budgets = [...new Set(results.flatMap(({ N }) => N))].sort((a, b) => a - b);
  return budgets.flatMap((N) => {
    const name = `Cov_${compact(N)}`;
    const id = `cov-${compact(N).replace('.', '-')}`;
    const less = `to which the model gives at most 1/${compact(N)} of the data distribution’s probability. Lower is better.`;
    return [
      {
        id,
        title: `${name} over training`,
        label: name,
        caption: `Share of the held-out responses ${less}`,
        share: true,
        value: (record: HistoryRecord, result: TrainResult) => record.coverage?.[result.N.indexOf(N)] ?? null,
      },
      {
        id: `exact-${id}`,
        title: `${name} over training, exact`,
        label: name,
        caption: `Probability of a response ${less}`,
        share: true,
        value: (record: HistoryRecord, result: TrainResult) => record.exact?.coverage[result.N.indexOf(N)] ?? null,
      },
    ];
  });
}

function runsFigure(quantity: RunQuantity, results: readonly TrainResult[]): Figure | null {
  const curves = results.map((result) => ({
    name: result.name || 'run',
    points: result.history.map((record) => [record.step, quantity.value(record, result)] as const),
  }));
  const grey = curves.length - LIGHT.series.length;
  const note = grey > 0 ? ` The first ${LIGHT.series.length} runs are coloured, the other ${grey} grey.` : '';
  return drawn({ ...quantity, caption: quantity.caption + note }, curves);
}

/** Cov_N of one run at all its N, exact where that is known. */
function coverageFigure({ N, history }: TrainResult): Figure | null {
  const exact = history.some((record) => record.exact !== null);
  const at = ({ exact: measures, coverage }: HistoryRecord, index: number) =>
    (exact ? measures?.coverage : coverage)?.[index] ?? null;
  return drawn(
    {
      id: 'coverage',
      title: `Cov_N over training${exact ? ', exact' : ''}`,
      label: 'Cov_N',
      caption:
        `${exact ? 'Probability of a response' : 'Share of the held-out responses'} to which the model gives at most 1/N of the ` +
        'data distribution’s probability, for each N. Lower is better.',
      share: true,
    },
    N.map((each, index) => ({
      name: `N = ${compact(each)}`,
      points: history.map((record) => [record.step, at(record, index)] as const),
    })),
  );
}

/** `null` where fewer than two steps are known. */
function drawn({ id, title, label, caption, share = false }: Quantity, curves: readonly NamedCurve[]): Figure | null {
  const known = curves.flatMap(({ points }) => points.filter(([, value]) => value !== null)) as [number, number][];
  const [first, last] = range(known.map(([step]) => step));
  if (known.length === 0 || first === last) return null;
  const values = known.map(([, value]) => value);
  const text = share ? (value: number) => percent(value, RESOLUTION) : (value: number) => compact(value, 6);
  const ends = curves.flatMap(({ name, points }) => {
    const end = points.findLast(([, value]) => value !== null);
    return end ? [`${name} ${text(end[1]!)}`] : [];
  });
  const marked = ({ name, points }: NamedCurve): Curve => ({
    name,
    points,
    marks:
      points.length > MOST_MARKED
        ? []
        : points.flatMap(([x, y]) => (y === null ? [] : [{ x, y, tip: `${name}, step ${count(x)}: ${text(y)}` }])),
  });
  const zero = share && values.some((value) => value <= 0);
  return {
    id,
    title,
    caption: caption + (zero ? ' Lines that reach the bottom edge are at zero.' : ''),
    description: `${plural(curves.length, 'curve')} over steps ${count(first)} to ${count(last)}; at the end ${listed(ends.slice(0, MOST_TOLD))}${ends.length > MOST_TOLD ? ', …' : ''}.`,
    ...SIZE,
    option: curveChart({
      ...SIZE,
      labelRoom: curves.length === 1 ? 60 : 220,
      x: { label: 'step', scale: 'linear', min: first, max: last, format: (value) => count(Math.round(value)) },
      y: share ? shareAxis(label, values, RESOLUTION) : linearAxis(label, values),
      curves: curves.map(marked),
    }),
  };
}
