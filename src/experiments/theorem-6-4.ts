import { compact } from '../report/format.js';
import { BOLD_FAILS, eventsClass, ladder } from './events-class.js';
import type { Experiment, ExperimentContext } from './experiment.js';
import { geometric } from './geometric.js';
import { ends, type Part, runParts } from './part.js';
import { meanWithError } from './statistics.js';
import { exponentVerdict, type Series } from './sweep.js';
import { type Bounded, boundVerdict, DELTA, type Kind, winnersCov, worstCov } from './tournament-trials.js';

const SOURCE = 'Theorem 6.4';
const A = 0.25;
const KINDS: readonly Kind[] = ['simple', 'offset'];
const NAMES = ['simple tournament', 'offset tournament'];

/** Theorem 6.4: the offset tournament does without the term N^-(1-a) of the simple one. */
export const theorem64: Experiment = {
  name: 'theorem-6.4',
  title: 'The offset tournament sheds the term N^-(1-a)',
  source: SOURCE,
  run: (context) =>
    runParts(context, [
      [0.3, inResponses],
      [0.35, inBudget],
      [0.35, inModels],
    ]),
};

/** Cov_{2N^{1+a}} at N. */
function threshold(N: number): number {
  return 2 * N ** (1 + A);
}

/** Against n: a ladder of wrong models, and a bold one that makes the flat model look bad. */
async function inResponses(context: ExperimentContext): Promise<Part> {
  const N = 256;
  const task = eventsClass({ N, a: A, wrong: ladder(0.3, BOLD_FAILS * N ** (A - 1), 10), bold: true });
  const sizes = context.quick ? geometric(32, 2, 6) : geometric(32, 2, 7);
  const replicates = context.quick ? 40 : 200;
  const series = NAMES.map((name): { name: string; points: Series['points'][number][] } => ({ name, points: [] }));
  const bounded: Bounded[] = [];
  for (const [index, n] of sizes.entries()) {
    context.progress(index / sizes.length, `n = ${n}`);
    const values = await winnersCov(KINDS, task, threshold(N), { n, replicates, key: 641, each: 4 }, context);
    for (const at of KINDS.keys()) series[at]!.points.push({ x: n, ...meanWithError(values[at]!) });
    bounded.push({ values: values[1]!, bound: Math.log(task.models.length / DELTA) / n });
  }
  const title = 'Mean Cov at 2N^{1+a} of the winner against n';
  return {
    verdicts: [
      boundVerdict('Cov at 2N^{1+a} of the offset winner is at most log(M/δ)/n', SOURCE, bounded),
      exponentVerdict(
        {
          claim: 'Cov at 2N^{1+a} of the offset winner falls at least like 1/n: exponent in n',
          source: SOURCE,
          exponent: -1,
          relation: 'atMost',
        },
        series[1]!,
      ),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-4-n',
      title,
      variable: 'n',
      quantity: 'mean Cov at 2N^{1+a}',
      series,
      caption: `N = ${N}, a = 1/4, ${task.models.length} models of which one is within N^a of π_D everywhere, one is bold and ten are wrong with probability 0.3 down to N^-(1-a)/5. Both axes are logarithmic; bands are two standard errors.`,
    },
    seen: `Both tournaments improve with n at first; then the simple one stays where it is, since a bold model makes the good one look worse than one that fails with probability N^-(1-a)/5. Cov at 2N^{1+a} is ${ends(series[1]!)} at n = ${sizes[0]} and ${sizes.at(-1)} for the offset one, ${ends(series[0]!)} for the simple one.`,
  };
}

