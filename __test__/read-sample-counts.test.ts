import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, describe, expect, test } from 'vitest';
import { CoverageError, type ReadSampleCountsOptions, readSampleCounts } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-counts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const counts = join(import.meta.dirname, 'fixtures/binary/counts-i8.npy');

let files = 0;
function write(name: string, content: string): string {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}
const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const jsonl = (...rows: unknown[]) => write('samples.jsonl', lines(rows));

/** Problem p has three samples, one of them right; problem q has two, both right. */
const FLAGS = { p: [false, true, false], q: [true, true] };
const COUNTS = { problems: ['p', 'q'], samples: [[3, 2]], correct: [[1, 2]] };

const lmEval = (doc: string, more: object) => ({
  doc_id: doc,
  target: '42',
  resps: [FLAGS[doc as keyof typeof FLAGS].map((right) => (right ? ' 42' : '41'))],
  filtered_resps: [FLAGS[doc as keyof typeof FLAGS].map((right) => (right ? '42' : '41'))],
  filter: 'none',
  metrics: Object.keys(more),
  ...more,
});

describe('the same samples through every format give the same counts', () => {
  const flagRows = Object.entries(FLAGS).flatMap(([id, flags]) => flags.map((flag) => ({ id, flag })));
  const older = (flags: readonly boolean[]) => flags.map((flag) => [flag ? 'success' : 'failed', []]);
  const newer = (flags: readonly boolean[]) =>
    flags.map((flag) => ({ solution: '…', base_status: 'pass', plus_status: flag ? 'pass' : 'fail' }));
  const cases: [string, () => string, ReadSampleCountsOptions?][] = [
    ['{ id, n, c }', () => jsonl({ id: 'q', n: 2, c: 2 }, { id: 'p', n: 3, c: 1 })],
    ['lists of booleans', () => jsonl({ id: 'p', correct: FLAGS.p }, { id: 'q', correct: FLAGS.q })],
    ['one boolean a row', () => jsonl(...flagRows.map(({ id, flag }) => ({ id, correct: flag })))],
    [
      'human-eval results',
      () =>
        jsonl(
          ...flagRows.map(({ id, flag }) => ({
            task_id: id,
            completion: '…',
            result: flag ? 'passed' : 'failed: x',
            passed: flag,
          })),
        ),
    ],
    [
      'evalplus, older',
      () =>
        write(
          'eval_results.json',
          JSON.stringify(
            {
              date: '…',
              hash: '…',
              eval: {
                p: { nfiles: 3, base: older(FLAGS.p), plus: older([true, true, true]) },
                q: { nfiles: 2, base: older(FLAGS.q), plus: older(FLAGS.q) },
              },
            },
            null,
            1,
          ),
        ),
    ],
    [
      'evalplus, newer',
      () => write('eval_results.json', JSON.stringify({ eval: { p: newer(FLAGS.p), q: newer(FLAGS.q) } })),
    ],
    [
      'Large Language Monkeys',
      () =>
        write(
          'monkeys.json',
          JSON.stringify(
            Object.entries(FLAGS).map(([id, is_corrects]) => ({
              question: `what is ${id}?`,
              samples: is_corrects.map(String),
              is_corrects,
              orig_dset_idx: id,
            })),
          ),
        ),
    ],
    [
      'lm-evaluation-harness, a list of values',
      () => jsonl(lmEval('p', { exact_match: [0, 1, 0] }), lmEval('q', { exact_match: [1, 1] })),
    ],
    ['lm-evaluation-harness, pass@1', () => jsonl(lmEval('p', { 'pass@1': 1 / 3 }), lmEval('q', { 'pass@1': 1 }))],
    [
      'lm-evaluation-harness, repeats kept',
      () => jsonl(lmEval('p', { exact_match: 0 }), lmEval('q', { exact_match: 1 })),
    ],
    ['CSV of counts', () => write('counts.csv', 'problem_id,n,c\np,3,1\nq,2,2\n')],
    [
      'CSV of flags',
      () =>
        write(
          'flags.csv',
          `task_id,passed\n${flagRows.map(({ id, flag }) => `${id},${flag ? 'True' : 'False'}`).join('\n')}`,
        ),
    ],
  ];

  test.each(cases)('%s', async (_, path, options) => {
    expect(await readSampleCounts(`m=${path()}`, options)).toMatchObject({ models: ['m'], ...COUNTS, warnings: [] });
  });

  test('a matrix of counts', async () => {
    expect(await readSampleCounts(counts, { samples: 10 })).toMatchObject({
      models: ['counts-i8[0]', 'counts-i8[1]'],
      problems: ['0', '1', '2'],
      samples: [
        [10, 10, 10],
        [10, 10, 10],
      ],
      correct: [
        [0, 3, 10],
        [7, 1, 10],
      ],
    });
  });
});

test('evalplus: the base tests alone, or for want of others', async () => {
  const statuses = (plus: object) => ({ solution: '…', base_status: 'pass', ...plus });
  const both = write('eval_results.json', JSON.stringify({ eval: { p: [statuses({ plus_status: 'fail' })] } }));
  expect((await readSampleCounts(both)).correct).toEqual([[0]]);
  expect((await readSampleCounts(both, { tests: 'base' })).correct).toEqual([[1]]);
  const base = write('eval_results.json', JSON.stringify({ eval: { p: [statuses({})] } }));
  expect(await readSampleCounts(base)).toMatchObject({ correct: [[1]], warnings: [{ code: 'WARN_BASE_TESTS_ONLY' }] });
});

