// At which N to hold the tournament for a budget K: regret of several rules on the graph reasoning task.
//
//   npm run --silent build && tsc -p benchmark/tsconfig.json && node benchmark/.build/benchmark/which-n.js [SEEDS]
//
// The two learners of Figure 1 are fine-tuned once a seed, on the paper's mixture of classes and, a quarter as many seeds, on
// others; each rule picks among 25 checkpoints by the log-probabilities of 4,000 held-out responses. Regret is the exact
// Pass@K of the best checkpoint less that of the pick. The tables of docs/which-n.md go to stdout in Markdown.
import { type Figure1Learner, figure1Run } from '../src/experiments/figure-1-training.js';
import type { GraphRun } from '../src/experiments.js';
import type { Tournament } from '../src/index.js';
import { loadPackage } from './hosts/addon.js';
import { ROOT } from './paths.js';

const { LogProbs, graphTraining, tournament } = (await loadPackage(ROOT)).facade;

const SEEDS = Number(process.argv[2] ?? 16);
const BUDGETS = [3, 4, 5, 6, 8, 12, 16, 24, 32, 64, 128];
const SIZE = { preTraining: 2000, fineTuning: 6000, validation: 1024, heldOut: 4000, checkpoints: 25 };
const LEARNERS: readonly Figure1Learner[] = ['varied', 'calibrated'];
/** Weights of the classes in fine-tuning: the paper's, then others. */
const MIXTURES = [
  [0.9, 0.1, 0],
  [0.95, 0.05, 0],
  [0.8, 0.2, 0],
  [0.6, 0.2, 0.2],
] as const;

/** N at which Theorem 6.3 bounds Cov_{K/2} of the pick with this exponent. */
const at = (a: number) => (K: number) => (K / 2) ** (1 / (1 + a));
const EXPONENTS = [0, 0.25, 0.5, 0.75, 1];

/** All tournaments of one run, and what a pick would come to. */
interface Seen {
  readonly at: ReadonlyMap<number, Tournament>;
  /** Mean log-probability of each checkpoint. */
  readonly means: readonly number[];
  readonly models: readonly string[];
}

type Rule = (seen: Seen, K: number) => number;

const greatest = (values: readonly number[]) => values.indexOf(Math.max(...values));

const byReach =
  (N: (K: number) => number): Rule =>
  ({ at, models }, K) =>
    models.indexOf(at.get(N(K))!.winner);

const byLikelihood =
  (N: (K: number) => number): Rule =>
  ({ at, means }, K) => {
    const { scores } = at.get(N(K))!;
    const least = Math.min(...scores);
    return greatest(means.map((mean, model) => (scores[model] === least ? mean : Number.NEGATIVE_INFINITY)));
  };

/** The least, at its worst N, above the least score there; of several the one that ranks first at (K/2)^(2/3). */
const leastAtWorst =
  (exponents: readonly number[]): Rule =>
  ({ at: tournaments, models }, K) => {
    const each = exponents.map((a) => tournaments.get(at(a)(K))!);
    const worst = models.map((_, model) => Math.max(...each.map(({ scores }) => scores[model]! - Math.min(...scores))));
    const least = Math.min(...worst);
    const { ranking } = tournaments.get(at(0.5)(K))!;
    return models.indexOf(ranking.find((name) => worst[models.indexOf(name)] === least)!);
  };

const rules: readonly (readonly [name: string, rule: Rule])[] = [
  ['least cross-entropy', ({ means }) => greatest(means)],
  ...EXPONENTS.map((a) => {
    const form = a === 0 ? 'K/2' : a === 1 ? '(K/2)^½' : `(K/2)^(1/${1 + a})`;
    return [`N = ${form} (a = ${a})`, byReach(at(a))] as const;
  }),
  ['least at its worst of a = 0, 0.5, 1', leastAtWorst([0, 0.5, 1])],
  ['least at its worst of all five', leastAtWorst(EXPONENTS)],
  ['N = K', byReach((K) => K)],
  ['N = K/2, ties by likelihood', byLikelihood(at(0))],
  ['N = (K/2)^(1/1.5), ties by likelihood', byLikelihood(at(0.5))],
];

