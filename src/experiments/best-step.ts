import type { ExperimentContext } from './experiment.js';
import { averagedCov, RANDOM_BUDGET, type RandomProblem } from './random-class.js';
import { meanWithError } from './statistics.js';
import type { Series } from './sweep.js';
import { procedureOf, type Rule } from './update-rules.js';

/** Step sizes a factor of √10 apart, from where every rule is too slow to where every rule is too coarse. */
const STEP_SIZES = [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2, 0.1];

/** A point of a sweep: random problems and how long to train on each. */
export interface SweepPoint {
  readonly x: number;
  readonly problems: readonly RandomProblem[];
  readonly steps: number;
}

/**
 * The averaged Cov_N of each rule along a sweep, at the step size that is best at the point on one stream of responses
 * a problem, measured on others, so that the choice does not flatter itself.
 */
export async function atBestStep(
  rules: readonly Rule[],
  points: readonly SweepPoint[],
  context: Pick<ExperimentContext, 'seed' | 'threads' | 'signal' | 'progress'>,
): Promise<Series[]> {
  const found: { x: number; values: { value: number; standardError: number }[] }[] = [];
  for (const [index, point] of points.entries()) {
    context.progress(index / points.length, `${rules.join(', ')}: T = ${point.steps}`);
    found.push({ x: point.x, values: await atPoint(rules, point, context) });
  }
  return rules.map((rule, at) => ({
    name: `${rule} at its best step`,
    points: found.map(({ x, values }) => ({ x, ...values[at]! })),
  }));
}

async function atPoint(
  rules: readonly Rule[],
  { problems, steps }: SweepPoint,
  context: Pick<ExperimentContext, 'seed' | 'threads' | 'signal'>,
): Promise<{ value: number; standardError: number }[]> {
  const measure = async (chosen: readonly { rule: Rule; stepSize: number }[], firstRun: number) => {
    const runs = chosen.flatMap(({ rule, stepSize }) =>
      problems.map((problem, index) => ({
        problem,
        steps,
        stepSize,
        run: firstRun + index,
        procedure: procedureOf(rule, stepSize, RANDOM_BUDGET),
      })),
    );
    const values = await averagedCov(runs, context);
    return chosen.map((_, at) => meanWithError(values.slice(at * problems.length, (at + 1) * problems.length)));
  };
  const searched = rules.flatMap((rule) => STEP_SIZES.map((stepSize) => ({ rule, stepSize })));
  const means = await measure(searched, 0);
  const best = rules.map((rule) => {
    const mine = searched.flatMap((each, at) => (each.rule === rule ? [{ ...each, mean: means[at]!.value }] : []));
    return mine.reduce((least, each) => (each.mean < least.mean ? each : least));
  });
  return measure(best, problems.length);
}
