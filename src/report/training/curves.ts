import type { HistoryRecord, TrainResult } from '../../linear/train-result.js';
import { compact } from '../../text/format.js';
import type { Figure } from '../charts/figure.js';
import { type StepCurve, type StepFigure, stepFigure } from '../charts/learning-curve.js';

/** A quantity of the runs of a training. */
interface RunQuantity extends Pick<StepFigure, 'id' | 'title' | 'label' | 'caption' | 'scale'> {
  readonly value: (record: HistoryRecord, result: TrainResult) => number | null;
}

/** Learning curves of cross-entropy, KL and Cov_N over steps; those that no run has measured are left out. */
export function trainingFigures(results: readonly TrainResult[]): Figure[] {
  const [single] = results.length === 1 ? results : [];
  return [
    ...(single ? [coverageFigure(single)] : []),
    ...quantities(results).map(({ value, ...quantity }) =>
      drawn(
        { ...quantity, noun: 'run' },
        results.map((result) => ({
          name: result.name || 'run',
          points: result.history.map((record) => [record.step, value(record, result)] as const),
        })),
      ),
    ),
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
      caption: `${held} It can fall while the coverage profile gets worse.`,
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
  return budgets.flatMap((N): RunQuantity[] => {
    const name = `Cov_${compact(N)}`;
    const id = `cov-${compact(N).replace('.', '-')}`;
    const less = `to which the model gives at most 1/${compact(N)} of the data distribution’s probability. Lower is better.`;
    return [
      {
        id,
        title: `${name} over training`,
        label: name,
        caption: `Share of the held-out responses ${less}`,
        scale: 'share',
        value: (record, result) => record.coverage?.[result.N.indexOf(N)] ?? null,
      },
      {
        id: `exact-${id}`,
        title: `${name} over training, exact`,
        label: name,
        caption: `Probability of a response ${less}`,
        scale: 'share',
        value: (record, result) => record.exact?.coverage[result.N.indexOf(N)] ?? null,
      },
    ];
  });
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
      scale: 'share',
    },
    N.map((each, index) => ({
      name: `N = ${compact(each)}`,
      points: history.map((record) => [record.step, at(record, index)] as const),
    })),
  );
}

/** `null` where fewer than two steps are known. */
function drawn(figure: Omit<StepFigure, 'curves'>, curves: readonly StepCurve[]): Figure | null {
  const known = curves.flatMap(({ points }) => points.flatMap(([step, value]) => (value === null ? [] : [step])));
  return new Set(known).size < 2 ? null : stepFigure({ ...figure, curves });
}
