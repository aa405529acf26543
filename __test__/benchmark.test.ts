import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Case } from '../benchmark/case.js';
import { allCases } from '../benchmark/cases/index.js';
import { evaluateCase, evaluateGrowth } from '../benchmark/evaluate.js';
import { makeInput } from '../benchmark/inputs.js';
import { greatestDifference } from '../benchmark/measure.js';
import { readNpy, writeNpy } from '../benchmark/npy.js';
import { Random } from '../benchmark/random.js';
import { compareRecords, readRecord, recordText } from '../benchmark/record.js';
import { benchmarkReport } from '../benchmark/report.js';
import type { Timing } from '../benchmark/result.js';
import { growthExponent, quantile, ratio } from '../benchmark/statistics.js';
import { reportHtml } from '../src/report/export/page.js';
import { reportText } from '../src/report/export/text.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nobody = async () => {
  throw new Error('nobody writes this here');
};
const noWriters = { draws: nobody, convert: nobody };

describe('statistics', () => {
  test('quantiles interpolate', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([7], 0.9)).toBe(7);
  });

  test('ratios are taken round by round', () => {
    expect(ratio([10, 30, 20], [1, 2, 4])).toEqual({ median: 10, low: 5, high: 15, ofMinima: 10 });
  });

  test('a power law is found', () => {
    const { exponent, standardError } = growthExponent([1, 2, 4, 8].map((x) => [x, 3 * x ** 1.5]));
    expect(exponent).toBeCloseTo(1.5, 12);
    expect(standardError).toBeCloseTo(0, 6);
  });
});

describe('inputs', () => {
  test('random numbers are the same everywhere', () => {
    const random = new Random(1);
    expect([random.bits(), random.bits()]).toEqual(FROZEN_BITS);
  });

  test('normal numbers look normal', () => {
    const random = new Random(2);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(square - 1)).toBeLessThan(0.03);
  });

  test('arrays come back from .npy files', () => {
    const file = join(folder, 'a.npy');
    writeNpy(file, '<f8', [2, 3], [Float64Array.of(1, 2, 3), Float64Array.of(4, 5, -6.5)]);
    expect(readNpy(file)).toEqual({ shape: [2, 3], values: Float64Array.of(1, 2, 3, 4, 5, -6.5) });
  });

  test('log-probabilities are negative multiples of 2^-13, equal in both precisions', async () => {
    const spec = { kind: 'checkpoints', models: 5, responses: 100, noise: 0.3, seed: 1 } as const;
    const single = readNpy(await makeInput({ ...spec, dtype: 'f4' }, folder, noWriters)).values;
    const double = readNpy(await makeInput({ ...spec, dtype: 'f8' }, folder, noWriters)).values;
    expect(Float64Array.from(single)).toEqual(double);
    expect(double.every((value) => value < 0 && Number.isInteger(value * 2 ** 13))).toBe(true);
  });

  test.each([true, false])('features have norm 1, of single precision: %s', async (single) => {
    const spec = { kind: 'features', prompts: 2, horizon: 3, vocabulary: 2, dim: 4, single, seed: 1 } as const;
    const { shape, values } = readNpy(await makeInput(spec, folder, noWriters));
    expect(shape).toEqual([2, 3, 2, 4]);
    for (let start = 0; start < values.length; start += 4) {
      expect(Math.hypot(...values.subarray(start, start + 4))).toBeCloseTo(1, single ? 6 : 12);
    }
    expect(values.every((value) => Math.fround(value) === value)).toBe(single);
  });
});

describe('cases', () => {
  const cases = [true, false].map((quick) => allCases({ threads: [1, 2, 4], quick }));

  test('names are distinct', () => {
    for (const list of cases) expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
  });

  test('goals and inputs name what is there', () => {
    for (const { name, goals, participants, inputs } of cases.flat()) {
      const ids = participants.map(({ id }) => id);
      expect(new Set(ids).size, name).toBe(ids.length);
      for (const goal of goals) {
        const named = goal.kind === 'ratio' ? [goal.slow, goal.fast] : [goal.participant];
        expect(ids, name).toEqual(expect.arrayContaining(named));
      }
      for (const { task } of participants) {
        const used = Object.values(task).filter((value) => typeof value === 'string' && value.startsWith('$'));
        for (const input of used) expect(Object.keys(inputs), name).toContain(String(input).slice(1));
      }
    }
  });

  test('batches divide the responses of every training case', () => {
    for (const { inputs, participants } of cases.flat()) {
      const { batchSize } = participants[0]!.task as { batchSize?: number };
      const prompts = inputs['prompts'];
      if (batchSize && prompts?.kind === 'integers') expect(prompts.shape[0]! % batchSize).toBe(0);
    }
  });
});

