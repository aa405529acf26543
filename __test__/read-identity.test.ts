import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { doctor, LogProbs, type ReadLogProbsOptions, readLogProbs, readSampleCounts } from '../src/index.js';

// Each family of faults that once gave a wrong answer: what a model, a problem, a sample, a response and a log-probability are.

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-identity-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(name: string, content: string | Uint8Array | readonly unknown[]): string {
  files += 1;
  const path = join(folder, String(files), name);
  mkdirSync(dirname(path), { recursive: true });
  const rows = Array.isArray(content) ? content.map((row) => JSON.stringify(row)).join('\n') : content;
  writeFileSync(path, rows as string);
  return path;
}

async function scores(inputs: string | string[], options: ReadLogProbsOptions = {}) {
  using logProbs = await readLogProbs(inputs, options);
  return {
    ids: logProbs.metadata.responseIds,
    warnings: logProbs.metadata.warnings.map(({ code }) => code),
    ...Object.fromEntries(logProbs.models.map((model) => [model, [...logProbs.row(model)]])),
  };
}

const refused = (code: string, ...says: string[]) => ({
  code,
  message: expect.stringMatching(new RegExp(says.join('.*'), 's')),
});

describe('model', () => {
  test('checkpoints of one model in rows of their own are models', async () => {
    const rows = [1, 2].flatMap((step) => [1, 2].map((id) => ({ model: 'm', step, id, logprob: -step - id / 4 })));
    expect(await scores(write('rows.jsonl', rows))).toMatchObject({
      'm step=1': [-1.25, -1.5],
      'm step=2': [-2.25, -2.5],
    });
    const passed = rows.map(({ id, step, model }) => ({ model, step, task_id: `t${id}`, passed: step === 1 }));
    expect(await readSampleCounts(write('samples.jsonl', passed))).toMatchObject({
      models: ['m step=1', 'm step=2'],
      correct: [
        [1, 1],
        [0, 0],
      ],
    });
  });

  test('a column that is the same for all models is no part of their names', async () => {
    const rows = ['x', 'y'].map((revision) => ({ model: 'm', revision, seed: 7, id: 'r', logprob: -1.5 }));
    expect(Object.keys(await scores(write('rows.jsonl', rows)))).toEqual(['ids', 'warnings', 'm x', 'm y']);
  });

  test('files of one name are called after the part of their paths that differs', async () => {
    const inputs = ['one', 'two'].map((run) => write(`${run}/eval/scores.csv`, 'id,logprob\n1,-1.5\n'));
    expect((await readLogProbs(inputs)).models).toHaveLength(2);
    const same = write('twice.csv', 'id,logprob\n1,-1.5\n');
    await expect(readLogProbs([same, same])).rejects.toMatchObject(refused('ERR_DUPLICATE_MODEL', 'NAME=PATH'));
  });

  test('org/model=FILE names a model; a missing path with = in it is a path', async () => {
    const path = write('a.csv', 'id,logprob\n1,-1.5\n');
    expect((await readLogProbs(`org/model=${path}`)).models).toEqual(['org/model']);
    await expect(readLogProbs(`${folder}/no=where.csv`)).rejects.toMatchObject(
      refused('ERR_IO', 'no such file', 'no=where'),
    );
  });

  test('a key of a later row is a model like any other, and a model column in some rows only is refused', async () => {
    const late = write('late.jsonl', [
      { id: 1, a: -1.5 },
      ...Array.from({ length: 300 }, (_, id) => ({ id: id + 2, a: -1.5, b: -0.5 })),
    ]);
    await expect(readLogProbs(late)).rejects.toMatchObject(refused('ERR_MISSING_RESPONSE', '1 of 301', 'model b'));
    expect((await scores(late, { join: 'shared' })).ids).toHaveLength(300);
    const later = write('later.jsonl', [
      ...Array.from({ length: 300 }, (_, id) => ({ id, a: -1.5 })),
      { id: 300, a: -1.5, 'step-1.5': -0.5 },
    ]);
    await expect(readLogProbs(later)).rejects.toMatchObject(refused('ERR_MISSING_RESPONSE', '300 of 301', 'step-1.5'));
    const some = write('some.jsonl', [
      { id: 1, model: 'a', logprob: -1 },
      { id: 2, logprob: -1 },
    ]);
    await expect(readLogProbs(some)).rejects.toMatchObject(refused('ERR_MISSING_MODEL', 'every row needs it'));
  });

  test('names that objects inherit are names', async () => {
    const path = write('wide.csv', 'id,__proto__,constructor\nr,-1.5,-2.5\n');
    expect((await readLogProbs(path)).models).toEqual(['__proto__', 'constructor']);
  });
});

