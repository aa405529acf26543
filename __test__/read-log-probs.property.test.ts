import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fc, test } from '@fast-check/vitest';
import { afterAll, expect } from 'vitest';
import { CoverageError, doctor, type LogProbs, readLogProbs } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-property-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Scores {
  readonly models: readonly string[];
  readonly ids: readonly string[];
  /** Models × responses. */
  readonly values: readonly (readonly number[])[];
}

const logProb = fc.oneof(
  // No whole numbers: columns of them are taken for labels or counts.
  {
    weight: 6,
    arbitrary: fc
      .double({ min: -9998, max: 0, noNaN: true })
      .map((value) => (Number.isInteger(value) ? value - 0.25 : value)),
  },
  { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
);
/** Words that say that a column holds something else: such a column is refused, which read-identity.test.ts holds. */
const OTHER = /kl|nll|loss|prob|ppl|bp[bc]|bits|log|reward|margin|entropy|surpris/i;
const model = fc
  .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 })
  .filter((name) => !OTHER.test(name))
  .map((name) => `m-${name}`);
const id = fc.oneof(fc.nat(200).map(String), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }));

const scores: fc.Arbitrary<Scores> = fc
  .record({
    models: fc.uniqueArray(model, { minLength: 1, maxLength: 4, selector: (name) => name.toLowerCase() }),
    ids: fc.uniqueArray(id, { minLength: 1, maxLength: 8 }),
  })
  .chain(({ models, ids }) =>
    fc.record({
      models: fc.constant(models),
      ids: fc.constant(ids),
      values: fc.array(fc.array(logProb, { minLength: ids.length, maxLength: ids.length }), {
        minLength: models.length,
        maxLength: models.length,
      }),
    }),
  );

type Row = readonly [model: number, response: number];

function text(value: number): string {
  return value === Number.NEGATIVE_INFINITY ? '-inf' : String(value);
}

