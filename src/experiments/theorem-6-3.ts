import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { selectWinner } from '../tournament/select-winner.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { geometric } from './geometric.js';
import { exponentVerdict, type Series, sweepTable } from './sweep.js';
import { drawCounts, logProb, type TournamentClass, tournamentClass } from './tournament-class.js';

const SOURCE = 'Theorem 6.3';
const MODELS = 40;
const DELTA = 0.05;

/** Theorem 6.3: the winner of the tournament covers about as well as the best model of the class, likely or not. */
export const theorem63: Experiment = {
  name: 'theorem-6.3',
  title: 'The tournament finds a model of small Cov in a misspecified class',
  source: SOURCE,
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const { quick, seed, signal, progress } = context;
  const task = tournamentClass(MODELS, 1e6, 0.25, [0.2, 1e-5]);
  const sizes = quick ? geometric(64, 4, 4) : geometric(64, 2, 8);
  const replicates = quick ? 60 : 300;
  const points = [];
  let kept = 0;
  let worst = 0;
  for (const [index, n] of sizes.entries()) {
    const values: number[] = [];
    for (let replicate = 0; replicate < replicates; replicate += 1) {
      signal?.throwIfAborted();
      values.push(task.wrong[await winner(task, drawCounts(task, n, [seed, 63, n, replicate]), n)]!);
      progress((index + replicate / replicates) / sizes.length, `n = ${n}`);
    }
    const bound = task.N ** -(1 - task.a) + Math.log(MODELS / DELTA) / n;
    kept += values.filter((value) => value <= bound).length;
    worst = Math.max(worst, ...values.map((value) => value / bound));
    const mean = values.reduce((sum, value) => sum + value, 0) / replicates;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    points.push({ x: n, value: mean, standardError: Math.sqrt(squares / (replicates - 1) / replicates) });
  }
  const trials = sizes.length * replicates;
  const [low, high] = native.binomialIntervals(Uint32Array.of(kept), trials, 0.95);
  const series: Series = { name: 'winner of the tournament', points };
  const title = 'Mean Cov at N^{1+a} of the winner against n';
  return {
    verdicts: [
      {
        claim: `Cov at N^{1+a} of the winner is at most N^{-(1-a)} + log(M/δ)/n with probability 1 − δ, δ = ${DELTA}, though the only model of Cov 0 at N^a is the least likely (the constant of ≲ taken as 1; greatest ratio ${worst.toPrecision(3)})`,
        source: SOURCE,
        predicted: `≥ ${1 - DELTA}`,
        measured: kept / trials,
        interval: [low!, high!],
        holds: kept / trials >= 1 - DELTA,
      },
      exponentVerdict(
        {
          claim: 'Cov at N^{1+a} of the winner falls like 1/n: exponent in n',
          source: SOURCE,
          exponent: -1,
          relation: 'atMost',
        },
        series,
      ),
    ],
    tables: [sweepTable(title, 'n', [series])],
    plots: [
      {
        kind: 'sweep',
        id: 'theorem-6-3-n',
        title,
        caption: 'Both axes are logarithmic; bands are two standard errors of the mean over data sets.',
        variable: 'n',
        quantity: 'mean Cov at N^{1+a}',
        series: [series],
      },
    ],
    summary: [
      [
        `${MODELS} models, N = 10^6, a = 1/4: one is within N^a of π_D everywhere but fits worst; each other fits perfectly except on a rare set of prompts.`,
      ],
    ],
  };
}

/** The model that the tournament picks from n responses, of which `counts` fell on the wrong sets. */
async function winner(task: TournamentClass, counts: readonly number[], n: number): Promise<number> {
  // A response outside all wrong sets belongs to the set of model 0, which is empty of its own.
  const sets = counts.flatMap((count, set) => new Array<number>(count).fill(set));
  const responses = [...sets, ...new Array<number>(n - sets.length).fill(0)];
  const rows = task.wrong.map((_, model) => Float64Array.from(responses, (set) => logProb(task, model, set)));
  const models = rows.map((_, model) => String(model));
  const [picked] = await selectWinner(LogProbs.fromArrays(rows, { models }), { N: [task.N] });
  return Number(picked!.winner);
}