describe('problem and sample', () => {
  test('the id of a problem beats a bare id, which is of the sample', async () => {
    const rows = [0, 1, 2, 3].map((n) => ({
      id: `gen-${n}`,
      problem_id: n < 3 ? 'p' : 'q',
      sample_idx: n,
      correct: n < 2,
    }));
    expect(await readSampleCounts(write('s.jsonl', rows))).toMatchObject({
      problems: ['p', 'q'],
      samples: [[3, 1]],
      correct: [[2, 0]],
    });
  });

  test('an index within a task has the task before it', async () => {
    const rows = ['x', 'y'].flatMap((task) => [0, 1].map((idx) => ({ task, idx, passed: true })));
    expect((await readSampleCounts(write('s.jsonl', rows))).problems).toEqual(['x:0', 'x:1', 'y:0', 'y:1']);
  });

  test('a sample that is there twice counts once, or is refused if it ended differently', async () => {
    const row = { task_id: 'p', completion_id: 0, passed: true };
    const again = await readSampleCounts(write('s.jsonl', [row, { ...row, completion_id: 1, passed: false }, row]));
    expect(again).toMatchObject({ samples: [[2]], correct: [[1]], warnings: [{ code: 'WARN_REPEATED_SAMPLE' }] });
    const differs = write('s.jsonl', [row, { ...row, passed: false }]);
    await expect(readSampleCounts(differs)).rejects.toMatchObject(refused('ERR_DUPLICATE_PROBLEM', 'once right'));
  });

  test('tests that a sample passed are not samples', async () => {
    const tests = [
      { task_id: 'p', passed: false, num_passed: 9, total: 10 },
      { task_id: 'q', passed: true, num_passed: 10, total: 10 },
    ];
    expect(await readSampleCounts(write('t.jsonl', tests))).toMatchObject({ samples: [[1, 1]], correct: [[0, 1]] });
    const unclear = tests.map(({ passed: _, ...row }) => row);
    const path = write('t.jsonl', unclear);
    await expect(readSampleCounts(path)).rejects.toMatchObject(
      refused('ERR_AMBIGUOUS_COLUMN', 'unit tests', '--column'),
    );
    const columns = { samples: 'total', correct: 'num_passed' };
    expect(await readSampleCounts(path, { columns })).toMatchObject({ samples: [[10, 10]], correct: [[9, 10]] });
  });

  test('a word that is not known is no wrong answer', async () => {
    const odd = write('s.jsonl', [
      { task_id: 'p', status: 'pass' },
      { task_id: 'q', status: 'skipped' },
    ]);
    await expect(readSampleCounts(odd)).rejects.toMatchObject(refused('ERR_NOT_A_FLAG', '"skipped"'));
    const missing = write(
      'eval_results.json',
      JSON.stringify({ eval: { p: [{ base_status: null, plus_status: 'pass' }] } }),
    );
    await expect(readSampleCounts(missing)).rejects.toMatchObject(refused('ERR_NOT_A_FLAG', 'null'));
  });

  test('a column of flags may be named, inside another too', async () => {
    const path = write('s.jsonl', [{ task_id: 'p', grade: { ok: 1 } }]);
    expect(await readSampleCounts(path, { columns: { passed: 'grade.ok' } })).toMatchObject({ correct: [[1]] });
  });

  test('rewards of −1 and 1, and a table with a column a model', async () => {
    const rewards = [
      { uid: 'p', reward: -1 },
      { uid: 'q', reward: 1 },
    ];
    expect(await readSampleCounts(write('r.jsonl', rewards))).toMatchObject({ correct: [[0, 1]] });
    const table = write('wide.csv', 'problem,a,b\np,3,0\nq,1,4\n');
    expect(await readSampleCounts(table, { samples: 4 })).toMatchObject({
      models: ['a', 'b'],
      correct: [
        [3, 1],
        [0, 4],
      ],
    });
    await expect(readSampleCounts(table)).rejects.toMatchObject(refused('ERR_MISSING_OPTION', '--samples'));
  });
});

