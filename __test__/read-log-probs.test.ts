import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LogProbs, type LogProbsInputs, type ReadLogProbsOptions, readLogProbs } from '../src/index.js';

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
    for (const source of logProbs.metadata.sources) expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