describe('evaluation', () => {
  const aCase: Case = {
    name: 'a',
    title: 'A case',
    about: 'About <it>.',
    inputs: {},
    participants: ['core', 'numpy', 'torch'].map((id) => ({
      id,
      host: 'core',
      task: { kind: 'tournament', method: id, threads: 1 },
      roofs: [{ name: 'slow' }, { name: 'fast', perUnit: 2 }],
    })),
    work: { unit: 'things', amount: 100 },
    tolerance: 0,
    goals: [
      { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: 20 },
      { kind: 'ratio', slow: 'torch', fast: 'core', atLeast: 20 },
      { kind: 'roofline', participant: 'core', atLeast: 0.9 },
    ],
    series: { name: 's', axis: 'models', value: 2 },
  };
  const timing = (id: string, rounds: number[]): Timing => ({
    id,
    host: 'core',
    method: id,
    threads: 1,
    equal: id === 'core' ? null : true,
    seconds: { min: Math.min(...rounds), median: rounds[0]!, rounds },
  });
  const timings: Timing[] = [
    timing('core', [1, 2]),
    timing('numpy', [30, 40]),
    { id: 'torch', host: 'peers', method: 'torch', threads: 1, skipped: 'not there' },
  ];
  const roofline = [
    { name: 'slow', instructions: 'avx2', threads: 1, perSecond: 125 },
    { name: 'slow', instructions: 'avx2', threads: 2, perSecond: 1 },
    { name: 'fast', instructions: 'avx2', threads: 1, perSecond: 1000 },
  ];
  const result = evaluateCase(aCase, [], timings, roofline);

  test('ours, peers, ratio and equality are there', () => {
    expect(result.ours).toEqual({ id: 'core', seconds: 1 });
    expect(result.peers).toEqual([
      { id: 'numpy', seconds: 30, ratio: { median: 25, low: 20, high: 30, ofMinima: 30 }, equal: true },
    ]);
  });

  test('the limit that binds is shown, and goals are judged', () => {
    expect(result.timings[0]!.roofline).toEqual({ name: 'slow', instructions: 'avx2', share: 0.8 });
    expect(result.goals.map(({ met }) => met)).toEqual([true, null, false]);
  });

  test('growth and page', () => {
    const later = { ...result, name: 'b', series: { name: 's', axis: 'models', value: 8 } };
    const growth = evaluateGrowth([aCase], [result, later]);
    expect(growth.map(({ participant, exponent }) => [participant, exponent])).toEqual([
      ['core', 0],
      ['numpy', 0],
    ]);
    const page = reportHtml(
      benchmarkReport({
        schema: 1,
        version: '0.0.0',
        date: '2026-01-01T00:00:00.000Z',
        quick: true,
        machine: {
          cpu: 'a processor',
          cores: 2,
          memoryBytes: 2 ** 30,
          instructions: [],
          os: 'linux',
          loadBefore: 0,
          node: 'v20',
          rust: 'rustc',
          python: null,
        },
        roofline,
        cases: [result, later],
        growth,
      }),
    );
    expect(page).toContain('About &lt;it&gt;.');
    expect(page).toContain('2 of 6 goals');
    expect(page).toContain('skipped: not there');
  });

  test('a record keeps what a page and a comparison need', () => {
    const about = { schema: 1, version: '0.0.0', date: '2026-01-01T00:00:00.000Z', quick: true, roofline } as const;
    const machine = {
      cpu: 'a',
      cores: 2,
      memoryBytes: 1,
      instructions: [],
      os: '',
      loadBefore: 0,
      node: '',
      rust: '',
      python: null,
    };
    const whole = { ...about, machine, cases: [result], growth: [] };
    const file = join(folder, 'record.json');
    writeFileSync(file, recordText(whole));
    const kept = readRecord(file);
    expect(kept.cases[0]!.timings[1]!.seconds).toEqual({ min: 30, median: 30 });
    // Numbers as they are shown are the same.
    expect(reportText(benchmarkReport(kept))).toBe(reportText(benchmarkReport(whole)));
    expect(compareRecords(whole, kept)).toEqual([]);
    // All hosts are ours here: twice the time is slower. Where a peer takes twice as long, too, it was the machine.
    const times = (factor: number, host: string) => ({
      ...whole,
      cases: [
        {
          ...result,
          timings: result.timings.map((each, at) => ({
            ...each,
            host: at === 1 ? host : each.host,
            ...(each.seconds && { seconds: { ...each.seconds, min: each.seconds.min * (at === 0 ? 2 : factor) } }),
          })),
        },
      ],
    });
    expect(compareRecords(times(1, 'core'), kept).map(({ participant, factor }) => [participant, factor])).toEqual([
      ['core', 2],
    ]);
    expect(compareRecords(times(2, 'peers'), times(1, 'peers'))).toEqual([
      expect.objectContaining({ participant: 'core', factor: 0.5 }),
    ]);
    expect(compareRecords(kept, times(1, 'core'))[0]).toMatchObject({ before: 2, now: 1, factor: 0.5 });
  });

  test('results are compared relative to their size', () => {
    expect(greatestDifference(Float64Array.of(0, 10), Float64Array.of(1, 10))).toBe(0.1);
    expect(greatestDifference(Uint32Array.of(1), Uint32Array.of(1, 1))).toBe(Number.POSITIVE_INFINITY);
    expect(greatestDifference(Float64Array.of(Number.NaN), Float64Array.of(Number.NaN))).toBe(Number.POSITIVE_INFINITY);
  });
});

const FROZEN_BITS = [778_887_928, 1_900_701_164];
