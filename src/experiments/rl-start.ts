import type { JobOptions } from '../job.js';
import type { ScatterPlot } from '../results/plot.js';
import { numberCell, type Table } from '../results/table.js';
import type { Verdict } from '../results/verdict.js';
import { compact, count, percent, plural } from '../text/format.js';
import { tournament } from '../tournament/tournament.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { tournamentN } from './figure-1-training.js';
import {
  COVERAGE_N,
  type Followed,
  K,
  LEARNERS,
  type Learner,
  PROMPTS,
  type RlStartSize,
  ROLLOUTS,
} from './rl-start-learners.js';
import { describeRuns, likelihoodQuantiles, rankCorrelation, runsVerdict } from './runs.js';

const SIZES: Readonly<Record<'full' | 'quick', RlStartSize>> = {
  full: { seeds: 16, starts: 25, preTraining: 2000, fineTuning: 6000, validation: 256, heldOut: 4000, steps: 240 },
  quick: { seeds: 4, starts: 8, preTraining: 1000, fineTuning: 2500, validation: 64, heldOut: 1000, steps: 120 },
};

/** ε of the likelihood quantile: the class that fine-tuning gives up has as much weight. */
const EPSILON = 0.1;

/** What is known of a start, and what came of it. Costs: greater is worse. */
interface Start {
  readonly name: string;
  readonly kl: number;
  readonly coverage: number;
  /** 1 − Pass@K. */
  readonly missed: number;
  /** 1/Q(ε): the rollouts a problem that policy gradient needs (arXiv:2603.06957). */
  readonly inverseQuantile: number;
  /** Rollouts until Pass@1 reached the level; all of them if it never did. */
  readonly rollouts: number;
  readonly reached: boolean;
  /** Pass@1 at the start and after all rollouts. */
  readonly before: number;
  readonly after: number;
}

const PREDICTORS = [
  { key: 'kl', label: 'KL' },
  { key: 'coverage', label: `Cov_${COVERAGE_N}` },
  { key: 'missed', label: `1 − Pass@${K}` },
  { key: 'inverseQuantile', label: `1/Q(${EPSILON})` },
] as const;

/** The starts of one seed, and which of them are picked by what is seen before. */
interface Seed {
  readonly starts: readonly Start[];
  readonly picks: readonly { readonly criterion: string; readonly at: number }[];
}

/** Does the better-covered checkpoint make the better start for reinforcement learning? */
export const rlStart: Experiment = {
  name: 'rl-start',
  title: 'Which checkpoint policy gradient should start from',
  source: 'arXiv:2603.06957',
  run: (context) => runRlStart(context, context.quick ? SIZES.quick : SIZES.full),
};

/** {@link rlStart} at any size. */
export async function runRlStart(context: Omit<ExperimentContext, 'quick'>, size: RlStartSize): Promise<Outcome> {
  const results: { readonly learner: Learner; readonly seeds: readonly Seed[] }[] = [];
  for (const [at, learner] of LEARNERS.entries()) {
    const progress = (share: number, doing: string) => context.progress((at + share) / LEARNERS.length, doing);
    results.push({ learner, seeds: await seedsOf(learner, { ...context, progress }, size) });
  }
  const starts = results.map(({ seeds }) => count(seeds[0]!.starts.length)).join(', ');
  return {
    verdicts: results.flatMap(({ learner, seeds }) => verdicts(learner, seeds)),
    summary: [
      [
        `From each checkpoint of the learners of Figures 1 and 2 and of SGD on Proposition I.1's hidden signs (${starts}; ${plural(size.seeds, 'seed')}), ` +
          `${size.steps} steps of policy gradient: reward 1 for the right response, ${PROMPTS} prompts a step, ${ROLLOUTS} rollouts to each, less the mean of the ` +
          'others. Pass@1 is exact on the validation prompts, or the mean over held-out responses for the hidden signs.',
      ],
      [
        'What is known of a checkpoint before (KL, coverage profile, Pass@K, likelihood quantile) is held against how many ' +
          'rollouts it takes to a level of Pass@1, and against Pass@1 after all of them.',
      ],
      ...results.map(({ learner, seeds }) => [sentence(learner, seeds)]),
    ],
    tables: results.flatMap(({ learner, seeds }) => [correlationTable(learner, seeds), pickTable(learner, seeds)]),
    plots: results.flatMap(({ learner, seeds }) =>
      (['coverage', 'kl'] as const).map((against) => scatter(learner, seeds[0]!, against)),
    ),
  };
}

