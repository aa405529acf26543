import { compact } from '../report/format.js';
import { BOLD_FAILS, eventsClass, ladder } from './events-class.js';
import type { Experiment, ExperimentContext } from './experiment.js';
import { geometric } from './geometric.js';
import { ends, type Part, runParts } from './part.js';
import { meanWithError } from './statistics.js';
import { exponentVerdict, type Series } from './sweep.js';
import { type Bounded, boundVerdict, DELTA, winnersCov, worstCov } from './tournament-trials.js';

const SOURCE = 'Theorem 6.3';

/** Theorem 6.3: the winner of the tournament covers about as well as the best model of the class, likely or not. */
export const theorem63: Experiment = {
  name: 'theorem-6.3',
  title: 'The tournament finds a model of small Cov in a misspecified class',
  source: SOURCE,
  run: (context) =>
    runParts(context, [
      [0.35, inResponses],
      [0.25, inModels],
      [0.25, inBudget],
      [0.15, inBest],
    ]),
};

/** Against n: the flat model is the only one of Cov 0 at N^a, and the least likely. */
async function inResponses(context: ExperimentContext): Promise<Part> {
  const [N, a, M] = [1e6, 0.25, 40];
  const task = eventsClass({ N, a, wrong: ladder(0.2, 1e-5, M - 1) });
  const sizes = context.quick ? geometric(64, 4, 4) : geometric(64, 2, 8);
  const replicates = context.quick ? 60 : 300;
  const points: Series['points'][number][] = [];
  const bounded: Bounded[] = [];
  for (const [index, n] of sizes.entries()) {
    context.progress(index / sizes.length, `n = ${n}`);
    const [values] = await winnersCov(['simple'], task, N ** (1 + a), { n, replicates, key: 631 }, context);
    points.push({ x: n, ...meanWithError(values!) });
    bounded.push({ values: values!, bound: N ** -(1 - a) + Math.log(M / DELTA) / n });
  }
  const series = [{ name: 'winner of the tournament', points }];
  const title = 'Mean Cov at N^{1+a} of the winner against n';
  const claim =
    'Cov at N^{1+a} of the winner is at most N^-(1-a) + log(M/δ)/n, though the only model of Cov 0 at N^a is the least likely,';
  return {
    verdicts: [
      boundVerdict(claim, SOURCE, bounded),
      exponentVerdict(
        {
          claim: 'Cov at N^{1+a} of the winner falls at least like 1/n: exponent in n',
          source: SOURCE,
          exponent: -1,
          relation: 'atMost',
        },
        series[0]!,
      ),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-3-n',
      title,
      variable: 'n',
      quantity: 'mean Cov at N^{1+a}',
      series,
      caption: `${M} models, N = 10^6, a = 1/4: one within N^a of π_D everywhere, the others wrong on sets of prompts from 0.2 down to 10^-5. Both axes are logarithmic; bands are two standard errors.`,
    },
    seen: `π_D is in none of the classes. Where every model but the least likely is wrong somewhere, the winner's Cov is ${ends(series[0]!)} at n = ${sizes[0]} and ${sizes.at(-1)}.`,
  };
}

/** Against M: models wrong on independent sets of one size, as great as still wins one time in 1/δ. */
async function inModels(context: ExperimentContext): Promise<Part> {
  const [N, a, n] = [1e6, 0.25, 128];
  const counts = context.quick ? geometric(8, 4, 3) : geometric(8, 4, 4);
  const replicates = context.quick ? 300 : 600;
  const points: Series['points'][number][] = [];
  for (const [index, M] of counts.entries()) {
    context.progress(index / counts.length, `M = ${M}`);
    const worst = await worstCov(n, async (fails) => {
      const task = eventsClass({ N, a, wrong: new Array<number>(M - 1).fill(fails) });
      const [values] = await winnersCov(['simple'], task, N ** (1 + a), { n, replicates, key: 632 }, context);
      return values!;
    });
    points.push({ x: Math.log(M / DELTA), ...worst });
  }
  const series = [{ name: 'winner of the tournament', points }];
  const title = 'Cov at N^{1+a} that the winner exceeds with probability δ, against log(M/δ)';
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
      id: 'theorem-6-3-m',
      title,
      variable: 'log(M/δ)',
      quantity: 'Cov at N^{1+a}',
      series,
      caption: `n = ${n}, N = 10^6, a = 1/4, δ = ${DELTA}, M from ${counts[0]} to ${counts.at(-1)}; all models but one are wrong on independent sets of one size. Both axes are logarithmic; bands are two standard errors.`,
    },
    seen: `From M = ${counts[0]} to ${counts.at(-1)} the Cov that wins with probability δ goes from ${compact(points[0]!.value)} to ${compact(points.at(-1)!.value)}, log(M/δ) from ${compact(points[0]!.x)} to ${compact(points.at(-1)!.x)}.`,
  };
}