function quote(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

function jsonNumber(value: number): string {
  return value === Number.NEGATIVE_INFINITY ? '-Infinity' : JSON.stringify(value);
}

/** A writer of a format: the files, by name, that hold the scores; `rows` says in which order. */
type Writer = (
  scores: Scores,
  rows: readonly Row[],
) => readonly { model?: string; name: string; content: string | Uint8Array }[];

const jsonRows = ({ models, ids, values }: Scores, rows: readonly Row[]) =>
  rows.map(
    ([m, r]) =>
      `{"id":${JSON.stringify(ids[r])},"checkpoint":${JSON.stringify(models[m])},"log_prob":${jsonNumber(values[m]![r]!)}}`,
  );

/** One file a model, each with the rows of that model in the order given. */
const perModel =
  (extension: string, line: (scores: Scores, row: Row) => object): Writer =>
  (all, rows) =>
    all.models.map((name, m) => ({
      model: name,
      name: `${m}.${extension}`,
      content: rows
        .filter(([other]) => other === m)
        .map((row) => JSON.stringify(line(all, row)))
        .join('\n'),
    }));

const WRITERS: Readonly<Record<string, Writer>> = {
  'wide CSV': ({ models, ids, values }, rows) => {
    const order = [...new Set(rows.map(([, r]) => r))];
    const lines = order.map((r) => [quote(ids[r]!), ...models.map((_, m) => text(values[m]![r]!))].join(','));
    return [{ name: 'wide.csv', content: [['id', ...models.map(quote)].join(','), ...lines].join('\r\n') }];
  },
  'long TSV': ({ models, ids, values }, rows) => {
    const lines = rows.map(([m, r]) => [quote(models[m]!), text(values[m]![r]!), quote(ids[r]!)].join('\t'));
    return [{ name: 'long.tsv', content: ['model\tlogprob\tid', ...lines].join('\n') }];
  },
  'JSON Lines': (all, rows) => [{ name: 'rows.jsonl', content: jsonRows(all, rows).join('\n') }],
  'JSON Lines, gzip': (all, rows) => [{ name: 'rows.jsonl.gz', content: gzipSync(jsonRows(all, rows).join('\n\n')) }],
  'JSON list': (all, rows) => [{ name: 'rows.json', content: `[\n${jsonRows(all, rows).join(',\n')}\n]\n` }],
  'JSON Lines with tokens': perModel('jsonl', ({ ids, values }, [m, r]) => ({
    response_id: ids[r],
    token_logprobs: [null, -7, text(values[m]![r]!)],
    prompt_len: 2,
  })),
  'lm-evaluation-harness': perModel('jsonl', ({ ids, values }, [m, r]) => ({
    doc_id: ids[r],
    target: ' x',
    arguments: { gen_args_0: { arg_0: 'c', arg_1: ' x' } },
    resps: [[[text(values[m]![r]!), 'False']]],
    filtered_resps: [[text(values[m]![r]!), 'False']],
    filter: 'none',
    target_hash: 't',
    prompt_hash: 'p',
  })),
  completions: perModel('jsonl', ({ ids, values }, [m, r]) => ({
    custom_id: ids[r],
    context: 'ab',
    response: {
      choices: [
        {
          logprobs: {
            tokens: ['a', 'b', 'c'],
            token_logprobs: [null, -1, text(values[m]![r]!)],
            text_offset: [0, 1, 2],
          },
        },
      ],
    },
  })),
};

let files = 0;

async function roundTrip(writer: Writer, all: Scores, rows: readonly Row[]): Promise<LogProbs> {
  files += 1;
  const inputs = writer(all, rows).map(({ model, name, content }) => {
    const path = join(folder, `${files}-${name}`);
    writeFileSync(path, content);
    return { path, model };
  });
  return readLogProbs(inputs);
}

function allRows({ models, ids }: Scores): Row[] {
  return models.flatMap((_, m) => ids.map((__, r): Row => [m, r]));
}

/** What was read, by name and id, so that it can be compared whatever the order. */
function byName(logProbs: LogProbs): Record<string, Record<string, number>> {
  return Object.fromEntries(
    logProbs.models.map((name) => {
      const row = logProbs.row(name);
      return [name, Object.fromEntries([...row].map((value, index) => [logProbs.responseId(index), value]))];
    }),
  );
}

function expected({ models, ids, values }: Scores): Record<string, Record<string, number>> {
  return Object.fromEntries(
    models.map((name, m) => [name, Object.fromEntries(ids.map((key, r) => [key, values[m]![r]!]))]),
  );
}

for (const [format, writer] of Object.entries(WRITERS)) {
  test.prop(
    [
      scores.chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray(allRows(all), { minLength: allRows(all).length })),
      ),
    ],
    {
      numRuns: 25,
    },
  )(`${format}: every value arrives, and the order of rows does not matter`, async ([all, shuffled]) => {
    const inOrder = await roundTrip(writer, all, allRows(all));
    const outOfOrder = await roundTrip(writer, all, shuffled);
    expect(byName(inOrder)).toEqual(expected(all));
    expect(byName(outOfOrder)).toEqual(expected(all));
    expect(outOfOrder.metadata.responseIds).toEqual(inOrder.metadata.responseIds);
  });
}

const FRAGMENTS = [
  '{',
  '}',
  '[',
  ']',
  '"id"',
  ':',
  ',',
  '"a"',
  '-1',
  'NaN',
  'null',
  '\n',
  'id,a\n',
  '\t',
  '"',
  '\\',
  '\ufeff',
  '{"doc_id":1,"resps":[',
  '{"choices":[{"text":',
  '{"id":1,"model":2,"logProb":-3}\n',
];

test.prop(
  [
    fc.array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 4 })), { minLength: 1, maxLength: 30 }),
    fc.constantFrom('csv', 'tsv', 'jsonl', 'json', 'txt', 'parquet', 'npy', 'safetensors'),
  ],
  { numRuns: 120 },
)('no content does more than be refused', async (fragments, extension) => {
  const path = join(folder, `junk.${extension}`);
  writeFileSync(path, fragments.join(''));
  const error = await readLogProbs(path).then(
    () => null,
    (error) => error,
  );
  if (error !== null) expect(error).toBeInstanceOf(CoverageError);
  const report = await doctor(path);
  expect(report.usable && error !== null).toBe(false);
});
