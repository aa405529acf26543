import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { afterAll, describe, expect } from 'vitest';
import {
  AnswerLogProbs,
  compareModels,
  comparisonReport,
  LogProbs,
  nearTies,
  ratioOfBestOf,
  reportHtml,
  reportText,
  SavedTournament,
  selectCheckpoint,
  selectWinner,
  spanOfBestOf,
  tournament,
  uncoveredResponses,
} from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-selection-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const value = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -12, max: 0 }) },
  { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
);
const rows = (models: number) =>
  fc.array(fc.array(value, { minLength: 12, maxLength: 12 }), { minLength: models, maxLength: models });
const named = (matrix: number[][], names = matrix.map((_, index) => `m${index}`)) =>
  LogProbs.fromArrays(matrix, { models: names });

describe('a saved tournament', () => {
  test.prop([rows(5), fc.integer({ min: 1, max: 4 })], { numRuns: 30 })(
    'extended by the rest is the tournament of all',
    async (matrix, first) => {
      const N = [1, 2, 16];
      const all = named(matrix);
      const started = await SavedTournament.start(named(matrix.slice(0, first)), { N });
      const file = join(folder, 'saved.tournament');
      await started.write(file);
      const extended = await (await SavedTournament.read(file)).extend(all);
      const { responses: _, ...whole } = await tournament(all, { N, counts: true });
      expect(extended.results()).toEqual(whole);
      expect(await selectCheckpoint(all, { N, saved: extended, replicates: 10 })).toEqual(
        await selectCheckpoint(all, { N, replicates: 10 }),
      );
    },
  );

  test('refuses changed log-probabilities, other N and damaged files, by name', async () => {
    const saved = await SavedTournament.start(
      named([
        [-1, -2],
        [-2, -1],
      ]),
      { N: [2] },
    );
    await expect(
      saved.extend(
        named([
          [-1, -2],
          [-2, -1.5],
        ]),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_INPUT_CHANGED',
      message: expect.stringContaining('m1'),
    });
    const again = selectCheckpoint(
      named([
        [-1, -2],
        [-2, -1],
      ]),
      { N: [4], saved },
    );
    await expect(again).rejects.toMatchObject({ code: 'ERR_INPUT_CHANGED', message: expect.stringContaining('4') });
    const file = join(folder, 'damaged.tournament');
    await saved.write(file);
    const bytes = readFileSync(file);
    bytes[bytes.length - 20]! ^= 1;
    writeFileSync(file, bytes);
    await expect(SavedTournament.read(file)).rejects.toMatchObject({ code: 'ERR_MALFORMED_FILE', place: { file } });
    await expect(SavedTournament.read(join(folder, 'missing'))).rejects.toMatchObject({ code: 'ERR_IO' });
  });
});

test('near-ties are counted at the precision of the numbers', async () => {
  // 2.75 and 0 differ from log 16 = 2.7726 by less than half a bfloat16 spacing at 1024, not of float32.
  const logProbs = named([
    [-1024, -3],
    [-1026.75, -9],
  ]);
  const at = (precision: 'bfloat16' | 'float32') => nearTies(logProbs, { N: [16], models: ['m0'], precision });
  expect(await at('float32')).toMatchObject([{ count: 0, responses: 0 }]);
  expect(await at('bfloat16')).toMatchObject([{ count: 1, responses: 1 }]);
});

test('uncovered responses come by falling log ratio and are as many as the tournament counts', async () => {
  const logProbs = named([
    [-9, -1, -8, Number.NEGATIVE_INFINITY],
    [-2, -1, -2, -4],
  ]);
  const found = await uncoveredResponses(logProbs, { model: 'm0', rival: 'm1', N: 16 });
  expect(found).toEqual([
    { response: 3, logRatio: Number.POSITIVE_INFINITY, rival: 'm1' },
    { response: 0, logRatio: 7, rival: 'm1' },
    { response: 2, logRatio: 6, rival: 'm1' },
  ]);
  const { tournaments } = await tournament(logProbs, { N: [16] });
  expect(tournaments[0]!.scoreCounts[0]).toBe(found.length);
});

test('prompts are the units where they repeat', async () => {
  const metadata = { models: ['a', 'b'], promptIds: ['p', 'p', 'q', 'q'] };
  const logProbs = LogProbs.fromArrays(
    [
      [-1, -1, -9, -9],
      [-5, -5, -2, -2],
    ],
    metadata,
  );
  const { unit, units, tournaments } = await selectCheckpoint(logProbs, { N: [2] });
  expect({ unit, units, verdict: tournaments[0]!.verdict }).toEqual({ unit: 'prompt', units: 2, verdict: 'few' });
});