test('models in rows and models in files are joined by problem', async () => {
  const path = jsonl({ id: 'p', model: 'a', n: 1, c: 0 }, { id: 'q', model: 'a', n: 1, c: 1 });
  const other = jsonl({ id: 'q', n: 4, c: 2 }, { id: 'p', n: 4, c: 3 });
  expect(await readSampleCounts([path, `b=${other}`])).toMatchObject({
    models: ['a', 'b'],
    problems: ['p', 'q'],
    samples: [
      [1, 1],
      [4, 4],
    ],
    correct: [
      [0, 1],
      [3, 2],
    ],
  });
});

describe('bad input gets an error with code, place and way out', () => {
  const cases: [string, () => string | string[], string, string[], ReadSampleCountsOptions?][] = [
    ['a missing file', () => join(folder, 'nothing.jsonl'), 'ERR_IO', ['no such file']],
    ['a directory without data', () => mkdtempSync(join(folder, 'empty-')), 'ERR_UNSUPPORTED_FILE', ['directory']],
    ['an empty file', () => write('samples.jsonl', ''), 'ERR_MALFORMED_FILE', ['empty']],
    ['more right than sampled', () => jsonl({ id: 'p', n: 2, c: 3 }), 'ERR_INVALID_COUNT', ['3 of 2', 'response p']],
    ['a fraction of a sample', () => jsonl({ id: 'p', n: 2, c: 0.5 }), 'ERR_INVALID_COUNT', ['whole numbers']],
    ['no sample', () => jsonl({ id: 'p', n: 0, c: 0 }), 'ERR_INVALID_COUNT', ['no sample']],
    [
      'a repeated problem',
      () => jsonl({ id: 'p', n: 1, c: 1 }, { id: 'p', n: 1, c: 1 }),
      'ERR_DUPLICATE_PROBLEM',
      ['row 2', 'keep one'],
    ],
    [
      'neither right nor wrong',
      () => jsonl({ id: 'p', correct: [true, 'maybe'] }),
      'ERR_NOT_A_FLAG',
      ['"maybe"', 'row 1'],
    ],
    ['a null flag', () => jsonl({ id: 'p', passed: null }), 'ERR_NOT_A_FLAG', ['null']],
    [
      'samples that were not evaluated',
      () => jsonl({ task_id: 'p', completion: '…' }),
      'ERR_MISSING_COLUMN',
      ['evaluate the samples first', 'completion'],
    ],
    ['no id', () => jsonl({ n: 1, c: 1 }), 'ERR_MISSING_COLUMN', ['task_id']],
    [
      'missing problems',
      () => [`a=${jsonl({ id: 'p', n: 1, c: 1 }, { id: 'q', n: 1, c: 1 })}`, `b=${jsonl({ id: 'q', n: 1, c: 1 })}`],
      'ERR_MISSING_PROBLEM',
      ['1 of 2 problems', 'model b', '--shared'],
    ],
    ['a matrix of unknown n', () => counts, 'ERR_MISSING_OPTION', ['samples_per_problem']],
    ['counts above n', () => counts, 'ERR_INVALID_COUNT', ['10 of 5'], { samples: 5, transpose: false }],
    [
      'log-probabilities',
      () => join(import.meta.dirname, 'fixtures/binary/f8-little.npy'),
      'ERR_MALFORMED_FILE',
      ['not a whole number'],
      { samples: 5 },
    ],
    [
      'repeats whose scores are lost',
      () => jsonl(lmEval('p', { acc: 0.4 })),
      'ERR_UNSUPPORTED_FILE',
      ['3 repeats', 'take_first'],
    ],
    [
      'an unknown metric',
      () => jsonl(lmEval('p', { acc: 1 })),
      'ERR_UNSUPPORTED_FILE',
      ['no metric f1'],
      { metric: 'f1' },
    ],
    [
      'an unknown option',
      () => jsonl({ id: 'p', n: 1, c: 1 }),
      'ERR_INVALID_OPTION',
      ['n'],
      { n: 3 } as ReadSampleCountsOptions,
    ],
  ];

  test.each(cases)('%s', async (_, inputs, code, says, options) => {
    const error = await readSampleCounts(inputs(), options).then(
      () => null,
      (error) => error,
    );
    expect(error).toBeInstanceOf(CoverageError);
    expect(error.code, error.message).toBe(code);
    for (const part of says) expect(error.message).toContain(part);
  });
});

property.prop(
  [
    fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), {
      minKeys: 1,
      maxKeys: 5,
      noNullPrototype: true,
    }),
    fc.integer(),
  ],
  { numRuns: 25 },
)('counting sample by sample in any order agrees with the lists', async (problems, seed) => {
  const samples = Object.entries(problems).flatMap(([id, flags]) => flags.map((passed) => ({ task_id: id, passed })));
  const [shuffled] = fc.sample(fc.shuffledSubarray(samples, { minLength: samples.length }), { seed, numRuns: 1 });
  const byFlag = await readSampleCounts(`m=${jsonl(...shuffled!)}`);
  const byList = await readSampleCounts(
    `m=${jsonl(...Object.entries(problems).map(([id, correct]) => ({ id, correct })))}`,
  );
  expect({ ...byFlag, sources: [] }).toEqual({ ...byList, sources: [] });
});

const shared = join(import.meta.dirname, '../../shared/data/passk_livecodebench_codegen.npy');
test.skipIf(!existsSync(shared))('the counts of 43 models on LiveCodeBench', async () => {
  const read = await readSampleCounts(shared);
  expect([read.models.length, read.problems.length]).toEqual([43, 400]);
  expect(read.models[0]).toBe('DSCoder-33b-Ins');
  const mean = read.correct[0]!.reduce((sum, count) => sum + count, 0) / 400 / 10;
  expect(mean).toBeCloseTo(0.3027, 4);
});
