import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FILE_FORMATS, readLogProbs, readSampleCounts } from '../src/index.js';
import { native } from '../src/native.js';

// Each format on a file of its documented shape; docs/reading.md says where that is documented.

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-formats-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(name: string, content: unknown): string {
  files += 1;
  const path = join(folder, String(files), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

async function read(inputs: string | string[]) {
  using logProbs = await readLogProbs(inputs);
  const { responseIds, sources } = logProbs.metadata;
  return {
    format: sources[0]!.format,
    ids: responseIds,
    values: logProbs.models.map((model) => [...logProbs.row(model)]),
  };
}

test('the list of formats is that of the core', () => {
  expect([...FILE_FORMATS]).toEqual(native.fileFormats());
});

describe('log-probabilities', () => {
  test('OLMES', async () => {
    const row = (id: string, label: number, sums: number[]) => ({
      doc_id: 0,
      native_id: id,
      metrics: { correct_choice: label, acc_raw: 1 },
      model_output: sums.map((sum_logits) => ({ sum_logits, num_tokens: 3, is_greedy: false })),
      label,
      task_hash: 't',
      model_hash: 'm',
    });
    const path = write('p.jsonl', lines(row('A', 1, [-12.5, -9.25]), row('B', 0, [-22.5, -9.75])));
    expect(await read(path)).toEqual({ format: 'olmes', ids: ['A', 'B'], values: [[-9.25, -22.5]] });
  });

  test('lm-evaluation-harness 0.3, --write_out', async () => {
    const rows = [
      { doc_id: 0, prompt_0: 'q a', logit_0: -1.5, prompt_1: 'q b', logit_1: -2.5, truth: 1, acc: '0.0' },
      { doc_id: 1, prompt_0: 'q a', logit_0: -0.5, prompt_1: 'q b', logit_1: -3.5, truth: 0, acc: '1.0' },
    ];
    const path = write('arc_write_out_info.json', JSON.stringify(rows, null, 4));
    expect(await read(path)).toEqual({ format: 'write-out', ids: ['0', '1'], values: [[-2.5, -0.5]] });
    expect(await readSampleCounts(path)).toMatchObject({ correct: [[0, 1]] });
  });

  test('details of lighteval, since 0.10 and before', async () => {
    const at = (path: string) => join(import.meta.dirname, 'fixtures/log-probs/lighteval', path);
    const models = ['base', 'step-1000', 'step-2000'].map((name) => at(`${name}/details_mc_2026-01-01.parquet`));
    using logProbs = await readLogProbs(models);
    expect(logProbs.models).toEqual(['base', 'step-1000', 'step-2000']);
    expect(logProbs.metadata.responseIds).toEqual([0, 1, 2, 3, 4].map((id) => `mc|0:${id}`));
    expect([...logProbs.row(1)]).toEqual([-1.5, -2.75, -4, -5.25, -6.5]);
    expect(logProbs.row(2)[3]).toBe(-Infinity);
    const older = await read(at('older.parquet'));
    expect(older).toMatchObject({ ids: ['0', '1', '2', '3', '4'], values: [[-1.5, -2.75, -4, -5.25, -6.5]] });
    const all = [1, 1, 1, 1, 1];
    expect(await readSampleCounts(models)).toMatchObject({
      samples: [all, all, all],
      correct: [all, all, [1, 1, 1, 0, 1]],
    });
  });

  test('HELM', async () => {
    const stat = (name: string, sum: number, more = {}) => ({
      name: { name, split: 'test', ...more },
      count: 1,
      sum,
      mean: sum,
    });
    const row = (id: string, sum: number, right: number) => ({
      instance_id: id,
      train_trial_index: 0,
      stats: [
        stat('logprob', -99, { perturbation: { name: 'typos' } }),
        stat('logprob', sum),
        stat('exact_match', right),
      ],
    });
    const path = write('mmlu:subject=x,model=org_m/per_instance_stats.json', [
      row('id1', -1.5, 1),
      row('id2', -2.5, 0),
    ]);
    expect(await read(path)).toEqual({ format: 'helm', ids: ['id1', 'id2'], values: [[-1.5, -2.5]] });
    expect(await readSampleCounts(path)).toMatchObject({ models: ['org_m'], correct: [[1, 0]] });
  });

  test('vLLM, echo beside prompt_logprobs', async () => {
    const choice = {
      index: 0,
      text: 'ab cd e',
      logprobs: { tokens: ['ab', ' cd', ' e'], token_logprobs: [null, -1.5, -7], text_offset: [0, 2, 5] },
      prompt_logprobs: [null, { 5: { logprob: -1.5 }, 9: { logprob: -0.5 } }],
      prompt_token_ids: null,
    };
    const body = { id: 'cmpl-1', choices: [choice], usage: { prompt_tokens: 2, completion_tokens: 1 } };
    const path = write('a.jsonl', lines({ custom_id: 'x', context: 'ab', body }));
    expect(await read(path)).toEqual({ format: 'responses', ids: ['x'], values: [[-1.5]] });
  });

  test('rows in wrappers, and nested fields', async () => {
    const values = [[-1.5, -2.5]];
    const rows = [
      { id: 'x', logprob: -1.5 },
      { id: 'y', logprob: -2.5 },
    ];
    const wrapped: unknown[] = [
      { version: 1, results: rows },
      { features: [], rows: rows.map((row, row_idx) => ({ row_idx, row, truncated_cells: [] })) },
      { columns: ['id', 'logprob'], data: rows.map(({ id, logprob }) => [id, logprob]) },
      { id: { 0: 'x', 1: 'y' }, logprob: { 0: -1.5, 1: -2.5 } },
      { step100: rows },
      { models: ['m'], logprobs: values, ids: ['x', 'y'] },
    ];
    for (const content of wrapped) {
      expect(await read(`m=${write('w.json', content)}`), JSON.stringify(content)).toMatchObject({
        ids: ['x', 'y'],
        values,
      });
    }
    const nested = lines(...rows.map(({ id, logprob }) => ({ meta: { id }, scores: { logprob } })));
    expect(await read(write('n.jsonl', nested))).toMatchObject({ ids: ['x', 'y'], values });
    const unclear = write('u.json', { x: { u: -1, v: -2 }, y: { u: -3, v: -4 } });
    await expect(readLogProbs(unclear)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_FILE' });
  });
});

describe('samples', () => {
  /** Problem p has two samples, the first of them right; q has two, both right. */
  const COUNTS = { problems: ['p', 'q'], samples: [[2, 2]], correct: [[1, 2]] };
  const FLAGS = { p: [true, false], q: [true, true] };
  const each = <T>(make: (flag: boolean, sample: number, id: string) => T) =>
    Object.fromEntries(
      Object.entries(FLAGS).map(([id, flags]) => [id, flags.map((flag, sample) => make(flag, sample, id))]),
    );
  const flat = <T>(make: (flag: boolean, sample: number, id: string) => T) => Object.values(each(make)).flat();

  const cases: [string, string, unknown][] = [
    [
      'BigCodeBench',
      'evalplus',
      { date: '…', eval: each((flag, _, task_id) => ({ task_id, solution: '', status: flag ? 'pass' : 'timeout' })) },
    ],
    [
      'code_eval',
      'problems',
      each((passed, completion_id, task_id) => [completion_id, { task_id, passed, completion_id, result: 'x' }]),
    ],
    [
      'KernelBench',
      'problems',
      each((correctness, sample_id) => ({ sample_id, compiled: true, correctness, runtime: 1 })),
    ],
    ['APPS', 'problems', each((flag) => (flag ? [true, true] : [true, -2]))],
    ['objects by problem', 'jsonl', { p: { n: 2, c: 1 }, q: { n: 2, c: 2 } }],
    ['lists of flags by problem', 'jsonl', FLAGS],
    [
      'inspect_ai',
      'inspect',
      {
        version: 2,
        status: 'success',
        eval: { task: 't', model: 'm' },
        samples: flat((flag, epoch, id) => ({ id, epoch, input: '', scores: { match: { value: flag ? 'C' : 'I' } } })),
      },
    ],
    [
      'evals of OpenAI',
      'openai-evals',
      lines(
        { spec: { eval_name: 'e', completion_fns: ['m'] } },
        ...flat((correct, event_id, sample_id) => ({ event_id, sample_id, type: 'match', data: { correct } })),
        { final_report: { accuracy: 0.75 } },
      ),
    ],
    ['verl', 'jsonl', lines(...flat((flag, _, uid) => ({ uid, input: '', output: '', score: flag ? 1 : -1 })))],
    [
      'SWE-bench rows',
      'jsonl',
      lines(...flat((resolved, attempt, instance_id) => ({ instance_id, attempt, resolved }))),
    ],
    ['rows under a key', 'jsonl', { results: flat((passed, _, task_id) => ({ task_id, passed })) }],
  ];
  test.each(cases)('%s', async (_, format, content) => {
    const counts = await readSampleCounts(`m=${write('samples.json', content)}`);
    expect(counts).toMatchObject({ models: ['m'], ...COUNTS, sources: [{ format }], warnings: [] });
  });

  test('MultiPL-E has a problem a file, and its model is the folder', async () => {
    const program = (flag: boolean) => ({
      program: '',
      stdout: '',
      stderr: '',
      exit_code: flag ? 0 : 1,
      status: flag ? 'OK' : 'Exception',
    });
    const paths = Object.entries(FLAGS).map(([name, flags]) =>
      write('x.json', { name, language: 'lua', prompt: '', tests: '', results: flags.map(program) }),
    );
    const run = join(folder, 'he-lua');
    mkdirSync(run);
    const { readFileSync } = await import('node:fs');
    paths.forEach((path, index) => {
      writeFileSync(join(run, `HumanEval_${index}.results.json`), readFileSync(path));
    });
    expect(await readSampleCounts(run)).toMatchObject({ models: ['he-lua'], ...COUNTS });
  });

  test('a report of SWE-bench', async () => {
    const report = { total_instances: 3, submitted_ids: ['p', 'q'], resolved_ids: ['q'], error_ids: [] };
    expect(await readSampleCounts(write('report.json', report))).toMatchObject({
      problems: ['p', 'q'],
      correct: [[0, 1]],
    });
  });

  test('several tasks of lm-evaluation-harness', async () => {
    const sample = (doc_id: number, exact_match: number) => ({
      doc_id,
      target: 't',
      arguments: { gen_args_0: { arg_0: 'q', arg_1: "{'until': []}" } },
      resps: [['a']],
      filtered_resps: ['a'],
      filter: 'none',
      metrics: ['exact_match'],
      exact_match,
    });
    const run = (task: string) =>
      write(`org__m/samples_${task}_2025-01-01T00-00-00.000000.jsonl`, lines(sample(0, 1), sample(1, 0)));
    expect(await readSampleCounts([run('gsm8k'), run('math')])).toMatchObject({
      models: ['org__m'],
      problems: ['gsm8k:0', 'gsm8k:1', 'math:0', 'math:1'],
      correct: [[1, 0, 1, 0]],
    });
  });
});
