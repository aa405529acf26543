import { problemTrials, type TrialSummary } from '../problems/trials.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { geometric } from './geometric.js';
import { exponentVerdict, type Series, sweepTable } from './sweep.js';

const SOURCE = 'Theorem E.1';

/** The rare prompt's probability p is searched from this factor times d/(nN) up, in steps of √2. */
const LEAST_RARE = 1 / 64;
const RARE_STEPS = 28;

/** Sweeps of one variable, the others fixed. */
const SWEEPS: readonly { variable: 'N' | 'd' | 'n'; values: readonly number[] }[] = [
  { variable: 'N', values: [4, 8, 16, 32, 64, 128] },
  { variable: 'd', values: geometric(50, 2, 6) },
  { variable: 'n', values: geometric(5000, 2, 6) },
];

/**
 * Theorem E.1: over a convex class Cov_N of the MLE falls like 1/N, not like 1/log N. The components are π_D and models
 * that are wrong at one rare prompt of probability p but fit the noise elsewhere; what p is worst depends on the
 * estimator and N, so the greatest mean Cov_N over p is what is measured.
 */
export const theoremE1: Experiment = {
  name: 'theorem-e.1',
  title: 'Convex classes: Cov_N falls like 1/N',
  source: SOURCE,
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const verdicts = [];
  const tables = [];
  const plots = [];
  for (const [index, { variable, values }] of SWEEPS.entries()) {
    const chosen = context.quick && variable !== 'N' ? values.filter((_, at) => at % 2 === 0) : values;
    const series = await sweep(variable, chosen, context, (share) =>
      context.progress((index + share) / SWEEPS.length, `sweep of ${variable}`),
    );
    const [mixture, component] = series;
    const title = `Greatest mean Cov_N over p against ${variable}`;
    const exponent = variable === 'd' ? 1 : -1;
    verdicts.push(
      exponentVerdict(
        {
          claim: `Greatest Cov_N of the MLE over mixtures is of order d/(nN): exponent in ${variable}`,
          source: SOURCE,
          exponent,
        },
        mixture!,
      ),
    );
    if (variable === 'N') {
      verdicts.push(
        exponentVerdict(
          {
            claim:
              'Greatest Cov_N of the MLE over the components (not convex) does not fall with N up to M: exponent in N',
            source: 'Proposition 4.1(b)',
            exponent: 0,
          },
          component!,
        ),
      );
    }
    tables.push(sweepTable(title, variable, series));
    plots.push({
      kind: 'sweep' as const,
      id: `theorem-e-1-${variable.toLowerCase()}${variable === 'N' ? '-budget' : ''}`,
      title,
      caption: 'Both axes are logarithmic; bands are two standard errors of the mean over data sets.',
      variable,
      quantity: 'greatest mean Cov_N',
      series,
    });
  }
  const misspecified = await misspecification(context);
  return {
    verdicts: [...verdicts, misspecified],
    tables,
    plots,
    summary: [
      ['Over mixtures the greatest Cov_N of the MLE falls like 1/N; over the components alone it does not fall.'],
    ],
  };
}

async function sweep(
  variable: 'N' | 'd' | 'n',
  values: readonly number[],
  context: ExperimentContext,
  progress: (share: number) => void,
): Promise<Series[]> {
  const points: { x: number; mixture: TrialSummary; component: TrialSummary }[] = [];
  for (const [index, x] of values.entries()) {
    const sizes = { N: 16, d: 200, n: 20_000, [variable]: x };
    const base = (LEAST_RARE * sizes.d) / (sizes.n * sizes.N);
    // The component MLE gives the rare prompt up at a p that does not shrink with N: the grid reaches both.
    const rare = Array.from({ length: RARE_STEPS }, (_, step) => base * 2 ** (step / 2)).filter((p) => p < 0.05);
    const trials = await problemTrials({
      problems: rare.map((p) => ({ name: 'theorem-e.1', N: sizes.N, dim: sizes.d, responses: sizes.n, rare: p })),
      N: [sizes.N],
      replicates: context.quick ? 100 : 400,
      seed: context.seed,
      ...(context.threads !== undefined && { threads: context.threads }),
      ...(context.signal && { signal: context.signal }),
    });
    const greatest = (estimator: string) =>
      trials
        .map(({ estimators }) => estimators.find((each) => each.estimator === estimator)!.cov[0]!)
        .reduce((best, each) => (each.mean > best.mean ? each : best));
    points.push({ x, mixture: greatest('mixture-mle'), component: greatest('component-mle') });
    progress((index + 1) / values.length);
  }
  const series = (name: string, of: (point: (typeof points)[number]) => TrialSummary): Series => ({
    name,
    points: points.map((point) => {
      const { mean, standardError } = of(point);
      return { x: point.x, value: mean, standardError: standardError ?? 0 };
    }),
  });
  return [
    series('MLE over mixtures', ({ mixture }) => mixture),
    series('MLE over components', ({ component }) => component),
  ];
}

/** Misspecification costs only the coverage of the best in the class: the instance of Proposition E.1, made convex. */
async function misspecification(context: ExperimentContext) {
  // 1/N is well below p = α²/(32 log M), so that the bound 1/N on what convexity may cost says something.
  const N = 1000;
  const replicates = context.quick ? 200 : 1000;
  const [trials] = await problemTrials({
    problems: [{ name: 'theorem-e.1', kind: 'misspecified', N, M: 1_000_000, alpha: 1, responses: 1_000_000 }],
    N: [N],
    replicates,
    seed: context.seed,
    ...(context.threads !== undefined && { threads: context.threads }),
    ...(context.signal && { signal: context.signal }),
  });
  const of = (name: string) => trials!.estimators.find(({ estimator }) => estimator === name)!.cov[0]!;
  const mixture = of('mixture-mle');
  const component = of('component-mle');
  return {
    claim: `Misspecified: Cov_${N} of the MLE over mixtures is that of the best mixture, 0 (the MLE over the two components: ${component.mean.toPrecision(3)})`,
    source: SOURCE,
    predicted: 0,
    measured: mixture.mean,
    interval: [mixture.min, mixture.max] as const,
    holds: mixture.quantiles[4] === 0 && component.mean > 0,
  };
}