/** Against N, with n far above N^{1-a}: two models that fail much less often than what the bold one costs the flat. */
async function inBudget(context: ExperimentContext): Promise<Part> {
  const budgets = context.quick ? geometric(64, 2, 5) : geometric(64, 4, 5);
  const replicates = context.quick ? 12 : 40;
  const series = NAMES.map((name): { name: string; points: Series['points'][number][] } => ({ name, points: [] }));
  const bounded: Bounded[] = [];
  for (const [index, N] of budgets.entries()) {
    context.progress(index / budgets.length, `N = ${N}`);
    const n = Math.round(60 * N ** (1 - A));
    const task = eventsClass({ N, a: A, wrong: [BOLD_FAILS * N ** (A - 1)], bold: true });
    const settings = { n, replicates, key: 642, each: Math.ceil(N ** A / 2) };
    const values = await winnersCov(KINDS, task, threshold(N), settings, context);
    for (const at of KINDS.keys()) series[at]!.points.push({ x: N, ...meanWithError(values[at]!) });
    bounded.push({ values: values[1]!, bound: Math.log(task.models.length / DELTA) / n });
  }
  const title = 'Mean Cov at 2N^{1+a} of the winner against N, with n far above N^{1-a}';
  return {
    verdicts: [
      exponentVerdict(
        {
          claim:
            'However many responses there are, the simple winner keeps a Cov of the order of N^-(1-a) on this class: exponent in N',
          source: 'Theorem 6.3',
          exponent: A - 1,
        },
        series[0]!,
      ),
      boundVerdict('On the same class Cov at 2N^{1+a} of the offset winner is at most log(M/δ)/n', SOURCE, bounded),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-4-budget',
      title,
      variable: 'N',
      quantity: 'mean Cov at 2N^{1+a}',
      series,
      caption:
        'Three models: one within N^a of π_D everywhere, a bold one and a wrong one; both fail with probability N^-(1-a)/5; a = 1/4, n = 60·N^{1-a}. Both axes are logarithmic; zeros are not drawn; bands are two standard errors.',
    },
    seen: `A model that claims much for what the good model gives little makes the good one lose the simple tournament, for good: its winner's Cov is ${ends(series[0]!)} at N = ${budgets[0]} and ${budgets.at(-1)}. The offset takes just that back: ${ends(series[1]!)}.`,
  };
}

/** Against M: models wrong on independent sets of one size, as great as still wins one time in 1/δ. */
async function inModels(context: ExperimentContext): Promise<Part> {
  const [N, n] = [64, 48];
  const counts = context.quick ? geometric(6, 2, 3) : geometric(6, 2, 4);
  const replicates = context.quick ? 60 : 300;
  const points: Series['points'][number][] = [];
  for (const M of counts) {
    context.progress((M / counts.at(-1)!) ** 2 / 3, `M = ${M}`);
    const worst = await worstCov(n, async (fails) => {
      const task = eventsClass({ N, a: A, wrong: new Array<number>(M - 2).fill(fails), bold: true });
      const [values] = await winnersCov(['offset'], task, threshold(N), { n, replicates, key: 643, each: 4 }, context);
      return values!;
    });
    points.push({ x: Math.log(M / DELTA), ...worst });
  }
  const series = [{ name: 'offset tournament', points }];
  const title = 'Cov at 2N^{1+a} that the offset winner exceeds with probability δ, against log(M/δ)';
  return {
    verdicts: [
      exponentVerdict(
        {
          claim:
            'The number of models enters by its logarithm: exponent in log(M/δ) of the Cov that wins with probability δ',
          source: SOURCE,
          exponent: 1,
          relation: 'atMost',
        },
        series[0]!,
      ),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-4-m',
      title,
      variable: 'log(M/δ)',
      quantity: 'Cov at 2N^{1+a}',
      series,
      caption: `N = ${N}, a = 1/4, n = ${n}, δ = ${DELTA}, M from ${counts[0]} to ${counts.at(-1)}; all but two models are wrong on independent sets of one size. Both axes are logarithmic; bands are two standard errors.`,
    },
    seen: `From M = ${counts[0]} to ${counts.at(-1)} the Cov that wins with probability δ goes from ${compact(points[0]!.value)} to ${compact(points.at(-1)!.value)}, log(M/δ) from ${compact(points[0]!.x)} to ${compact(points.at(-1)!.x)}.`,
  };
}
