import type { Disagreement, SelectionResult, TournamentResult } from '../src/selection/result.js';

/** A small generator of numbers in [0, 1), the same everywhere (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Log-probabilities of models that get better from first to last, each with weaknesses of its own. */
export function syntheticRows(models: number, responses: number, seed = 1): Float64Array[] {
  const random = numbers(seed);
  const difficulty = Float64Array.from({ length: responses }, () => 0.5 + 4 * random());
  return Array.from({ length: models }, (_, model) => {
    const quality = 1 + 2 * Math.exp((-4 * model) / models);
    return difficulty.map((each) => -each * quality * (0.6 + 0.8 * random()) - (random() < 0.06 ? 4 * random() : 0));
  });
}

export interface SelectOptions {
  readonly N: readonly number[];
  readonly replicates?: number;
  readonly counts?: boolean;
  readonly gridTo?: number;
}

/** The whole selection by double loops; intervals by the normal approximation, which is good enough to draw. */
export function plainSelection(
  models: readonly string[],
  rows: readonly Float64Array[],
  { N, replicates = 0, counts: keep = true, gridTo = Math.max(64, ...N) }: SelectOptions,
): SelectionResult {
  const n = rows[0]!.length;
  const loss = rows.map((row) => -row.reduce((sum, value) => sum + value, 0) / n);
  const best = indexOfLeast(loss);
  const grid = Array.from({ length: 49 }, (_, step) => gridTo ** (step / 48));
  const onGrid = grid.map((each) => scoresOf(countMatrix(rows, each), loss));
  const tournaments = N.map((each) => tournamentAt(each, { models, rows, loss, replicates, keep }));
  return {
    schemaVersion: 2,
    version: '0.1.0',
    models,
    responses: n,
    prompts: null,
    unit: 'response',
    units: n,
    confidence: 0.95,
    recommendation: tournaments.at(-1)!.recommendation,
    tournaments,
    crossEntropy: {
      winner: models[best]!,
      values: loss.map((value) => (Number.isFinite(value) ? value : null)),
      intervals: rows.map((row, model) => {
        const variance = row.reduce((sum, value) => sum + (value + loss[model]!) ** 2, 0) / n;
        const half = 1.96 * Math.sqrt(variance / n);
        return Number.isFinite(half) ? [loss[model]! - half, loss[model]! + half] : null;
      }),
      infinite: rows.map((row) => row.filter((value) => value === Number.NEGATIVE_INFINITY).length),
    },
    kl: null,
    passAtK: null,
    answers: null,
    disagreements: tournaments.flatMap((each) => disagreement(each, models[best]!, { models, rows })),
    curves: {
      N: grid,
      scores: models.map((_, model) => onGrid.map(({ scores }) => scores[model]! / n)),
      winners: onGrid.map(({ order }) => models[order[0]!]!),
      sharing: onGrid.map(({ scores }) => scores.filter((score) => score === Math.min(...scores)).length),
    },
    replicates,
    warnings: [],
    provenance: { version: '0.1.0', sources: models.map(() => ({})), seed: '0' },
  };
}

function indexOfLeast(values: readonly number[]): number {
  return values.reduce((least, value, index) => (value < values[least]! ? index : least), 0);
}

function countMatrix(rows: readonly Float64Array[], N: number, weights?: Uint32Array): number[][] {
  const logN = Math.log(N);
  return rows.map((rival) =>
    rows.map((model) => {
      let count = 0;
      for (let i = 0; i < rival.length; i += 1) if (rival[i]! - model[i]! >= logN) count += weights ? weights[i]! : 1;
      return count;
    }),
  );
}

function scoresOf(counts: readonly (readonly number[])[], loss: readonly number[]) {
  const rivals = counts.map((_, model) =>
    counts.reduce(
      (worst, row, rival) =>
        rival !== model && (worst === -1 || row[model]! > counts[worst]![model]!) ? rival : worst,
      -1,
    ),
  );
  const scores = rivals.map((rival, model) => counts[rival]![model]!);
  const order = scores.map((_, model) => model).sort((a, b) => scores[a]! - scores[b]! || loss[a]! - loss[b]! || a - b);
  return { scores, rivals, order };
}

interface Input {
  readonly models: readonly string[];
  readonly rows: readonly Float64Array[];
}

function tournamentAt(
  N: number,
  { models, rows, loss, replicates, keep }: Input & { loss: readonly number[]; replicates: number; keep: boolean },
): TournamentResult {
  const n = rows[0]!.length;
  const counts = countMatrix(rows, N);
  const { scores, rivals, order } = scoresOf(counts, loss);
  const winner = order[0]!;
  const random = numbers(N * 1000 + 7);
  const wins = new Float64Array(models.length);
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    const weights = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) weights[Math.floor(random() * n)]! += 1;
    const again = scoresOf(countMatrix(rows, N, weights), loss);
    wins[again.order[0]!]! += 1 / replicates;
  }
  // Whoever wins a resample may be best: a stand-in for the exact sets, good enough to be drawn.
  const possible = order.filter((model, rank) => rank === 0 || wins[model]! > 0);
  const verdict = replicates === 0 ? 'few' : possible.length === 1 ? 'clear' : 'noise';
  return {
    bestOf: null,
    N,
    winner: models[winner]!,
    scores: scores.map((score) => score / n),
    scoreCounts: scores,
    reach: scores.map((_, model) => N * 0.9 ** model),
    rivals: rivals.map((rival) => models[rival]!),
    ranking: order.map((model) => models[model]!),
    margin: (scores[order[1]!]! - scores[winner]!) / n,
    scoreIntervals: scores.map((score) => {
      const share = score / n;
      const half = 1.96 * Math.sqrt((share * (1 - share)) / n);
      return [Math.max(0, share - half), Math.min(1, share + half)];
    }),
    counts: keep ? counts : null,
    possibleWinners: possible.map((model) => models[model]!),
    verdict,
    span: [N],
    recommendation: { model: models[winner]!, verdict, aboveLeast: 0 },
    explanation: `The verdict on ${models[winner]} is ${verdict}.`,
    sharing: scores.filter((score) => score === scores[winner]).length,
    resolution: 50,
    responsesNeeded: null,
    winShares: replicates === 0 ? null : possible.map((model) => wins[model]!),
    nearTies: 0,
  };
}

function disagreement(tournament: TournamentResult, pick: string, { models, rows }: Input): Disagreement[] {
  const { N, winner, scores, scoreCounts, rivals } = tournament;
  if (pick === winner) return [];
  const index = models.indexOf(pick);
  const rival = rivals[index]!;
  const row = rows[models.indexOf(rival)]!;
  const worst = [...row.keys()]
    .map((i) => ({ response: `item ${i}`, logRatio: row[i]! - rows[index]![i]! }))
    .sort((a, b) => b.logRatio - a.logRatio)
    .slice(0, 10);
  return [
    {
      N,
      criterion: 'cross-entropy',
      pick,
      winner,
      ruledOut: !tournament.possibleWinners.includes(pick),
      pickScore: scores[index]!,
      winnerScore: scores[models.indexOf(winner)]!,
      uncovered: scoreCounts[index]!,
      rival,
      worst,
    },
  ];
}
