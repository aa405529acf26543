// Whether what `select` says of its certainty holds, by simulation with known truth:
//
//   npm run --silent build && tsc -p benchmark/tsconfig.json && node benchmark/.build/benchmark/selection-validity.js [RUNS] [ROWS]
//
// ROWS picks those whose models and responses, e.g. `20 alike, N = 4, 16, 100 | 5000`, hold that text.
//
// Log-probabilities are L_a,i = c + μ_a + σ·ε_a,i with independent normal ε, so that L_a − L_b is normal and p_ab, scores
// and the truly best models are known exactly. Where prompts repeat, half of the variance of ε is the prompt's: responses to
// a prompt have correlation ½ and the same p_ab. The table goes to stdout in Markdown.
import type { LogProbs, SelectionResult } from '../src/index.js';
import { loadPackage } from './hosts/addon.js';
import { ROOT } from './paths.js';

const { facade, binding: native } = await loadPackage(ROOT);

const RUNS = Number(process.argv[2] ?? 2000);
const ROWS = process.argv[3] ?? '';
const CONFIDENCE = 0.95;
const SIGMA = 1.5;

interface Cell {
  readonly name: string;
  /** Mean log-probability of each model, up to a constant. */
  readonly means: readonly number[];
  readonly N: readonly number[];
  readonly responses: number;
  /** Responses to each prompt; 1 where prompts do not repeat. */
  readonly perPrompt: number;
}

/** Numbers from a seed: mulberry32. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal ones by Box and Muller. */
function normals(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** P(Z ≥ z), to 1.2e-7 (Abramowitz and Stegun 7.1.26 would not do for tails: this is the rational form of Numerical Recipes). */
function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const poly = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  ];
  const erfc = t * Math.exp(-x * x - 1.26551223 + t * poly.reduce((sum, coefficient) => sum * t + coefficient, 0));
  return z >= 0 ? erfc / 2 : 1 - erfc / 2;
}

/** The true score of each model at N. */
function trueScores(means: readonly number[], N: number): number[] {
  return means.map((own, model) =>
    Math.max(
      ...means.flatMap((mean, rival) =>
        rival === model ? [] : [upperTail((Math.log(N) - mean + own) / (SIGMA * Math.SQRT2))],
      ),
    ),
  );
}

function draw({ means, responses, perPrompt }: Cell, seed: number): LogProbs {
  const normal = normals(seed);
  const rows = means.map((mean) => {
    const row = new Float64Array(responses);
    let shared = 0;
    for (let i = 0; i < responses; i += 1) {
      if (i % perPrompt === 0) shared = normal();
      const epsilon = perPrompt === 1 ? shared : (shared + normal()) * Math.SQRT1_2;
      row[i] = Math.min(0, -60 + mean + SIGMA * epsilon);
    }
    return row;
  });
  const promptIds =
    perPrompt === 1 ? null : Array.from({ length: responses }, (_, i) => String(Math.floor(i / perPrompt)));
  return facade.LogProbs.fromArrays(rows, { promptIds });
}

/** Runs of which a bootstrap is made besides, and its resamples: it is slow, and only a picture of what it would say. */
const BOOTSTRAPPED = 40;
const RESAMPLES = 100;

/** How often each pair counts in each unit at one N, `[rival, model]` by `rival * M + model`. */
function hitsByUnit(rows: readonly Float64Array[], logN: number, perUnit: number): Uint16Array[] {
  const units = rows[0]!.length / perUnit;
  return rows.flatMap((above) =>
    rows.map((own) => {
      const hits = new Uint16Array(units);
      if (own !== above) {
        for (let i = 0; i < own.length; i += 1) hits[Math.floor(i / perUnit)]! += Number(above[i]! - own[i]! >= logN);
      }
      return hits;
    }),
  );
}

/** The fewest models that together win 95% of the resamples: what a bootstrap would call possible. */
function bootstrapSet(rows: readonly Float64Array[], logN: number, perUnit: number, uniform: () => number): number[] {
  const models = rows.length;
  const hits = hitsByUnit(rows, logN, perUnit);
  const units = hits[0]!.length;
  const wins = new Array<number>(models).fill(0);
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    const times = new Uint8Array(units);
    for (let draw = 0; draw < units; draw += 1) times[Math.floor(uniform() * units)]! += 1;
    const score = (model: number) => {
      let worst = 0;
      for (let rival = 0; rival < models; rival += 1) {
        if (rival === model) continue;
        const of = hits[rival * models + model]!;
        let sum = 0;
        for (let unit = 0; unit < units; unit += 1) sum += times[unit]! * of[unit]!;
        worst = Math.max(worst, sum);
      }
      return worst;
    };
    const scores = rows.map((_, model) => score(model));
    wins[scores.indexOf(Math.min(...scores))]! += 1;
  }
  const order = rows.map((_, model) => model).sort((a, b) => wins[b]! - wins[a]!);
  let won = 0;
  return order.filter((model) => {
    const wanted = won < CONFIDENCE * RESAMPLES;
    won += wins[model]!;
    return wanted;
  });
}

interface Tally {
  intervals: number;
  covered: number;
  held: number;
  falseClear: number;
  sizes: number;
  plainSizes: number;
  sets: number;
  /** The same of the bootstrap. */
  bootstrapHeld: number;
  bootstrapSizes: number;
  bootstrapSets: number;
}