async function seedsOf(
  learner: Learner,
  { seed, threads, signal, progress }: Omit<ExperimentContext, 'quick'>,
  size: RlStartSize,
): Promise<Seed[]> {
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const seeds: Seed[] = [];
  for (let index = 0; index < size.seeds; index += 1) {
    const followed = await learner.follow(seed * 1000 + index, size, {
      ...job,
      onProgress: ({ done, total }) =>
        progress((index + (total > 0 ? done / total : 0)) / size.seeds, `policy gradient, ${learner.name}`),
    });
    const starts = followed.checkpoints.map((_, at) => startOf(learner, followed, at));
    seeds.push({ starts, picks: await picksOf(followed, starts, job) });
  }
  return seeds;
}

function startOf(learner: Learner, { checkpoints, logProbs, curves }: Followed, at: number): Start {
  const [{ step, kl, coverage, pass }, curve] = [checkpoints[at]!, curves[at]!];
  const first = curve.findIndex((look) => look.pass >= learner.level);
  const [reached, last] = [curve[first], curve.at(-1)!];
  return {
    name: `step ${step}`,
    kl,
    coverage,
    missed: 1 - pass,
    inverseQuantile: inverseQuantile(logProbs.row(at)),
    rollouts: (reached ?? last).step * PROMPTS * ROLLOUTS,
    reached: reached !== undefined,
    before: curve[0]!.pass,
    after: last.pass,
  };
}

/** 1/Q(ε) of held-out responses; infinite where the model rules out more than ε of them. */
function inverseQuantile(logProbs: Float64Array): number {
  const { logQueries } = likelihoodQuantiles(logProbs).find(({ epsilon }) => epsilon === EPSILON)!;
  return Math.exp(logQueries.value ?? Number.POSITIVE_INFINITY);
}

async function picksOf({ logProbs }: Followed, starts: readonly Start[], job: JobOptions): Promise<Seed['picks']> {
  const { tournaments, meanLogProbs } = await tournament(logProbs, { ...job, N: [tournamentN(K)] });
  const least = (values: readonly number[]) => values.indexOf(Math.min(...values));
  return [
    { criterion: 'tournament', at: logProbs.modelIndex(tournaments[0]!.winner) },
    { criterion: 'least cross-entropy', at: least(meanLogProbs.map((each) => -each!)) },
    { criterion: `best Pass@${K}`, at: least(starts.map(({ missed }) => missed)) },
  ];
}

/** The mean of values, one a seed or a start. */
function meanOf(values: readonly number[]): number {
  return describeRuns(values).mean;
}

/** Rank correlation over the starts of each seed of a predictor with a cost; seeds in which either is the same throughout left out. */
function correlations(
  seeds: readonly Seed[],
  predictor: (typeof PREDICTORS)[number]['key'],
  cost: (start: Start) => number,
) {
  return seeds.flatMap(({ starts }) => {
    const found = rankCorrelation(
      starts.map((start) => start[predictor]),
      starts.map(cost),
    );
    return found === null ? [] : [found];
  });
}

const COSTS = [
  { label: 'rollouts to the level', of: ({ rollouts }: Start) => rollouts },
  { label: 'Pass@1 missed after all rollouts', of: ({ after }: Start) => 1 - after },
] as const;

function verdicts(learner: Learner, seeds: readonly Seed[]): Verdict[] {
  const about = (text: string, source: string, values: readonly number[]): Verdict => {
    const claim = `${learner.name}'s learner: ${text}`;
    if (values.length < seeds.length) {
      const reason = 'the same at all starts of some seed: it has no rank correlation';
      return { claim, source, predicted: '≥ 0', measured: null, interval: null, holds: null, reason };
    }
    return runsVerdict({ claim, source, values, relation: 'atLeast', value: 0 });
  };
  return COSTS.flatMap(({ label, of }) => {
    const by = (key: (typeof PREDICTORS)[number]['key']) => correlations(seeds, key, of);
    const [kl, coverage, quantiles] = [by('kl'), by('coverage'), by('inverseQuantile')];
    const differ = kl.length === coverage.length ? coverage.map((value, at) => value - kl[at]!) : [];
    return [
      about(
        `the worse covered a start, the more ${label}: rank correlation with Cov_${COVERAGE_N}`,
        'beyond the paper',
        coverage,
      ),
      about(
        `Cov_${COVERAGE_N} of a start predicts ${label} better than KL: rank correlation less that of KL`,
        'beyond the paper',
        differ,
      ),
      about(
        `the greater 1/Q(${EPSILON}) of a start, the more ${label}: rank correlation`,
        'arXiv:2603.06957',
        quantiles,
      ),
    ];
  });
}

