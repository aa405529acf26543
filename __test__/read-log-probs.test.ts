import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LogProbs, type LogProbsInputs, type ReadLogProbsOptions, readLogProbs } from '../src/index.js';

const fixtures = join(import.meta.dirname, 'fixtures');
const binary = (name: string) => join(fixtures, 'binary', name);
const text = (name: string) => join(fixtures, 'log-probs', name);

const NAMES = ['base', 'step-1000', 'step-2000'];
const IDS = ['r0', 'r1', 'r2', 'r3', 'r4'];
const each = (folder: string) => NAMES.map((name) => text(`${folder}/${name}.jsonl`));

/** The matrix that every good fixture holds; see `fixtures/binary/make.py`. */
const EXPECTED = NAMES.map((_, model) =>
  IDS.map((_, response) =>
    model === 2 && response === 3 ? Number.NEGATIVE_INFINITY : -(1 + model / 2 + (5 * response) / 4),
  ),
);

function rows(logProbs: LogProbs): number[][] {
  return logProbs.models.map((_, model) => [...logProbs.row(model)]);
}

describe('the same numbers through every format give the same matrix', () => {
  const position = ['0', '1', '2', '3', '4'];
  const cases: [
    string,
    LogProbsInputs,
    ReadLogProbsOptions,
    { models?: string[]; ids?: string[] | null; tokens?: boolean; warnings?: string[] },
  ][] = [
    [
      '.npy, two bytes',
      binary('f2-little.npy'),
      {},
      { models: ['f2-little[0]', 'f2-little[1]', 'f2-little[2]'], ids: null },
    ],
    [
      '.npy, big-endian Fortran order',
      binary('fortran-big.npy'),
      {},
      { models: ['fortran-big[0]', 'fortran-big[1]', 'fortran-big[2]'], ids: null },
    ],
    [
      '.npy, responses in rows',
      `m=${binary('transposed.npy')}`,
      { transpose: true },
      { models: ['m[0]', 'm[1]', 'm[2]'], ids: null },
    ],
    ['.npy, losses', `m=${binary('negated.npy')}`, { negate: true }, { models: ['m[0]', 'm[1]', 'm[2]'], ids: null }],
    ['.npz, one array a model', binary('per-model.npz'), {}, { ids: null }],
    ['.npz, deflated', binary('per-model-deflated.npz'), {}, { ids: null }],
    ['.npz, matrix with names and ids', binary('named-matrix.npz'), {}, {}],
    ['.safetensors, one tensor a model', binary('per-model.safetensors'), {}, { ids: null }],
    ['.safetensors, matrix', binary('matrix.safetensors'), {}, { ids: null }],
    ['wide CSV', text('wide.csv'), {}, {}],
    ['wide TSV, rows reversed', text('wide.tsv'), {}, {}],
    ['CSV with semicolons', text('semicolons.csv'), {}, {}],
    ['long CSV with quoted prompts', text('long.csv'), {}, {}],
    ['long JSON Lines with bare -Infinity', text('long.jsonl'), {}, {}],
    ['JSON Lines with text numbers, reversed', text('strings.jsonl'), {}, { models: [...NAMES].reverse() }],
    ['JSON Lines with token log-probabilities', text('tokens.jsonl'), {}, { tokens: true }],
    ['JSON list', text('list.json'), {}, {}],
    ['wide Parquet', text('wide.parquet'), {}, {}],
    ['long Parquet with integer ids', text('long.parquet'), {}, { ids: position }],
    ['Parquet with token lists', text('tokens.parquet'), {}, { tokens: true }],
    [
      'lm-evaluation-harness, loglikelihood',
      NAMES.map((_, m) => text(`lm-eval/org__model/samples_lambada_2026-01-0${m + 1}T10-00-00.123456.jsonl`)),
      {},
      { models: NAMES.map((name) => `org/model@${name}`), ids: position },
    ],
    ['lm-evaluation-harness, older rows', each('lm-eval/old'), {}, { ids: position }],
    ['lm-evaluation-harness, multiple choice', each('lm-eval/choice'), {}, { ids: position }],
    ['lm-evaluation-harness, rolling', each('lm-eval/rolling'), {}, { ids: position }],
    ['vLLM offline', each('responses/vllm-offline'), {}, { tokens: true }],
    ['vLLM over HTTP', each('responses/vllm-http'), {}, { tokens: true, warnings: ['WARN_CLAMPED'] }],
    [
      'completions with echo, in a batch file',
      each('responses/echo'),
      {},
      { tokens: true, warnings: ['WARN_CLAMPED'] },
    ],
    ['SGLang', each('responses/sglang'), {}, { tokens: true }],
    ['Text Generation Inference', each('responses/tgi'), {}, { tokens: true }],
  ];

  test.each(cases)('%s', async (_, inputs, options, { models = NAMES, ids = IDS, tokens = false, warnings = [] }) => {
    const logProbs = await readLogProbs(inputs, options);
    expect(logProbs.models).toEqual(models);
    const expected = models[0] === 'step-2000' ? [...EXPECTED].reverse() : EXPECTED;
    expect(rows(logProbs)).toEqual(expected);
    expect(logProbs.metadata.responseIds).toEqual(ids);
    expect(logProbs.metadata.tokenCounts).toEqual(tokens ? [1, 2, 3, 4, 5] : null);
    expect(logProbs.metadata.warnings.map(({ code }) => code)).toEqual(warnings);
    for (const source of logProbs.metadata.sources) expect(source.blake3).toMatch(/^[0-9a-f]{64}$/);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-read-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  const list = Array.isArray(content) ? content.map((row) => JSON.stringify(row)).join('\n') : content;
  writeFileSync(path, list as string);
  return path;
}

describe('names of models', () => {
  const row = [{ id: 'r0', logProb: -1 }];

  test('NAME=PATH, unless the whole is a path', async () => {
    const path = write('step=7.jsonl', row);
    expect((await readLogProbs([`first=${path}`, path])).models).toEqual(['first', 'step=7']);
    expect((await readLogProbs({ path, model: 'given' })).models).toEqual(['given']);
  });

  test('file names, or folders where the files are called alike', async () => {
    const [a, b] = [write('a/scores.jsonl', row), write('b/scores.jsonl', row)];
    expect((await readLogProbs([a, b])).models).toEqual(['a', 'b']);
    expect((await readLogProbs([a, write('other.jsonl', row)])).models).toEqual(['scores', 'other']);
  });

  test('names that occur twice are refused', async () => {
    const path = write('twice.csv', 'id,a\nr0,-1\n');
    await expect(readLogProbs([path, path])).rejects.toMatchObject({ code: 'ERR_DUPLICATE_RESPONSE' });
    const array = binary('per-model.npz');
    await expect(readLogProbs([array, array])).rejects.toMatchObject({ code: 'ERR_DUPLICATE_MODEL' });
  });
});

test('one array a model, in files of their own', async () => {
  const vector = binary('vector.npy');
  const logProbs = await readLogProbs([`a=${vector}`, `b=${vector}`]);
  expect(logProbs.models).toEqual(['a', 'b']);
  expect(rows(logProbs)).toEqual([EXPECTED[0], EXPECTED[0]]);
});

test('an array with ids is joined with a table by id', async () => {
  const table = write('table.csv', 'id,extra\nr4,-4\nr2,-2\nr0,-0.5\nr1,-1\nr3,-3\n');
  const logProbs = await readLogProbs([table, binary('named-matrix.npz')]);
  expect(logProbs.models).toEqual(['extra', ...NAMES]);
  expect(logProbs.metadata.responseIds).toEqual(IDS);
  expect(rows(logProbs)).toEqual([[-0.5, -1, -2, -3, -4], ...EXPECTED]);
});

test('ids of any characters come as they are, and with a choice of models', async () => {
  for (const [name, ids] of Object.entries({ plain: ['a\nb', 'c,d', 'é'], zero: ['a', 'a\u0000b', 'é'] })) {
    const lines = ids.flatMap((id) => ['a', 'b'].map((model) => ({ model, id, logProb: -1.5 })));
    const logProbs = await readLogProbs(write(`ids-${name}.jsonl`, lines));
    expect(logProbs.metadata.responseIds).toEqual(ids);
    expect(logProbs.metadata.responseIds).toBe(logProbs.metadata.responseIds);
    expect(logProbs.responseId(1)).toBe(ids[1]);
    const chosen = logProbs.selectModels(['b']);
    expect(chosen.metadata).toEqual({ ...logProbs.metadata, models: ['b'], sources: [logProbs.metadata.sources[1]] });
    expect(chosen.placeNames).toEqual({ models: ['b'], responseIds: ids });
  }
});

test('ids come in their order, without those that not every model has', async () => {
  const rows = ['z', 'b', '10', 'only-a', '9', 'y'].map((id) => ({ id, a: -1, ...(id !== 'only-a' && { b: -2 }) }));
  const logProbs = await readLogProbs(write('out-of-order.jsonl', rows), { join: 'shared' });
  expect(logProbs.metadata.responseIds).toEqual(['9', '10', 'b', 'y', 'z']);
});

test('matrices are stacked without copying, and only on the same responses', async () => {
  const a = LogProbs.fromArrays([[-1, -2]], { models: ['a'], responseIds: ['x', 'y'], tokenCounts: [1, 2] });
  const b = LogProbs.fromArrays([new Float32Array([-3, -4])], { models: ['b'], promptIds: ['p', 'p'] });
  const stacked = a.stack(b);
  expect(rows(stacked)).toEqual([
    [-1, -2],
    [-3, -4],
  ]);
  expect(stacked.metadata).toMatchObject({
    models: ['a', 'b'],
    responseIds: ['x', 'y'],
    promptIds: ['p', 'p'],
    tokenCounts: [1, 2],
  });
  const other = LogProbs.fromArrays([[-1, -2]], { models: ['c'], responseIds: ['y', 'x'] });
  expect(() => a.stack(other)).toThrow(/joins them by id/);
  expect(() => a.stack(a)).toThrow(/occurs twice/);
});

test('responses without an id of the user are joined by what was scored', async () => {
  const response = (server: string, token: number, logProb: number) => ({
    id: `cmpl-${server}${token}`,
    choices: [
      {
        index: 0,
        prompt_token_ids: [1, 2, token],
        prompt_logprobs: [null, { 2: { logprob: -7 } }, { [token]: { logprob: logProb } }],
      },
    ],
  });
  const a = write('server-a.jsonl', [response('a', 5, -1), response('a', 6, -2)]);
  const b = write('server-b.jsonl', [response('b', 6, -4), response('b', 5, -3)]);
  const logProbs = await readLogProbs([a, b], { promptTokens: 2 });
  const columns = [0, 1].map((index) => logProbs.models.map((model) => logProbs.row(model)[index]));
  expect(columns.sort((x, y) => y[0]! - x[0]!)).toEqual([
    [-1, -3],
    [-2, -4],
  ]);
});

test('several choices of one response have ids of their own', async () => {
  const choice = (index: number) => ({
    index,
    logprobs: { tokens: ['a', 'b'], token_logprobs: [null, -1 - index], text_offset: [0, 1] },
  });
  const path = write('batch.jsonl', [{ id: 'req', choices: [choice(1), choice(0)] }]);
  const logProbs = await readLogProbs(path, { responseTokens: 1 });
  expect(logProbs.metadata.responseIds).toEqual(['req#0', 'req#1']);
  expect([...logProbs.row(0)]).toEqual([-1, -2]);
});

test('files of several tasks are one set of responses', async () => {
  const sample = (doc: number, logProb: string) => ({
    doc_id: doc,
    target: ' x',
    arguments: { gen_args_0: { arg_0: 'c', arg_1: ' x' } },
    resps: [[[logProb, 'False']]],
    filtered_resps: [[logProb, 'False']],
    filter: 'none',
  });
  const date = '2026-01-01T00-00-00.5';
  const inputs = ['a', 'b'].flatMap((model) =>
    ['arc_easy', 'piqa'].map((task) =>
      write(`${model}/samples_${task}_${date}.jsonl`, [sample(0, '-1'), sample(1, '-inf')]),
    ),
  );
  const logProbs = await readLogProbs(inputs);
  expect(logProbs.models).toEqual(['a', 'b']);
  expect(logProbs.metadata.responseIds).toEqual(['arc_easy:0', 'arc_easy:1', 'piqa:0', 'piqa:1']);
});
