import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { doctor, LogProbs, matrixFacts, readLogProbs } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function jsonl(...rows: unknown[]): string {
  files += 1;
  const path = join(folder, `${files}.jsonl`);
  writeFileSync(path, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
  return path;
}

const binary = (name: string) => join(import.meta.dirname, 'fixtures/binary', name);
const row = (id: string, model: string, logProb: unknown) => ({ id, model, logProb });

test('a sound input has no findings', async () => {
  const report = await doctor(jsonl(row('r0', 'a', -1.123456789), row('r0', 'b', -2.123456789)), { N: [2, 16] });
  expect(report).toMatchObject({ usable: true, models: ['a', 'b'], responses: 1, prompts: null, findings: [] });
  expect(report.files).toMatchObject([{ format: 'jsonl' }]);
  expect(report.facts?.models[1]).toMatchObject({
    model: 'b',
    min: -2.123456789,
    precision: 'float64',
    minusInfinite: 0,
  });
});

test('all faults are said at once, repeated ones counted', async () => {
  const report = await doctor([
    jsonl(
      row('r0', 'a', -1),
      row('r0', 'a', -1),
      row('r1', 'a', 2),
      row('r2', 'a', 3),
      '{"id": "r3", "model": "a", "logProb": NaN}',
      row('r0', 'b', null),
    ),
    join(folder, 'missing.csv'),
    binary('object.npy'),
  ]);
  expect(report.usable).toBe(false);
  const found = report.findings.map(({ severity, code, count }) => [severity, code, count]);
  expect(found).toEqual(
    expect.arrayContaining([
      ['error', 'ERR_DUPLICATE_RESPONSE', 1],
      ['error', 'ERR_POSITIVE_LOG_PROB', 2],
      ['error', 'ERR_NAN_LOG_PROB', 1],
      ['error', 'ERR_NULL_LOG_PROB', 1],
      ['error', 'ERR_IO', 1],
      ['error', 'ERR_UNSUPPORTED_FILE', 1],
    ]),
  );
  const positive = report.findings.find(({ code }) => code === 'ERR_POSITIVE_LOG_PROB');
  expect(positive?.place).toMatchObject({ row: 3, model: 'a', response: 'r1' });
  expect(positive?.message).toContain('and 1 more like this');
});

test('missing responses of every model are listed', async () => {
  const report = await doctor(jsonl(row('r0', 'a', -1), row('r1', 'b', -1), row('r2', 'c', -1)));
  const missing = report.findings.filter(({ code }) => code === 'ERR_MISSING_RESPONSE');
  expect(missing.map(({ place }) => place.model)).toEqual(['a', 'b', 'c']);
  expect(report).toMatchObject({ usable: false, models: [], facts: null });
});

test('a single model is no tournament, and a sound file beside others', async () => {
  const report = await doctor(jsonl(row('r0', 'a', -1.123456789)));
  expect(report.findings).toMatchObject([{ severity: 'warning', code: 'WARN_ONE_MODEL' }]);
  expect(report.usable).toBe(true);
});

test('sums in half precision are too coarse for small N, not for large', async () => {
  // In half precision, numbers near 300 lie 0.25 apart.
  const path = jsonl(
    row('r0', 'a', -300.25),
    row('r0', 'b', -301.75),
    row('r1', 'a', -1.0009765625),
    row('r1', 'b', -2),
  );
  const coarse = await doctor(path, { N: [2] });
  expect(coarse.usable).toBe(true);
  const [warning] = coarse.findings;
  expect(warning).toMatchObject({ severity: 'warning', code: 'WARN_COARSE_PRECISION' });
  expect(warning?.message).toMatch(/a have the precision of float16.*0\.25 nats apart.*log 2 = 0\.69/);
  expect((await doctor(path, { N: [1000] })).findings).toEqual([]);
});

test('twins, repeated data and impossible responses are noticed', async () => {
  const infinite = Number.NEGATIVE_INFINITY;
  const twins = [-1.23456789, -1.23456789, infinite, -10000.123456789];
  const logProbs = LogProbs.fromArrays([twins, twins], { models: ['a', 'b'] });
  const facts = await matrixFacts(logProbs, { threads: 2 });
  expect(facts).toMatchObject({ duplicateModels: [['a', 'b']], duplicateResponses: 1, impossibleResponses: 1 });
  expect(facts.models[0]).toMatchObject({ minusInfinite: 1, clamped: 1, distinct: 3 });
});

test('invalid options are refused before any file is opened', async () => {
  await expect(doctor('nothing.csv', { N: [0.5] })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
});

const shared = join(import.meta.dirname, '../../shared/data');
test.skipIf(!existsSync(shared))('real measurements: names from the JSON beside the matrix, no error', async () => {
  const olmo = join(shared, 'olmo7b_checkpoints_lambada.npy');
  const report = await doctor(olmo, { N: [2, 4, 16, 64] });
  expect(report).toMatchObject({ usable: true, responses: 5153 });
  expect(report.models[0]).toBe('step10000-tokens44B');
  expect(report.facts?.models.map(({ precision }) => precision)).toEqual(Array(10).fill('float32'));
  // Two items have the values of earlier items under all ten checkpoints.
  expect(report.findings).toMatchObject([{ code: 'WARN_DUPLICATE_RESPONSES' }]);
  const logProbs = await readLogProbs(join(shared, 'fourteen_models_sentences.npy'));
  expect(logProbs.models.at(-1)).toBe('state-spaces/mamba-2.8b-hf');
});