describe('response', () => {
  test('numbers of rows join only what is the same text', async () => {
    const text = ['first', 'second'];
    const table = (order: number[]) =>
      write('t.csv', `,text,logprob\n${order.map((which, row) => `${row},${text[which]},-1.5`).join('\n')}\n`);
    const [a, b, c] = [table([0, 1]), table([0, 1]), table([1, 0])];
    expect((await scores([`a=${a}`, `b=${b}`])).warnings).toEqual([]);
    await expect(readLogProbs([`a=${a}`, `c=${c}`])).rejects.toMatchObject(refused('ERR_MISMATCHED_RESPONSE', 'text'));
    const bare = [1, 2].map((n) => `m${n}=${write('t.csv', 'idx,logprob\n0,-1.5\n')}`);
    expect((await scores(bare)).warnings).toEqual(['WARN_JOINED_BY_LINE', 'WARN_JOINED_BY_LINE']);
  });

  test('ids keep every digit', async () => {
    const line = (id: string, model: string) => `{"id": ${id}, "model": "${model}", "logprob": -1.5}`;
    const ids = ['9007199254740992', '9007199254740993', '170141183460469231731687303715884105727'];
    const path = write('rows.jsonl', ids.flatMap((id) => [line(id, 'a'), line(id, 'b')]).join('\n'));
    expect((await scores(path)).ids).toEqual(ids);
    expect((await scores([path, write('c.csv', `id,c\n${ids.map((id) => `${id},-1.5`).join('\n')}\n`)])).ids).toEqual(
      ids,
    );
  });

  test('each cause of a repeated response has its own message', async () => {
    const row = { id: 1, logprob: -1.5 };
    const of = async (...rows: object[]) => readLogProbs(write('rows.jsonl', rows));
    await expect(of(row, row)).rejects.toMatchObject(refused('ERR_DUPLICATE_RESPONSE', 'same value', 'keep one'));
    await expect(of(row, { ...row, logprob: -2.5 })).rejects.toMatchObject(
      refused('ERR_DUPLICATE_RESPONSE', 'different values', '--column'),
    );
    await expect(of({ ...row, response: 'x' }, { ...row, response: 'y' })).rejects.toMatchObject(
      refused('ERR_DUPLICATE_RESPONSE', 'different response', 'not that of a response'),
    );
    const wide = ['a', 'b'].map((run) => `${run}=${write('t.csv', 'id,my_metric\n1,-1.5\n')}`);
    await expect(readLogProbs(wide)).rejects.toMatchObject(
      refused('ERR_DUPLICATE_RESPONSE', 'taken for a model', 'logProb=my_metric'),
    );
  });

  test('the id of a server is none', async () => {
    const answer = (id: string, custom?: string) => ({
      id,
      ...(custom && { custom_id: custom }),
      prompt_tokens: 1,
      response: {
        body: { choices: [{ prompt_token_ids: [1, 2], prompt_logprobs: [null, { 2: { logprob: -1.5 } }] }] },
      },
    });
    const [a, b] = [[answer('vllm-1', 'x')], [answer('vllm-2', 'x')]].map((rows) => write('batch.jsonl', rows));
    expect((await scores([`a=${a}`, `b=${b}`])).ids).toEqual(['x']);
    const [c, d] = [[answer('cmpl-1')], [answer('chatcmpl-2')]].map((rows) => write('batch.jsonl', rows));
    expect((await scores([`c=${c}`, `d=${d}`])).ids).toHaveLength(1);
  });
});