/** Against N, with n far above N^{1-a}, for several a: what the bold model costs. */
async function inBudget(context: ExperimentContext): Promise<Part> {
  const budgets = context.quick ? geometric(64, 2, 5) : geometric(64, 4, 5);
  const replicates = context.quick ? 8 : 30;
  const series: Series[] = [];
  const exponents = [0.125, 0.25, 0.5];
  const bounded: Bounded[] = [];
  for (const [at, a] of exponents.entries()) {
    const points: Series['points'][number][] = [];
    for (const [index, N] of budgets.entries()) {
      context.progress((at + index / budgets.length) / exponents.length, `a = ${a}, N = ${N}`);
      const n = Math.round(60 * N ** (1 - a));
      const task = eventsClass({ N, a, wrong: [BOLD_FAILS * N ** (a - 1)], bold: true });
      const [values] = await winnersCov(['simple'], task, N ** (1 + a), { n, replicates, key: 633 + at }, context);
      points.push({ x: N, ...meanWithError(values!) });
      bounded.push({ values: values!, bound: N ** (a - 1) + Math.log(3 / DELTA) / n });
    }
    series.push({ name: `a = ${a}`, points });
  }
  const title = 'Mean Cov at N^{1+a} of the winner against N, with n far above N^{1-a}';
  return {
    verdicts: [
      ...exponents.map((a, at) =>
        exponentVerdict(
          {
            claim: `The term N^-(1-a) is attained, at a = ${a}: exponent in N of the winner's Cov at N^{1+a} where n is far greater`,
            source: SOURCE,
            exponent: a - 1,
          },
          series[at]!,
        ),
      ),
      boundVerdict('At each of these a Cov at N^{1+a} of the winner is at most N^-(1-a) + log(M/δ)/n', SOURCE, bounded),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-3-budget',
      title,
      variable: 'N',
      quantity: 'mean Cov at N^{1+a}',
      series,
      caption:
        'Three models: one within N^a of π_D everywhere, a bold one that claims what the first gives little, and a wrong one; both fail with probability N^-(1-a)/5; n = 60·N^{1-a}. Both axes are logarithmic; bands are two standard errors.',
    },
    seen: `The term N^-(1-a) cannot be done without: on a class of three models the winner's Cov goes from ${exponents.map((a, at) => `${ends(series[at]!)} (a = ${a})`).join(', ')} at N = ${budgets[0]} and ${budgets.at(-1)}, at any n.`,
  };
}

/** Against the Cov of the best model: no model is right everywhere. */
async function inBest(context: ExperimentContext): Promise<Part> {
  const [N, a, n] = [1e6, 0.25, 4000];
  const best = context.quick ? ladder(0.16, 0.01, 4) : ladder(0.16, 0.005, 6);
  const replicates = context.quick ? 20 : 100;
  const points: Series['points'][number][] = [];
  for (const [index, flat] of best.entries()) {
    context.progress(index / best.length, `least Cov about ${compact(flat)}`);
    const task = eventsClass({ N, a, wrong: ladder(3 * flat, 1.2 * flat, 12), flat });
    const [values] = await winnersCov(['simple'], task, N ** (1 + a), { n, replicates, key: 639 }, context);
    points.push({ x: flat, ...meanWithError(values!) });
  }
  const series = [{ name: 'winner of the tournament', points }];
  const title = 'Mean Cov at N^{1+a} of the winner against the least Cov at N^a of the class';
  return {
    verdicts: [
      exponentVerdict(
        {
          claim:
            'Where no model is right everywhere, the winner is no worse than the best by more than a factor: exponent in min Cov at N^a',
          source: SOURCE,
          exponent: 1,
          relation: 'atLeast',
        },
        series[0]!,
      ),
    ],
    plot: {
      kind: 'sweep',
      id: 'theorem-6-3-best',
      title,
      variable: 'min Cov at N^a',
      quantity: 'mean Cov at N^{1+a}',
      series,
      caption: `13 models, n = ${n}, N = 10^6, a = 1/4: the least likely is wrong, too, but with the least probability; the others with 1.2 to 3 times that. Both axes are logarithmic; bands are two standard errors.`,
    },
    seen: `Where every model is wrong somewhere, the winner's Cov is ${ends(series[0]!)} for a best model of ${compact(points[0]!.x)} and ${compact(points.at(-1)!.x)}.`,
  };
}