async function look(run: GraphRun): Promise<Seen> {
  const models = run.checkpoints.map((_, index) => String(index));
  const logProbs = LogProbs.fromMatrix(run.logProbs, run.heldOutClasses.length, { models });
  const N = [...new Set(BUDGETS.flatMap((K) => [K, ...EXPONENTS.map((a) => at(a)(K))]))];
  const { tournaments, meanLogProbs } = await tournament(logProbs, { N });
  logProbs.dispose();
  return { at: new Map(tournaments.map((each) => [each.N, each])), means: meanLogProbs.map((mean) => mean!), models };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const standardError = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / (values.length - 1));

const row = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

/** Of each rule, in points: regret by budget and seed. */
type Regrets = ReadonlyMap<string, readonly number[][]>;

async function regretsOf(weights: (typeof MIXTURES)[number], learner: Figure1Learner, seeds: number): Promise<Regrets> {
  const regrets = new Map(rules.map(([name]) => [name, BUDGETS.map((): number[] => [])]));
  for (let seed = 1; seed <= seeds; seed += 1) {
    const run = figure1Run(learner, seed, SIZE);
    const [preTraining, fineTuning] = run.stages;
    const stages = [preTraining!, { ...fineTuning!, weights }];
    const [trained] = await graphTraining([{ ...run, stages, measure: { N: [2], pass: BUDGETS } }]);
    // The last checkpoint of pre-training is the first of fine-tuning; all of them compete.
    const seen = await look(trained!);
    const pass = (checkpoint: number, index: number) => trained!.checkpoints[checkpoint]!.measures.all.pass[index]!;
    for (const [name, rule] of rules) {
      for (const [index, K] of BUDGETS.entries()) {
        const best = Math.max(...seen.models.map((_, checkpoint) => pass(checkpoint, index)));
        regrets.get(name)![index]!.push(100 * (best - pass(rule(seen, K), index)));
      }
    }
    process.stderr.write(`${weights.join(', ')}: ${learner}, seed ${seed} of ${seeds}\n`);
  }
  return regrets;
}

/** Mean over the budgets, one value a seed. */
const bySeed = (regrets: readonly number[][]) =>
  regrets[0]!.map((_, seed) => mean(regrets.map((values) => values[seed]!)));

const withError = (values: readonly number[]) => `${mean(values).toFixed(2)} (${standardError(values).toFixed(2)})`;

const overMixtures = new Map(rules.map(([name]) => [name, [] as string[]]));
const averages = new Map(rules.map(([name]) => [name, [] as number[]]));
const worst = new Map(rules.map(([name]) => [name, 0]));
for (const [place, weights] of MIXTURES.entries()) {
  for (const learner of LEARNERS) {
    const regrets = await regretsOf(weights, learner, place === 0 ? SEEDS : Math.ceil(SEEDS / 4));
    for (const [name, each] of regrets) {
      overMixtures.get(name)!.push(withError(bySeed(each)));
      averages.get(name)!.push(mean(bySeed(each)));
      worst.set(name, Math.max(worst.get(name)!, ...each.map(mean)));
    }
    if (place > 0) continue;
    process.stdout.write(
      `\nThe ${learner} learner: mean regret in points of Pass@K over ${SEEDS} seeds (standard error).\n\n`,
    );
    row(['rule', ...BUDGETS.map((K) => `K = ${K}`), 'mean']);
    row(['---', ...BUDGETS.map(() => '---:'), '---:']);
    for (const [name, each] of regrets) {
      row([name, ...each.map(withError), mean(bySeed(each)).toFixed(2)]);
    }
  }
}
process.stdout.write(
  `\nMean over the budgets by mixture, \`varied\` and \`calibrated\`: ${SEEDS} seeds of the first, ${Math.ceil(SEEDS / 4)} of the others.\n\n`,
);
row([
  'rule',
  ...MIXTURES.flatMap((weights) => LEARNERS.map((learner) => `${weights.join('/')} ${learner}`)),
  'mean',
  'worst cell',
]);
row(['---', ...MIXTURES.flatMap(() => LEARNERS.map(() => '---:')), '---:', '---:']);
for (const [name] of rules) {
  row([name, ...overMixtures.get(name)!, mean(averages.get(name)!).toFixed(2), worst.get(name)!.toFixed(2)]);
}