describe('column', () => {
  test('a sum beats a mean, and two that could be it are both named', async () => {
    const sum = write('t.csv', 'id,mean_logprob,sum_logprobs,num_tokens\n1,-0.5,-1.5,3\n');
    expect(await scores(`a=${sum}`)).toMatchObject({ a: [-1.5] });
    const both = write('t.csv', 'id,logprob,loglikelihood\n1,-0.5,-1.5\n');
    await expect(readLogProbs(both)).rejects.toMatchObject(
      refused('ERR_AMBIGUOUS_COLUMN', 'logprob', 'loglikelihood', '--column logProb='),
    );
    const mean = write('t.csv', 'id,model,mean_logprob\n1,a,-0.5\n');
    await expect(readLogProbs(mean)).rejects.toMatchObject(refused('ERR_MISSING_COLUMN', 'means over tokens'));
    const pair = write('t.csv', 'id,sent1_logprob,sent2_logprob\n1,-0.5,-1.5\n');
    await expect(readLogProbs(pair)).rejects.toMatchObject(refused('ERR_AMBIGUOUS_COLUMN', 'sent1', 'sent2'));
  });

  test('whole numbers and zeros are no models', async () => {
    const table = write('t.csv', 'id,a,b,label,pad\n1,-1.5,-0.5,1,0\n2,-2.5,-0.25,0,0\n');
    const read = await scores(table);
    expect(Object.keys(read)).toEqual(['ids', 'warnings', 'a', 'b']);
    expect(read.warnings).toEqual(['WARN_COLUMN_LEFT_OUT', 'WARN_COLUMN_LEFT_OUT']);
    const counts = write('t.csv', 'id,a\n1,3\n2,0\n');
    await expect(readLogProbs(counts)).rejects.toMatchObject(refused('ERR_MISSING_COLUMN', 'whole numbers only'));
    const half = write('t.csv', 'id,a,b\n1,-1.5,-1\n2,-2.5,-2\n3,-2.5,-3\n4,-2.5,-4\n');
    await expect(readLogProbs(half)).rejects.toMatchObject(refused('ERR_AMBIGUOUS_COLUMN', 'b holds whole numbers'));
    expect(await scores(half, { columns: { models: ['a', 'b'] } })).toMatchObject({ b: [-1, -2, -3, -4] });
  });

  test('a header of numbers is none; names that are numbers are names', async () => {
    await expect(readLogProbs(write('t.csv', '-1.5,-2.5\n-1.5,-2.5\n'))).rejects.toMatchObject(
      refused('ERR_MISSING_COLUMN', 'no header'),
    );
    expect((await readLogProbs(write('t.csv', ',1000,2000\n0,-1.5,-2.5\n'))).models).toEqual(['1000', '2000']);
  });

  test('probabilities, perplexities and losses each get the advice that is right', async () => {
    const of = (content: string) => doctor(write('t.csv', content)).then(({ findings }) => findings[0]!.message);
    expect(await of('id,a,b\n1,0.3,0.2\n2,0.9,1\n')).toMatch(/probabilities.*logarithms/);
    expect(await of('id,a,b\n1,0.3,0.2\n2,0.9,1\n')).not.toContain('--negate');
    expect(await of('id,a_ppl\n1,12.5\n')).toMatch(/perplexities/);
    expect(await of('id,a_prob\n1,0.5\n')).toMatch(/probabilities/);
    expect(await of('id,a_loss\n1,12.5\n')).toMatch(/--negate/);
    expect(await of('id,a\n1,12.5\n2,0.5\n')).toMatch(/--negate/);
    expect(await of('id,a\n1,12.5\n2,-0.5\n')).not.toContain('--negate');
  });

  test('more unnamed models than responses are asked about', async () => {
    const rows = Array.from({ length: 5 }, () => [-1.5, -2.5]);
    const header = `${`{'descr': '<f8', 'fortran_order': False, 'shape': (5, 2), }`.padEnd(117)}\n`;
    const bytes = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      Buffer.from([header.length, 0]),
      Buffer.from(header),
      Buffer.from(Float64Array.from(rows.flat()).buffer),
    ]);
    const path = write('tall.npy', bytes);
    await expect(readLogProbs(path)).rejects.toMatchObject(refused('ERR_SHAPE_MISMATCH', '--transpose'));
    expect((await doctor(path)).findings[0]).toMatchObject({ severity: 'error', code: 'ERR_SHAPE_MISMATCH' });
    expect((await readLogProbs(path, { transpose: true })).responses).toBe(5);
  });
});