test.prop([rows(4)], { numRuns: 20 })('a selection is the same at any number of threads', async (matrix) => {
  const run = (threads: number) => selectCheckpoint(named(matrix), { N: [2, 8], replicates: 40, threads });
  const one = await run(1);
  expect(await run(2)).toEqual(one);
  expect(await run(3)).toEqual(one);
});

test('a budget is answered at its ratio, and by Pass@K where there are samples', async () => {
  const matrix = [0, 1, 2].map((model) => Array.from({ length: 60 }, (_, i) => -((i * (model + 3)) % 11)));
  const samples = {
    models: ['m0', 'm1', 'm2'],
    problems: ['p'],
    samples: [[20], [20], [20]],
    correct: [[1], [9], [2]],
  };
  const result = await selectCheckpoint(named(matrix), { bestOf: [16], N: [2.5], samples });
  expect(result.tournaments.map(({ bestOf, N }) => ({ bestOf, N }))).toEqual([
    { bestOf: 16, N: 4 },
    { bestOf: null, N: 2.5 },
  ]);
  expect(result.passAtK!.picks).toMatchObject([{ k: 16, N: 4, winner: 'm1' }]);
  expect(ratioOfBestOf(1024)).toBe(64);
  await expect(selectCheckpoint(named(matrix), {})).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  await expect(selectCheckpoint(named(matrix), { bestOf: [2] })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
});

test('a budget takes what is best over its span, whether counted or saved', async () => {
  // Of 100 responses a is 3 times less likely than b on 10, b 6 times less likely than a on 8, and c hopeless.
  const row = (early: number, then: number, late: number) =>
    Array.from({ length: 100 }, (_, i) => (i < 10 ? early : i < 18 ? then : late));
  const ahead = -4 + Math.log(3);
  const matrix = [row(-4, -4, -4), row(ahead, -4 - Math.log(6), -4), row(ahead, -4, -9)];
  const logProbs = named(matrix, ['a', 'b', 'c']);
  const result = await selectCheckpoint(logProbs, { bestOf: [8] });
  const span = [2, ratioOfBestOf(8), 4];
  expect(spanOfBestOf(8)).toEqual(span);
  expect(result.tournaments).toMatchObject([{ bestOf: 8, N: span[1], span, winner: 'b' }]);
  // Its score is 10% at N = 2 and 2.52, where b has 8%, and 0 at N = 4.
  const { model, verdict, aboveLeast } = result.recommendation;
  expect({ model, verdict }).toEqual({ model: 'a', verdict: 'noise' });
  expect(aboveLeast).toBeCloseTo(0.02, 12);
  expect(result.tournaments[0]!.recommendation).toEqual(result.recommendation);
  for (const N of [span, [span[1]!]]) {
    const saved = await SavedTournament.start(logProbs, { N });
    expect(await selectCheckpoint(logProbs, { bestOf: [8], saved })).toEqual(result);
  }
  expect(() => spanOfBestOf(2)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
});

test('a budget is answered by one rule, also without the matrix, head to head and by answers', async () => {
  // a and b of the test before: at N = 2.52 alone b wins, over the span a is at most 2 points above the least.
  const row = (early: number, then: number) =>
    Array.from({ length: 100 }, (_, i) => (i < 10 ? early : i < 18 ? then : -4));
  const logProbs = named([row(-4, -4), row(-4 + Math.log(3), -4 - Math.log(6))], ['a', 'b']);
  const asked = { bestOf: [8], N: [2, 4] };
  const answers = AnswerLogProbs.exact(logProbs);
  const result = await selectCheckpoint(logProbs, { ...asked, answers });
  const taken = result.tournaments.map(({ recommendation }) => recommendation);
  expect(taken.map(({ model }) => model)).toEqual(['a', 'b', 'a']);
  const winners = await selectWinner(logProbs, asked);
  expect(winners.map(({ bestOf, N, span }) => ({ bestOf, N, span }))).toEqual(
    result.tournaments.map(({ bestOf, N, span }) => ({ bestOf, N, span })),
  );
  expect(winners.map(({ winner }) => winner)).toEqual(['b', 'b', 'a']);
  expect(winners.map(({ recommendation }) => recommendation)).toEqual(
    taken.map(({ model, aboveLeast }) => ({ model, aboveLeast })),
  );
  const compared = await compareModels(logProbs, { ...asked, models: ['b', 'a'] });
  expect(compared.tournaments.map(({ better, recommendation }) => [better, recommendation])).toEqual(
    result.tournaments.map(({ winner, recommendation }) => [winner, recommendation]),
  );
  const report = comparisonReport(compared);
  expect(reportText(report).replace(/\s+/g, ' ')).toContain(
    'For Best-of-8 (N = 2.52) take a. Within noise: over N = 2 to 4',
  );
  // The profile both ways is drawn: two curves.
  expect(
    reportHtml(report)
      .split('id="profile-both-ways"')[1]!
      .split('</figure>')[0]!
      .match(/<path /g)!.length,
  ).toBeGreaterThan(1);
  expect(result.answers!.tournaments.map(({ span }) => span)).toEqual(result.tournaments.map(({ span }) => span));
  expect(result.answers!.tournaments.map(({ recommendation: { model } }) => model)).toEqual(['a', 'b', 'a']);
  expect(result.answers!.recommendation.model).toBe(result.recommendation.model);
  await expect(selectWinner(logProbs, {})).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  await expect(selectWinner(logProbs.selectModels(['a']), { bestOf: [8] })).rejects.toMatchObject({
    code: 'ERR_TOO_FEW_MODELS',
  });
});

test('beyond the resolution the reach chooses, not the mean, and it is said', async () => {
  // b has the greater mean log-likelihood, a the smaller reach; at N = 1000 nothing counts.
  const a = Array.from({ length: 40 }, (_, i) => (i === 0 ? -4 : -2));
  const b = Array.from({ length: 40 }, (_, i) => (i === 0 ? -1 : i < 3 ? -6.5 : -1.5));
  const result = await selectCheckpoint(named([a, b], ['a', 'b']), { N: [1000] });
  expect(result.crossEntropy.winner).toBe('b');
  const [at] = result.tournaments;
  expect(at).toMatchObject({ winner: 'a', verdict: 'silent', sharing: 2, possibleWinners: ['a', 'b'] });
  expect(at!.reach[0]).toBeCloseTo(Math.exp(3), 9);
  expect(at!.resolution).toBeCloseTo(Math.exp(4.5), 9);
  expect(at!.explanation).toContain('N = 90');
  // Who may be best is named, and what to do.
  expect(at!.explanation).toContain('a is chosen by its reach; b may be best as well.');
  expect(at!.explanation).toContain('take a smaller N or more responses');
  expect((await selectWinner(named([a, b], ['a', 'b']), { N: [1000] }))[0]!.winner).toBe('a');
  expect(result.recommendation).toEqual({ model: 'a', verdict: 'silent', aboveLeast: 0 });
});

test('a selection can be aborted, and says how far it is', async () => {
  const controller = new AbortController();
  const matrix = Array.from({ length: 60 }, (_, model) =>
    Array.from({ length: 4000 }, (_, i) => -((i * i * 31 + i * (model + 7)) % 23)),
  );
  const stages = new Set<string | undefined>();
  const run = selectCheckpoint(named(matrix), {
    N: [2, 4, 8],
    replicates: 1_000_000,
    signal: controller.signal,
    onProgress: ({ stage }) => {
      stages.add(stage);
      if (stage === 'bootstrap') controller.abort(new Error('enough'));
    },
  });
  await expect(run).rejects.toThrow('enough');
  expect(stages).toContain('bootstrap');
});

test('two models head to head: who leads where, both ways, and whether it is shown', async () => {
  // b leads on 12 responses by 3 nats, a on 6 by 2 nats; on one a rules out what b does not.
  const a = Array.from({ length: 60 }, (_, i) => (i < 12 ? -5 : i < 13 ? Number.NEGATIVE_INFINITY : -2));
  const b = Array.from({ length: 60 }, (_, i) => (i >= 54 ? -4 : -2));
  const logProbs = named([[-1, ...a.slice(1)], a, b], ['other', 'a', 'b']);
  const result = await compareModels(logProbs, { models: ['a', 'b'], N: [4, 16] });
  expect(result.tournaments.map(({ leads }) => leads.map(({ count }) => count))).toEqual([
    [6, 13],
    [0, 13],
  ]);
  expect(result.tournaments.map(({ better, verdict }) => [better, verdict])).toEqual([
    ['b', 'noise'],
    ['b', 'clear'],
  ]);
  expect(result.responsesLed[0]).toEqual(
    [54, 55, 56, 57, 58, 59].map((i) => ({ response: String(i), prompt: null, text: null, logRatio: 2 })),
  );
  expect(result.responsesLed[1][0]).toEqual({ response: '12', prompt: null, text: null, logRatio: null });
  expect(result.responsesLed[1]).toHaveLength(13);
  const at4 = result.profile.N.indexOf(4);
  expect(result.profile.shares.map((shares) => shares[at4])).toEqual([6 / 60, 13 / 60]);
  await expect(compareModels(logProbs, { models: ['a', 'a'], N: [4] })).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
  });
});