/** The set that exact limits of all pairs leave, each at α/(M(M − 1)) over the values of N. */
function plainSize({ scoreCounts }: SelectionResult['tournaments'][number], n: number, values: number): number {
  const M = scoreCounts.length;
  const level = 1 - (1 - CONFIDENCE) / values / (M * (M - 1));
  const ends = native.binomialIntervals(Uint32Array.from(scoreCounts), n, level);
  const least = Math.min(...scoreCounts.map((_, model) => ends[2 * model + 1]!));
  return scoreCounts.filter((_, model) => ends[2 * model]! <= least).length;
}

async function simulate(cell: Cell): Promise<Tally> {
  const tally: Tally = {
    ...{ intervals: 0, covered: 0, held: 0, falseClear: 0, sizes: 0, plainSizes: 0, sets: 0 },
    ...{ bootstrapHeld: 0, bootstrapSizes: 0, bootstrapSets: 0 },
  };
  const truth = cell.N.map((N) => trueScores(cell.means, N));
  for (let run = 0; run < RUNS; run += 1) {
    const logProbs = draw(cell, 1 + run);
    const result = await facade.selectCheckpoint(logProbs, {
      N: cell.N,
      confidence: CONFIDENCE,
      replicates: 0,
      counts: false,
      threads: 1,
    });
    let [held, wronglyClear, bootstrapHeld] = [true, false, true];
    const rows = run < BOOTSTRAPPED ? logProbs.models.map((name) => logProbs.row(name)) : null;
    const uniform = uniforms(1e6 + run);
    for (const [at, tournament] of result.tournaments.entries()) {
      const scores = truth[at]!;
      const least = Math.min(...scores);
      const best = logProbs.models.filter((_, model) => scores[model]! <= least * (1 + 1e-9));
      held &&= best.some((name) => tournament.possibleWinners.includes(name));
      wronglyClear ||= best.length > 1 && tournament.verdict === 'clear';
      tournament.scoreIntervals.forEach(([low, high], model) => {
        tally.intervals += 1;
        tally.covered += Number(low <= scores[model]! && scores[model]! <= high);
      });
      tally.sizes += tournament.possibleWinners.length;
      tally.plainSizes += plainSize(tournament, cell.responses, cell.N.length);
      tally.sets += 1;
      if (rows) {
        const set = bootstrapSet(rows, Math.log(tournament.N), cell.perPrompt, uniform);
        bootstrapHeld &&= best.some((name) => set.includes(logProbs.modelIndex(name)));
        tally.bootstrapSizes += set.length;
        tally.bootstrapSets += 1;
      }
    }
    if (rows) tally.bootstrapHeld += Number(bootstrapHeld);
    tally.held += Number(held);
    tally.falseClear += Number(wronglyClear);
    logProbs.dispose();
  }
  return tally;
}

const alike = (models: number) => Array.from({ length: models }, () => 0);
/** Every model a tenth of a standard deviation worse than the one before. */
const apart = (models: number) => Array.from({ length: models }, (_, model) => -0.15 * model);
const cells: Cell[] = [
  { name: '2 alike, five N', means: alike(2), N: [2, 4, 8, 16, 32], responses: 1000, perPrompt: 1 },
  ...(
    [
      [10, 50],
      [20, 50],
      [50, 20],
      [200, 5],
    ] as const
  ).map(([prompts, perPrompt]) => ({
    name: `2 alike, five N, ${prompts} prompts × ${perPrompt}`,
    means: alike(2),
    N: [2, 4, 8, 16, 32],
    responses: prompts * perPrompt,
    perPrompt,
  })),
  { name: '12 apart, N = 4, 200 prompts × 5', means: apart(12), N: [4], responses: 1000, perPrompt: 5 },
  ...[200, 1000, 5000].flatMap((responses) => [
    { name: '2 alike, N = 4, 16, 100', means: alike(2), N: [4, 16, 100], responses, perPrompt: 1 },
    { name: '12 apart, N = 4, 16, 100', means: apart(12), N: [4, 16, 100], responses, perPrompt: 1 },
    { name: '20 alike, N = 4, 16, 100', means: alike(20), N: [4, 16, 100], responses, perPrompt: 1 },
  ]),
];

const share = (hits: number, of: number) => `${((100 * hits) / of).toFixed(1)}%`;
const bootstrapped = Math.min(BOOTSTRAPPED, RUNS);
process.stdout.write(
  `${RUNS} runs a row, nominal ${100 * CONFIDENCE}%; the bootstrap (fewest models that win 95% of ${RESAMPLES} resamples) on ${bootstrapped} of them.\n\n` +
    '| models | responses | score intervals hold | a best model possible, all N | false “clear” | possible winners, mean | plain Bonferroni set, mean | bootstrap’s set, mean (holds a best model, all N) |\n' +
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n',
);
for (const cell of cells.filter(({ name, responses }) => `${name} | ${responses}`.includes(ROWS))) {
  const tally = await simulate(cell);
  const row = [
    cell.name,
    String(cell.responses),
    share(tally.covered, tally.intervals),
    share(tally.held, RUNS),
    share(tally.falseClear, RUNS),
    (tally.sizes / tally.sets).toFixed(2),
    cell.perPrompt === 1 ? (tally.plainSizes / tally.sets).toFixed(2) : '–',
    `${(tally.bootstrapSizes / tally.bootstrapSets).toFixed(2)} (${share(tally.bootstrapHeld, bootstrapped)})`,
  ];
  process.stdout.write(`| ${row.join(' | ')} |\n`);
}