describe('slice and table', () => {
  test('a list as long as the completion is not cut', async () => {
    const row = (list: number[]) => [{ id: 1, prompt_tokens: 2, completion_tokens: 3, token_logprobs: list }];
    expect(await scores(`a=${write('r.jsonl', row([-1, -2, -0.5]))}`)).toMatchObject({ a: [-3.5] });
    expect(await scores(`a=${write('r.jsonl', row([-9, -9, -1, -2, -0.5]))}`)).toMatchObject({ a: [-3.5] });
    await expect(readLogProbs(write('r.jsonl', row([-9, -1, -2, -0.5])))).rejects.toMatchObject(
      refused('ERR_RESPONSE_SLICE', 'neither 3'),
    );
  });

  test('tokens may be objects, and lists of numpy are refused', async () => {
    const tokens = [
      { token: 'a', logprob: -1 },
      { token: 'b', logprob: -0.5 },
    ];
    expect(await scores(`a=${write('r.jsonl', [{ id: 1, token_logprobs: tokens }])}`)).toMatchObject({ a: [-1.5] });
    const numpy = write('r.jsonl', [{ id: 1, token_logprobs: 'array([-1. , ..., -2.])' }]);
    await expect(readLogProbs(numpy)).rejects.toMatchObject(refused('ERR_NOT_A_NUMBER', 'numpy'));
  });

  test('a quote in TSV is a character, duplicate keys are errors, totals are left out', async () => {
    const tsv = write(
      't.tsv',
      'id\ta\ttext\n1\t-1.5\t"Hello\n2\t-2.5\tbye"\n3\t-0.5\t"q\tr"\n'.replace('"q\tr"', '"q"'),
    );
    expect((await scores(tsv)).ids).toEqual(['1', '2', '3']);
    const twice = write('r.jsonl', '{"id": 1, "logprob": -1, "logprob": -2}');
    await expect(readLogProbs(twice)).rejects.toMatchObject(refused('ERR_MALFORMED_FILE', 'occurs twice'));
    const totals = write('t.csv', 'id,a\n1,-1.5\n2,-2.5\n,-4\n');
    expect(await scores(totals)).toMatchObject({ ids: ['1', '2'], warnings: ['WARN_TOTALS_LEFT_OUT'] });
    // Called what it is, it is none either; a response of that name that is not the last stays one.
    const named = write('m.csv', 'id,a\nr1,-1.5\nr2,-2.5\nMean,-2\n');
    expect(await scores(named)).toMatchObject({ ids: ['r1', 'r2'], warnings: ['WARN_TOTALS_LEFT_OUT'] });
    const long = write('l.csv', 'id,model,logprob\nr1,a,-1.5\ntotal,a,-1.5\nr1,b,-2.5\ntotal,b,-2.5\n');
    expect(await scores(long)).toMatchObject({ ids: ['r1'], warnings: ['WARN_TOTALS_LEFT_OUT'] });
    expect(await scores(write('s.csv', 'id,a\nsum,-1.5\nr2,-2.5\n'))).toMatchObject({ ids: ['r2', 'sum'] });
    await expect(readLogProbs(write('t.csv', 'id,a\n1,-1.5\n,-4\n2,-2.5\n'))).rejects.toMatchObject(
      refused('ERR_MISSING_ID', 'row 3'),
    );
  });

  test('what a terminal would obey never reaches it', async () => {
    const path = write('t.csv', 'id,a\u001b[2J\nr\u001b[31m,x\n');
    const error = await readLogProbs(path).catch((error) => error);
    expect(error.message).not.toContain('\u001b');
  });
});

describe('inputs', () => {
  const table = 'id,logprob\n1,-1.5\n';

  test('folders, patterns, and compression by content', async () => {
    const a = write('runs/step-10.csv', table);
    const runs = dirname(a);
    writeFileSync(join(runs, 'step-9.csv.gz'), gzipSync(table));
    writeFileSync(join(runs, 'notes.txt'), 'nothing');
    expect((await readLogProbs(runs)).models).toEqual(['step-9', 'step-10']);
    expect((await readLogProbs(join(runs, 'step-*'))).models).toEqual(['step-9', 'step-10']);
    await expect(readLogProbs(join(runs, 'none-*'))).rejects.toMatchObject(refused('ERR_IO', 'pattern'));
    writeFileSync(join(runs, 'plain.csv'), gzipSync(table));
    expect((await readLogProbs(`a=${join(runs, 'plain.csv')}`)).models).toEqual(['a']);
  });
});

test('arrays from memory are held to what files are', () => {
  expect(() => LogProbs.fromArrays([[-1, Number.NaN]])).toThrow(/NaN/);
  expect(() => LogProbs.fromArrays([[-1, null as unknown as number]])).toThrow(/null/);
  const logProbs = LogProbs.fromArrays([[-1]]);
  for (const index of [1, -1, 0.5]) expect(() => logProbs.row(index)).toThrow(/no model/);
});
