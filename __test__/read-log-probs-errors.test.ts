import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CoverageError, type LogProbsInputs, type ReadLogProbsOptions, readLogProbs } from '../src/index.js';
import { inputFiles, long, sample } from './input-files.js';

const { folder, write, csv, jsonl } = inputFiles('errors');
const fixtures = join(import.meta.dirname, 'fixtures');

async function refusal(inputs: LogProbsInputs, options: ReadLogProbsOptions = {}): Promise<CoverageError> {
  const error = await readLogProbs(inputs, options).then(
    () => null,
    (error) => error,
  );
  expect(error).toBeInstanceOf(CoverageError);
  return error as CoverageError;
}

const completion = (record: object, choice: object, usage = {}) => ({ ...record, choices: [choice], usage });

interface Case {
  readonly what: string;
  readonly inputs: () => LogProbsInputs;
  readonly options?: ReadLogProbsOptions;
  readonly code: string;
  /** Parts of the message: the fault and the way out. */
  readonly says: readonly string[];
  readonly place?: object;
}

const CASES: readonly Case[] = [
  // Files as such.
  {
    what: 'a missing file',
    inputs: () => join(folder, 'nothing.csv'),
    code: 'ERR_IO',
    says: ['no such file', 'nothing.csv'],
  },
  {
    what: 'a directory without data',
    inputs: () => mkdtempSync(join(folder, 'empty-')),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['directory', 'name the files'],
  },
  { what: 'a device', inputs: () => '/dev/null', code: 'ERR_UNSUPPORTED_FILE', says: ['device'] },
  { what: 'an empty file', inputs: () => csv(''), code: 'ERR_MALFORMED_FILE', says: ['empty'] },
  {
    what: 'an empty .npy',
    inputs: () => join(fixtures, 'binary/empty.npy'),
    code: 'ERR_MALFORMED_FILE',
    says: ['empty'],
  },
  {
    what: 'an unknown format',
    inputs: () => write('data.bin', new Uint8Array([1, 2, 3])),
    code: 'ERR_UNKNOWN_FORMAT',
    says: ['--format', '.npy'],
  },
  {
    what: 'truncated gzip',
    inputs: () => write('rows.jsonl.gz', gzipSync(JSON.stringify(long('a', 'm', -1))).subarray(0, 20)),
    code: 'ERR_MALFORMED_FILE',
    says: ['gzip', 'cut short'],
  },
  {
    what: 'UTF-16',
    inputs: () => write('table.csv', Buffer.from('\ufeffid,a\n1,-1\n', 'utf16le')),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['UTF-16', 'UTF-8'],
  },
  {
    what: 'bytes that are no text',
    inputs: () => write('table.csv', Buffer.from([0x69, 0x64, 0x2c, 0xff, 0xfe, 0x0a])),
    code: 'ERR_MALFORMED_FILE',
    says: ['UTF-8'],
  },
  {
    what: 'a trainer state',
    inputs: () => write('trainer_state.json', JSON.stringify({ log_history: [{ eval_loss: 2 }] })),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['mean losses'],
  },
  {
    what: 'checked samples',
    inputs: () => jsonl({ task_id: 'HumanEval/0', completion: 'x', result: 'passed', passed: true }),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['Pass@k'],
  },
  // Arrays.
  {
    what: 'a pickled array',
    inputs: () => join(fixtures, 'binary/object.npy'),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['pickled', 'np.save', 'object.npy'],
  },
  {
    what: 'a truncated array',
    inputs: () => join(fixtures, 'binary/truncated.npy'),
    code: 'ERR_MALFORMED_FILE',
    says: ['truncated', 'truncated.npy'],
  },
  {
    what: 'a header that claims terabytes',
    inputs: () => join(fixtures, 'binary/terabytes.npy'),
    code: 'ERR_MALFORMED_FILE',
    says: ['2000000000000 bytes'],
  },
  {
    what: 'a NaN in an array',
    inputs: () => join(fixtures, 'binary/nan.npy'),
    code: 'ERR_NAN_LOG_PROB',
    says: ['NaN', 'nan.npy', 'model nan[1]', 'response 2'],
  },
  {
    what: 'losses in an array',
    inputs: () => join(fixtures, 'binary/negated.npy'),
    code: 'ERR_POSITIVE_LOG_PROB',
    says: ['--negate', 'negated.npy'],
  },
  {
    what: 'arrays of different lengths',
    inputs: () => [join(fixtures, 'binary/vector.npy'), `b=${join(fixtures, 'binary/no-responses.npy')}`],
    code: 'ERR_NO_RESPONSES',
    says: ['no response'],
  },
  {
    what: 'a sidecar that names too few models',
    inputs: () => {
      const path = write('matrix.npy', readFileSync(join(fixtures, 'binary/f8-little.npy')));
      writeFileSync(path.replace('.npy', '.json'), JSON.stringify({ models: ['a', 'b'] }));
      return path;
    },
    code: 'ERR_SHAPE_MISMATCH',
    says: ['2 models are named for 3 rows', '--transpose'],
  },
  {
    what: 'an array without ids beside rows with ids',
    inputs: () => [`a=${join(fixtures, 'binary/vector.npy')}`, join(fixtures, 'log-probs/wide.csv')],
    code: 'ERR_MISSING_ID',
    says: ['responseIds'],
  },
  // Tables.
  {
    what: 'a text that is no number',
    inputs: () => csv('id,a,b\nr0,-1,-2\nr1,-1,two\n'),
    code: 'ERR_NOT_A_NUMBER',
    says: ['"two"', 'row 3', 'model b', 'response r1'],
    place: { row: 3, model: 'b', response: 'r1' },
  },
  {
    what: 'a word that objects inherit',
    inputs: () => csv('id,a\nr0,constructor\n'),
    code: 'ERR_NOT_A_NUMBER',
    says: ['"constructor"'],
  },
  { what: 'a hexadecimal number', inputs: () => csv('id,a\nr0,0x10\n'), code: 'ERR_NOT_A_NUMBER', says: ['"0x10"'] },
  {
    what: 'an extension that objects inherit',
    inputs: () => write('data.constructor', new Uint8Array([1, 2, 3])),
    code: 'ERR_UNKNOWN_FORMAT',
    says: ['--format'],
  },
  {
    what: 'thousands separators',
    inputs: () => csv('id,a\nr0,"-1,234.5"\n'),
    code: 'ERR_NOT_A_NUMBER',
    says: ['thousands'],
  },
  {
    what: 'an empty cell',
    inputs: () => csv('id,a,b\nr0,-1,\n'),
    code: 'ERR_NULL_LOG_PROB',
    says: ['no value', 'model b'],
    place: { row: 2, model: 'b', response: 'r0' },
  },
  { what: 'a short line', inputs: () => csv('id,a,b\nr0,-1\n'), code: 'ERR_MALFORMED_FILE', says: ['table', 'row 2'] },
  {
    what: 'a repeated column',
    inputs: () => csv('id,a,a\nr0,-1,-1\n'),
    code: 'ERR_MALFORMED_FILE',
    says: ['a occurs twice'],
  },
  {
    what: 'an unclosed quote',
    inputs: () => csv('id,a\n"r0,-1\n'),
    code: 'ERR_MALFORMED_FILE',
    says: ['Quote'],
  },
  {
    what: 'a long table without ids',
    inputs: () => csv('model,logprob\na,-1\n'),
    code: 'ERR_MISSING_COLUMN',
    says: ['never by line', 'model, logprob'],
  },
  {
    what: 'several tables without ids',
    inputs: () => [csv('a\n-1\n'), csv('b\n-1\n')],
    code: 'ERR_MISSING_COLUMN',
    says: ['Add a column id'],
  },
  {
    what: 'losses by name',
    inputs: () => csv('id,model,nll\nr0,a,1\n'),
    code: 'ERR_MISSING_COLUMN',
    says: ['nll', '--negate'],
  },
  {
    what: 'a chosen column that is not there',
    inputs: () => csv('id,a\nr0,-1\n'),
    options: { columns: { logProb: 'score' } },
    code: 'ERR_MISSING_COLUMN',
    says: ['no column called score', 'id, a'],
  },
  {
    what: 'a broken Parquet file',
    inputs: () => write('table.parquet', 'PAR1 and nothing else PAR1'),
    code: 'ERR_MALFORMED_FILE',
    says: ['Parquet'],
  },
  // JSON rows.
  {
    what: 'a damaged line',
    inputs: () => jsonl(long('r0', 'a', -1), '{"id": "r1", "mod'),
    code: 'ERR_MALFORMED_FILE',
    says: ['not valid JSON', 'row 2'],
    place: { row: 2 },
  },
  {
    what: 'a truncated list',
    inputs: () => write('list.json', `[${JSON.stringify(long('r0', 'a', -1))},`),
    code: 'ERR_MALFORMED_FILE',
    says: ['truncated'],
  },
  {
    what: 'rows that are no objects',
    inputs: () => jsonl('[1, 2]'),
    code: 'ERR_MALFORMED_FILE',
    says: ['object is needed'],
  },
  {
    what: 'a bare NaN',
    inputs: () => jsonl(long('r0', 'a', -1), '{"id": "r1", "model": "a", "logProb": NaN}'),
    code: 'ERR_NAN_LOG_PROB',
    says: ['NaN', 'row 2', 'model a', 'response r1'],
    place: { row: 2, model: 'a', response: 'r1' },
  },
  {
    what: 'a bare Infinity',
    inputs: () => jsonl('{"id": "NaN", "model": "a", "logProb": Infinity}'),
    code: 'ERR_POSITIVE_LOG_PROB',
    says: ['Infinity', '--negate', 'response NaN'],
  },
  {
    what: 'a null, as JSON.stringify writes -Infinity',
    inputs: () => jsonl(long('r0', 'a', Number.NEGATIVE_INFINITY)),
    code: 'ERR_NULL_LOG_PROB',
    says: ['JSON.stringify', '"-inf"'],
  },
  {
    what: 'losses',
    inputs: () => jsonl(long('r0', 'a', 3.5)),
    code: 'ERR_POSITIVE_LOG_PROB',
    says: ['3.5', '--negate'],
  },
  {
    what: 'a row without id',
    inputs: () => jsonl(long('r0', 'a', -1), { model: 'a', logProb: -1 }),
    code: 'ERR_MISSING_ID',
    says: ['every row needs an id', 'row 2'],
  },
  {
    what: 'a repeated response',
    inputs: () => jsonl(long('r0', 'a', -1), long('r0', 'b', -1), long('r0', 'a', -2)),
    code: 'ERR_DUPLICATE_RESPONSE',
    says: ['occurs twice', 'row 3', 'model a', 'response r0'],
  },
  {
    what: 'a missing response',
    inputs: () => jsonl(long('r0', 'a', -1), long('r1', 'a', -1), long('r0', 'b', -1)),
    code: 'ERR_MISSING_RESPONSE',
    says: ['1 of 2', 'r1', 'model b', '--shared'],
  },
  {
    what: 'no response in common',
    inputs: () => jsonl(long('r0', 'a', -1), long('r1', 'b', -1)),
    options: { join: 'shared' },
    code: 'ERR_NO_RESPONSES',
    says: ['same ids'],
  },
  {
    what: 'a null inside a response',
    inputs: () => jsonl({ id: 'r0', model: 'a', tokenLogProbs: [null, -1, null, -2], promptTokens: 1 }),
    code: 'ERR_NULL_LOG_PROB',
    says: ['Token 2', 'where the response begins', 'response r0'],
  },
  {
    what: 'a null first token taken for the response',
    inputs: () => jsonl({ id: 'r0', model: 'a', tokenLogProbs: [null, -1] }),
    code: 'ERR_NULL_LOG_PROB',
    says: ['Token 0', 'first token of a prompt'],
  },
  {
    what: 'a prompt longer than the tokens',
    inputs: () => jsonl({ id: 'r0', model: 'a', tokenLogProbs: [null, -1], promptTokens: 2 }),
    code: 'ERR_RESPONSE_SLICE',
    says: ['token 2', 'has 2'],
  },
  // lm-evaluation-harness.
  {
    what: 'a run that was appended to itself',
    inputs: () => jsonl(sample(0, '-1.5'), sample(0, '-1.5')),
    code: 'ERR_DUPLICATE_RESPONSE',
    says: ['appends'],
  },
  {
    what: 'models scored on different prompts',
    inputs: () => [`a=${jsonl(sample(0, '-1'))}`, `b=${jsonl(sample(0, '-1', { prompt_hash: 'other' }))}`],
    code: 'ERR_MISMATCHED_RESPONSE',
    says: ['not the same', 'model a', '--ignore-hashes'],
  },
  {
    what: 'generated text',
    inputs: () => join(fixtures, 'log-probs/lm-eval/generated.jsonl'),
    code: 'ERR_UNSUPPORTED_FILE',
    says: ['generate_until', 'Pass@k'],
  },
  {
    what: 'a gold choice that cannot be told',
    inputs: () =>
      jsonl(
        sample(0, '-1', {
          target: 'maybe',
          filtered_resps: [
            ['-1', 'True'],
            ['-2', 'False'],
          ],
        }),
      ),
    code: 'ERR_UNKNOWN_TARGET',
    says: ['"maybe"', '2 choices'],
  },
  {
    what: 'two revisions in one folder, without results beside them',
    inputs: () => {
      const model = join(folder, 'org__model');
      mkdirSync(model, { recursive: true });
      return ['2026-01-01T00-00-00.1', '2026-01-02T00-00-00.1'].map((date) => {
        const path = join(model, `samples_task_${date}.jsonl`);
        writeFileSync(path, JSON.stringify(sample(0, '-1')));
        return path;
      });
    },
    code: 'ERR_DUPLICATE_MODEL',
    says: ['NAME=PATH', 'org__model'],
  },
  // Saved responses.
  {
    what: 'a response of unknown beginning',
    inputs: () =>
      jsonl(
        completion({ id: 'r0' }, { logprobs: { tokens: ['a', 'b'], token_logprobs: [null, -1], text_offset: [0, 1] } }),
      ),
    code: 'ERR_RESPONSE_SLICE',
    says: ['prompt_tokens', 'context', '--prompt-tokens'],
  },
  {
    what: 'a token across the end of the prompt',
    inputs: () =>
      jsonl(
        completion(
          { id: 'r0', context: 'ab' },
          { logprobs: { tokens: ['a', 'bc', 'd'], token_logprobs: [null, -1, -1], text_offset: [0, 1, 3] } },
        ),
      ),
    code: 'ERR_RESPONSE_SLICE',
    says: ['across the end of the prompt'],
  },
  {
    what: 'generated tokens only',
    inputs: () =>
      jsonl(
        completion(
          { id: 'r0', prompt_tokens: 0 },
          { logprobs: { tokens: ['a'], token_logprobs: [-1] } },
          { completion_tokens: 1 },
        ),
      ),
    code: 'ERR_NO_LOG_PROBS',
    says: ['echo', 'OpenAI'],
  },
  {
    what: 'a chat completion',
    inputs: () =>
      jsonl(completion({ id: 'r0' }, { message: {}, logprobs: { content: [{ token: 'a', logprob: -1 }] } })),
    code: 'ERR_NO_LOG_PROBS',
    says: ['Chat completions', 'completions endpoint'],
  },
  {
    what: 'a response of llama.cpp',
    inputs: () => jsonl({ content: 'x', completion_probabilities: [{ id: 1, token: 'x', logprob: -1 }] }),
    code: 'ERR_NO_LOG_PROBS',
    says: ['llama.cpp', 'vLLM'],
  },
  {
    what: 'Text Generation Inference without prefill',
    inputs: () => jsonl({ id: 'r0', generated_text: 'x', details: { prefill: [], tokens: [] } }),
    code: 'ERR_NO_LOG_PROBS',
    says: ['--enable-prefill-logprobs'],
  },
  {
    what: 'SGLang without input log-probabilities',
    inputs: () => jsonl({ id: 'r0', text: 'x', meta_info: { prompt_tokens: 3, completion_tokens: 1 } }),
    code: 'ERR_NO_LOG_PROBS',
    says: ['logprob_start_len'],
  },
  {
    what: 'vLLM candidates without the actual token',
    inputs: () =>
      jsonl(
        completion(
          { id: 'r0', prompt_len: 1 },
          { prompt_logprobs: [null, { 5: { logprob: -1 }, 6: { logprob: -2 } }] },
        ),
      ),
    code: 'ERR_UNKNOWN_TOKEN',
    says: ['2 candidates', 'return_token_ids'],
  },
  {
    what: 'a response that is an error',
    inputs: () => jsonl({ id: 'r0', choices: [{ text: '' }], error: { message: 'overloaded' } }),
    code: 'ERR_MALFORMED_FILE',
    says: ['error instead of a response', 'r0'],
  },
  {
    what: 'different texts under one id',
    inputs: () =>
      ['-1', '-2'].map((text, index) =>
        jsonl({
          id: 'r0',
          prompt_len: 1,
          prompt_token_ids: [1, 5 + index],
          prompt_logprobs: [null, { [5 + index]: { logprob: Number(text) } }],
        }),
      ),
    code: 'ERR_MISMATCHED_RESPONSE',
    says: ['not the same'],
  },
  // Options.
  {
    what: 'an unknown option',
    inputs: () => csv('id,a\nr0,-1\n'),
    options: { negated: true } as ReadLogProbsOptions,
    code: 'ERR_INVALID_OPTION',
    says: ['negated'],
  },
  { what: 'no file', inputs: () => [], code: 'ERR_INVALID_OPTION', says: ['at least one file'] },
];

describe('bad input gets an error with code, place and way out', () => {
  test.each(CASES)('$what', async ({ inputs, options, code, says, place }) => {
    const error = await refusal(inputs(), options);
    expect(error.code, error.message).toBe(code);
    for (const part of says) expect(error.message).toContain(part);
    if (place) expect(error.place).toMatchObject(place);
  });
});
