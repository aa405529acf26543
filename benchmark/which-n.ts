// At which N to hold the tournament for a budget K: regret of several rules on the graph reasoning task.
//
//   npm run --silent build && tsc -p benchmark/tsconfig.json && node benchmark/.build/benchmark/which-n.js [SEEDS]
//
// The two learners of Figure 1 are fine-tuned once a seed; each rule picks among 25 checkpoints by the log-probabilities of
// 4,000 held-out responses. Regret is the exact Pass@K of the best checkpoint less that of the pick. The tables of
// docs/which-n.md go to stdout in Markdown.
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

/** The least, at its worst N, above the least score there; of several the one that ranks first at the greatest N. */
const leastAtWorst: Rule = ({ at: tournaments, models }, K) => {
  const each = EXPONENTS.map((a) => tournaments.get(at(a)(K))!);
  const worst = models.map((_, model) => Math.max(...each.map(({ scores }) => scores[model]! - Math.min(...scores))));
  const least = Math.min(...worst);
  return models.indexOf(each[0]!.ranking.find((name) => worst[models.indexOf(name)] === least)!);
};

const rules: readonly (readonly [name: string, rule: Rule])[] = [
  ['least cross-entropy', ({ means }) => greatest(means)],
  ...EXPONENTS.map((a) => {
    const form = a === 0 ? 'K/2' : a === 1 ? '(K/2)^½' : `(K/2)^(1/${1 + a})`;
    return [`N = ${form} (a = ${a})`, byReach(at(a))] as const;
  }),
  ['least at its worst of these N', leastAtWorst],
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

for (const learner of LEARNERS) {
  const regrets = new Map(rules.map(([name]) => [name, BUDGETS.map((): number[] => [])]));
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const options = { ...figure1Run(learner, seed, SIZE), measure: { N: [2], pass: BUDGETS } };
    const [run] = await graphTraining([options]);
    // The last checkpoint of pre-training is the first of fine-tuning; all of them compete.
    const seen = await look(run!);
    const pass = (checkpoint: number, index: number) => run!.checkpoints[checkpoint]!.measures.all.pass[index]!;
    for (const [name, rule] of rules) {
      for (const [index, K] of BUDGETS.entries()) {
        const best = Math.max(...seen.models.map((_, checkpoint) => pass(checkpoint, index)));
        regrets.get(name)![index]!.push(100 * (best - pass(rule(seen, K), index)));
      }
    }
    process.stderr.write(`${learner}, seed ${seed} of ${SEEDS}\n`);
  }
  process.stdout.write(
    `\nThe ${learner} learner: mean regret in points of Pass@K over ${SEEDS} seeds (standard error).\n\n`,
  );
  row(['rule', ...BUDGETS.map((K) => `K = ${K}`), 'mean']);
  row(['---', ...BUDGETS.map(() => '---:'), '---:']);
  for (const [name] of rules) {
    const each = regrets.get(name)!;
    const cells = each.map((values) => `${mean(values).toFixed(2)} (${standardError(values).toFixed(2)})`);
    row([name, ...cells, mean(each.map(mean)).toFixed(2)]);
  }
}