function sentence(learner: Learner, seeds: readonly Seed[]): string {
  const of = (criterion: number) => meanOf(seeds.map(({ starts, picks }) => starts[picks[criterion]!.at]!.rollouts));
  const reached = meanOf(seeds.map(({ starts }) => meanOf(starts.map((start) => (start.reached ? 1 : 0)))));
  return (
    `${learner.name}: ${percent(reached)} of the starts reach Pass@1 = ${learner.level}; the tournament's pick takes ${compact(of(0))} rollouts on ` +
    `average, that of the least cross-entropy ${compact(of(1))}, that of the best Pass@${K} ${compact(of(2))}.`
  );
}

function correlationTable(learner: Learner, seeds: readonly Seed[]): Table {
  return {
    caption: `${learner.name}: rank correlation over the starts, mean over seeds`,
    columns: [{ label: 'known before', name: true }, ...COSTS.map(({ label }) => ({ label, align: 'right' as const }))],
    rows: PREDICTORS.map(({ key, label }) => [
      { text: label },
      ...COSTS.map(({ of }) => {
        const values = correlations(seeds, key, of);
        return numberCell(values.length > 0 ? meanOf(values) : null, (value) => compact(value, 3));
      }),
    ]),
  };
}

function pickTable(learner: Learner, seeds: readonly Seed[]): Table {
  const over = (value: (start: Start) => number, at: (seed: Seed) => number) =>
    meanOf(seeds.map((seed) => value(seed.starts[at(seed)]!)));
  const best = ({ starts }: Seed) =>
    starts.reduce((least, { rollouts }, at) => (rollouts < starts[least]!.rollouts ? at : least), 0);
  const rows = [
    ...seeds[0]!.picks.map(({ criterion }, index) => ({ criterion, at: (seed: Seed) => seed.picks[index]!.at })),
    { criterion: 'fewest rollouts (seen afterwards)', at: best },
  ];
  const column = (label: string) => ({ label, align: 'right' as const });
  return {
    caption: `${learner.name}: where to start, mean over seeds; the level is Pass@1 = ${learner.level}`,
    columns: [
      { label: 'picked by', name: true },
      column('KL (nats)'),
      column(`Cov_${COVERAGE_N}`),
      column('Pass@1 before'),
      column('rollouts to the level'),
      column('Pass@1 after'),
    ],
    rows: rows.map(({ criterion, at }) => [
      { text: criterion },
      numberCell(
        over(({ kl }) => kl, at),
        compact,
      ),
      numberCell(
        over(({ coverage }) => coverage, at),
        compact,
      ),
      numberCell(
        over(({ before }) => before, at),
        compact,
      ),
      numberCell(
        over(({ rollouts }) => rollouts, at),
        compact,
      ),
      numberCell(
        over(({ after }) => after, at),
        compact,
      ),
    ]),
  };
}

function scatter(learner: Learner, { starts, picks }: Seed, against: 'coverage' | 'kl'): ScatterPlot {
  const label = against === 'kl' ? 'KL (nats)' : `Cov_${COVERAGE_N}`;
  return {
    kind: 'scatter',
    id: `rl-start-${learner.name.toLowerCase().replaceAll(' ', '-')}-${against}`,
    title: `${learner.name}: rollouts to Pass@1 = ${learner.level} against ${label} of the start`,
    caption: 'One point a checkpoint, first seed; at the top those that did not get there.',
    x: label,
    y: 'rollouts',
    points: starts.map((start) => ({ name: start.name, x: start[against], y: start.rollouts })),
    picks: picks.map(({ criterion, at }) => ({ criterion, name: starts[at]!.name })),
  };
}
