import { Training } from '../linear/train.js';
import type { Verdict } from '../report/experiment/verdict.js';
import { atBestStep } from './best-step.js';
import type { Experiment, ExperimentContext } from './experiment.js';
import { geometric } from './geometric.js';
import { NEEDED_CAPTION, NEEDED_TITLE, promptsNeeded } from './horizon-sweep.js';
import { ends, jobOf, type Part, runParts } from './part.js';
import { randomProblem } from './random-class.js';
import { exponentVerdict, type Series } from './sweep.js';
import { ADAM_WITHOUT_AVERAGES, RULES, type Rule } from './update-rules.js';

const CONJECTURE = 'SignSGD [20], conjecture';

/** The paper's conjecture that normalising each coordinate helps like normalising the gradient: SignSGD and Adam, measured. */
export const signSgd: Experiment = {
  name: 'sign-sgd',
  title: 'SignSGD and Adam beside normalized SGD',
  source: '§5, SignSGD [20]',
  run: (context) =>
    runParts(context, [
      [0.6, inHorizon],
      [0.2, inSteps],
      [0.2, inNoisyHorizon],
    ]),
};

/** Where a rule's exponent is claimed: the theorems speak of two rules, the others are the conjecture's. */
function sourceOf(rule: Rule): string {
  return { SGD: 'Proposition 5.1', 'normalized SGD': 'Theorem 5.1', SignSGD: CONJECTURE, Adam: CONJECTURE }[rule];
}

function conjectured(rule: Rule): string {
  return sourceOf(rule) === CONJECTURE ? ' (conjecture, measured)' : '';
}

/** The instance that SGD fails on. */
async function inHorizon(context: ExperimentContext): Promise<Part> {
  const series = await promptsNeeded(RULES, context);
  const verdicts = RULES.map((rule, at) => {
    const claim = `Prompts + that ${rule} needs at its best step${conjectured(rule)}: exponent in H`;
    return exponentVerdict({ claim, source: sourceOf(rule), exponent: rule === 'SGD' ? 1 : 0 }, series[at]!);
  });
  return {
    verdicts: [...verdicts, await adamIsSign(context)],
    plot: {
      kind: 'sweep',
      id: 'sign-sgd-h',
      title: NEEDED_TITLE,
      caption: NEEDED_CAPTION,
      variable: 'H',
      quantity: 'prompts + needed',
      series,
    },
    seen: `On the instance of Proposition 5.1, at the least and the greatest H, prompts + needed are ${list(series)}: per-coordinate normalisation helps as much there. From then on Cov_N is 0, so that its average over T iterates falls like 1/T for every rule.`,
  };
}

function list(series: readonly Series[]): string {
  return RULES.map((rule, at) => `${ends(series[at]!)} (${rule})`).join(', ');
}

/** Without averages Adam's update is that of SignSGD, to the bit. */
async function adamIsSign(context: ExperimentContext): Promise<Verdict> {
  let greatest = 0;
  const horizons = [4, 32];
  for (const [index, horizon] of horizons.entries()) {
    const { features, data } = await randomProblem(horizon, 6, 100 + index, context);
    const runs = (['signSgd', ADAM_WITHOUT_AVERAGES] as const).map((procedure) => ({
      features,
      data,
      procedure,
      steps: 1000,
      stepSize: 0.01,
      batchSize: 2,
      seed: context.seed,
    }));
    const job = jobOf(context);
    const [sign, adam] = await (await Training.create(runs, job)).run(job);
    greatest = Math.max(greatest, ...sign!.theta.map((value, at) => Math.abs(value - adam!.theta[at]!)));
  }
  return {
    claim: 'Adam without averages (β1 = β2 = 0, ε → 0) is SignSGD: greatest difference of θ after 1000 steps',
    source: 'SignSGD [20]',
    predicted: 0,
    measured: greatest,
    interval: null,
    holds: greatest === 0,
  };
}

const HORIZON = 8;
/** B at that H; σ*² is then about 55. */
const RANDOM_BOUND = 6;

function randomProblems(horizon: number, bound: number, context: ExperimentContext) {
  const count = context.quick ? 4 : 10;
  return Promise.all(Array.from({ length: count }, (_, index) => randomProblem(horizon, bound, index, context)));
}

/** Random classes with noise, where gradients of all prompts are of one size. */
async function inSteps(context: ExperimentContext): Promise<Part> {
  const problems = await randomProblems(HORIZON, RANDOM_BOUND, context);
  const sizes = context.quick ? geometric(128, 2, 4) : geometric(128, 2, 6);
  const series = await atBestStep(
    RULES,
    sizes.map((steps) => ({ x: steps, steps, problems })),
    context,
  );
  return {
    verdicts: RULES.map((rule, at) => {
      const claim = `Averaged Cov_4 of ${rule} on random classes falls at least like 1/√T${conjectured(rule)}: exponent in T`;
      return exponentVerdict({ claim, source: sourceOf(rule), exponent: -0.5, relation: 'atMost' }, series[at]!);
    }),
    plot: {
      kind: 'sweep',
      id: 'sign-sgd-t',
      title: 'Averaged Cov_4 on random classes against T',
      caption: `${problems.length} random linear classes (H = ${HORIZON}, V = 4, d = 32, B = ${RANDOM_BOUND}), one response a step, each rule at its best step size. Both axes are logarithmic; bands are two standard errors.`,
      variable: 'T',
      quantity: 'averaged Cov_4',
      series,
    },
    seen: `On random classes, at T = ${sizes[0]} and ${sizes.at(-1)}, the averaged Cov_4 is ${list(series)}: with one kind of prompt only, normalising gains nothing over SGD at its best step.`,
  };
}

/** The same with H growing at fixed σ*², which is what the bounds without H allow for. */
async function inNoisyHorizon(context: ExperimentContext): Promise<Part> {
  const horizons = context.quick ? geometric(12, Math.SQRT2, 4) : geometric(16, Math.SQRT2, 5);
  const steps = context.quick ? 128 : 256;
  const points = [];
  for (const horizon of horizons) {
    const bound = RANDOM_BOUND * Math.sqrt(HORIZON / horizon);
    points.push({ x: horizon, steps, problems: await randomProblems(horizon, bound, context) });
  }
  const series = await atBestStep(RULES, points, context);
  const variances = points.map(
    ({ problems }) => problems.reduce((sum, each) => sum + each.variance, 0) / problems.length,
  );
  return {
    verdicts: RULES.filter((rule) => rule !== 'SGD').map((rule) => {
      const claim = `Averaged Cov_4 of ${rule} on random classes at fixed σ*² does not grow with H${conjectured(rule)}: exponent in H`;
      const mine = series[RULES.indexOf(rule)]!;
      return exponentVerdict({ claim, source: sourceOf(rule), exponent: 0, relation: 'atMost' }, mine);
    }),
    plot: {
      kind: 'sweep',
      id: 'sign-sgd-noisy-h',
      title: 'Averaged Cov_4 on random classes against H at fixed σ*²',
      caption: `As above with T = ${steps}, B falling like 1/√H and σ*² from ${Math.min(...variances).toPrecision(3)} to ${Math.max(...variances).toPrecision(3)}. Both axes are logarithmic; bands are two standard errors.`,
      variable: 'H',
      quantity: 'averaged Cov_4',
      series,
    },
    seen: `At fixed σ*², at H = ${horizons[0]} and ${horizons.at(-1)}, it is ${list(series)}.`,
  };
}
