import { describe, expect, test } from 'vitest';
import { coverageProfile, LogProbs, offsetTournament, passAtK } from '../src/index.js';
import { hasShared, readVectors } from './shared.js';

const TOLERANCE = 1e-12;

describe.skipIf(!hasShared('vectors/coverage.json'))('golden vectors of coverage profiles', () => {
  const { cases } = readVectors<{ cases: { logP: number[]; logQ: number[]; N: number[]; coverage: number[] }[] }>(
    'coverage.json',
  );
  test.each(cases.map((golden, index) => [index, golden] as const))('case %i', async (_, golden) => {
    const logProbs = LogProbs.fromArrays([golden.logQ]);
    const result = await coverageProfile(logProbs, { reference: Float64Array.from(golden.logP), N: golden.N });
    const values = result.models[0]!.coverage.map(({ value }) => value);
    values.forEach((value, k) => {
      expect(Math.abs(value - golden.coverage[k]!)).toBeLessThanOrEqual(TOLERANCE);
    });
    expect(values).toHaveLength(golden.coverage.length);
  });
});

describe.skipIf(!hasShared('vectors/pass-at-k.json'))('golden vectors of Pass@k', () => {
  const { cases } = readVectors<{ cases: { n: number; c: number; k: number; passAtK: number }[] }>('pass-at-k.json');
  test.each(cases)('n=$n c=$c k=$k', async ({ n, c, k, passAtK: expected }) => {
    const counts = { models: ['m'], problems: ['p'], samples: [[n]], correct: [[c]] };
    const { perK } = await passAtK(counts, { k: [k], replicates: 0 });
    expect(Math.abs(perK[0]!.values[0]!.value! - expected)).toBeLessThanOrEqual(TOLERANCE);
  });
});

interface GoldenOffset {
  logProbs: number[][];
  onPolicy: number[][][];
  N: number;
  a: number;
  value: number[][];
  objective: number[];
  winner: number;
}

describe.skipIf(!hasShared('vectors/offset-tournament.json'))('golden vectors of the offset tournament', () => {
  const { cases } = readVectors<{ cases: GoldenOffset[] }>('offset-tournament.json');
  test.each(cases.map((golden, index) => [index, golden] as const))('case %i', async (_, golden) => {
    const logProbs = LogProbs.fromArrays(golden.logProbs);
    // The vectors hold some positive values; ratios do not change when all models shift by the same amount.
    const onPolicy = golden.onPolicy.map((rows) =>
      LogProbs.fromArrays(rows.map((row) => row.map((value) => value - 64))),
    );
    const [result] = await offsetTournament(logProbs, { onPolicy, N: [golden.N], a: golden.a });
    expect(result!.winner).toBe(logProbs.models[golden.winner]);
    const pairs = [...result!.values.flat(), ...result!.objectives].map((value, index) => [
      value,
      [...golden.value.flat(), ...golden.objective][index]!,
    ]);
    for (const [value, expected] of pairs) expect(Math.abs(value! - expected!)).toBeLessThanOrEqual(TOLERANCE);
  });
});

test('Pass@k with fewer than k samples is unknown, with the reason', async () => {
  const counts = { models: ['m'], problems: ['p', 'q'], samples: [[10, 4]], correct: [[3, 4]] };
  const { perK } = await passAtK(counts, { k: [4, 8] });
  expect(perK[0]!.values[0]).toMatchObject({ value: expect.any(Number), interval: expect.any(Array) });
  expect(perK[1]).toMatchObject({
    pick: null,
    tooFewSamples: [1],
    values: [{ value: null, reason: expect.any(String) }],
  });
});

test('a count that is no whole number names model and problem', async () => {
  const counts = { models: ['m'], problems: ['p'], samples: [[10]], correct: [[2.5]] };
  await expect(passAtK(counts)).rejects.toMatchObject({
    code: 'ERR_INVALID_COUNT',
    place: { model: 'm', response: 'p' },
  });
});

test('the reference may be one of the models, which then is not profiled', async () => {
  const logProbs = LogProbs.fromArrays(
    [
      [-1, -1],
      [-3, -1],
    ],
    { models: ['teacher', 'student'] },
  );
  const result = await coverageProfile(logProbs, { reference: 'teacher', N: [2] });
  expect(result).toMatchObject({
    reference: 'teacher',
    models: [{ model: 'student', coverage: [{ count: 1, value: 0.5 }] }],
  });
  await expect(coverageProfile(logProbs, { reference: 'nobody' })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_MODEL' });
});
