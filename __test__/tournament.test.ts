import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { LogProbs, selectWinner, tournament } from '../src/index.js';
import { hasShared, readVectors } from './shared.js';

interface GoldenCase {
  logProbs: number[][] | null;
  N: number;
  counts: number[][];
  scores: number[];
  reach: number[];
  winner: number;
  ranking: number[];
}

describe.skipIf(!hasShared('vectors/tournament-v2.json'))('golden vectors', () => {
  test('counts, scores, winners and rankings are reproduced', async () => {
    const { cases } = readVectors<{ cases: GoldenCase[] }>('tournament-v2.json');
    let rows: number[][] = [];
    for (const golden of cases) {
      rows = golden.logProbs ?? rows;
      const logProbs = LogProbs.fromArrays(rows.map((row) => Float64Array.from(row)));
      const { tournaments } = await tournament(logProbs, { N: [golden.N], counts: true });
      const result = tournaments[0]!;
      const index = (name: string) => logProbs.modelIndex(name);
      expect(result.counts).toEqual(golden.counts);
      expect(result.scores).toEqual(golden.scores);
      golden.reach.forEach((log, model) => {
        expect(Math.log(result.reach[model]!)).toBeCloseTo(log, 9);
      });
      expect(index(result.winner)).toBe(golden.winner);
      expect(result.ranking.map(index)).toEqual(golden.ranking);
      const [winner] = await selectWinner(logProbs, { N: [golden.N] });
      expect(winner).toMatchObject({ winner: result.winner, scoreCount: result.scoreCounts[golden.winner] });
    }
    expect(cases.length).toBeGreaterThan(10);
  });
});

/** A value from a coarse grid, so that ties and equal rows are frequent, or −∞. */
const logProb = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -12, max: 0 }) },
  { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
);
const matrix = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 20 })).chain(([models, responses]) =>
  fc.array(fc.array(logProb, { minLength: responses, maxLength: responses }), {
    minLength: models,
    maxLength: models,
  }),
);

test.prop([matrix, fc.constantFrom(1, 1.5, Math.E, 16)])(
  'the plain double loop gives the same counts',
  async (rows, N) => {
    const { tournaments } = await tournament(LogProbs.fromArrays(rows), { N: [N], counts: true });
    const naive = rows.map((a) => rows.map((b) => a.filter((value, i) => value - b[i]! >= Math.log(N)).length));
    expect(tournaments[0]!.counts).toEqual(naive);
  },
);

test.prop([matrix])('the answer does not depend on the number of threads', async (rows) => {
  const logProbs = LogProbs.fromArrays(rows.map((row) => Float32Array.from(row)));
  const one = await tournament(logProbs, { N: [2, 16], counts: true, threads: 1 });
  for (const threads of [2, 3, 8]) {
    expect(await tournament(logProbs, { N: [2, 16], counts: true, threads })).toEqual(one);
  }
});

describe('options', () => {
  const logProbs = LogProbs.fromArrays([
    [-1, -2],
    [-2, -1],
  ]);

  test('all problems are listed with their paths', async () => {
    const options = { N: [2, 0.5, 'x'], theads: 2, threads: 0 } as unknown as { N: number[] };
    await expect(tournament(logProbs, options)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      problems: expect.arrayContaining([
        expect.objectContaining({ path: 'N.1' }),
        expect.objectContaining({ path: 'N.2' }),
        expect.objectContaining({ path: 'threads' }),
      ]),
      message: expect.stringContaining('theads'),
    });
  });

  test('disposed log-probabilities say so', async () => {
    const gone = LogProbs.fromArrays([[-1], [-2]]);
    gone.dispose();
    await expect(tournament(gone, { N: [2] })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test('illegal values name model and response', () => {
    expect(() =>
      LogProbs.fromArrays(
        [
          [-1, -2],
          [-1, Number.NaN],
        ],
        { models: ['a', 'b'], responseIds: ['r', 's'] },
      ),
    ).toThrow(expect.objectContaining({ code: 'ERR_NAN_LOG_PROB', place: { model: 'b', response: 's' } }));
    expect(() => LogProbs.fromArrays([[-1, 3]])).toThrow(expect.objectContaining({ code: 'ERR_POSITIVE_LOG_PROB' }));
  });
});
