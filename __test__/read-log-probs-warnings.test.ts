import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type LogProbsInputs, type Progress, type ReadLogProbsOptions, readLogProbs } from '../src/index.js';
import { inputFiles, long, sample } from './input-files.js';

const { write, csv, jsonl } = inputFiles('warnings');

describe('oddities are warnings', () => {
  const warnings = async (inputs: LogProbsInputs, options: ReadLogProbsOptions = {}) =>
    (await readLogProbs(inputs, options)).metadata.warnings;

  test('different token counts under one id', async () => {
    const path = jsonl(
      { id: 'r0', model: 'a', tokenLogProbs: [-1, -1] },
      { id: 'r0', model: 'b', tokenLogProbs: [-1, -1, -1] },
    );
    const logProbs = await readLogProbs(path);
    expect(logProbs.metadata.tokenCounts).toBeNull();
    expect(logProbs.metadata.warnings).toMatchObject([{ code: 'WARN_TOKEN_COUNTS' }]);
    expect(logProbs.metadata.warnings[0]!.message).toMatch(/3 tokens here and 2 under a.*response r0/);
  });

  test('clamped tokens are −∞ unless kept', async () => {
    const path = jsonl({ id: 'r0', model: 'a', tokenLogProbs: [-1, -9999] });
    expect((await readLogProbs(path)).row(0)[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(await warnings(path)).toMatchObject([{ code: 'WARN_CLAMPED' }]);
    expect((await readLogProbs(path, { keepClamped: true })).row(0)[0]).toBe(-10000);
  });

  test('responses that not all models have are left out on request', async () => {
    const path = jsonl(long('r0', 'a', -1), long('r1', 'a', -2), long('r1', 'b', -3));
    const logProbs = await readLogProbs(path, { join: 'shared' });
    expect(logProbs.metadata.responseIds).toEqual(['r1']);
    expect(logProbs.metadata.warnings[0]!.message).toContain('1 of 2 responses were left out');
  });

  test('mismatched hashes can be ignored', async () => {
    const inputs = [`a=${jsonl(sample(0, '-1'))}`, `b=${jsonl(sample(0, '-1', { prompt_hash: 'other' }))}`];
    expect((await readLogProbs(inputs, { ignoreHashes: true })).models).toEqual(['a', 'b']);
  });
});

test('an aborted signal stops reading with its own reason', async () => {
  const reason = new Error('enough');
  await expect(readLogProbs(csv('id,a\nr0,-1\n'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('a signal aborted while a file is read stops it, and progress counts its bytes', async () => {
  const rows = Array.from({ length: 400_000 }, (_, index) => JSON.stringify(long(`r${index}`, 'm', -1)));
  const path = write('rows.jsonl', rows.join('\n'));
  const controller = new AbortController();
  const reason = new Error('enough');
  const reading = readLogProbs(path, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  await expect(reading).rejects.toBe(reason);

  const reports: Progress[] = [];
  await readLogProbs(path, { onProgress: (progress) => reports.push(progress) });
  const { size } = statSync(path);
  expect(reports.at(-1)).toMatchObject({ done: size, total: size });
  expect(reports.every(({ done }, index) => index === 0 || done >= reports[index - 1]!.done)).toBe(true);
});
