import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ResponseRow, readLogProbs, reportText, type ScoreResult, score, scoreReport } from '../src/index.js';
import type { ScoreManifest } from '../src/log-probs/manifest.js';
import { type FakeOptions, idsOf, rightLogProb, scoringTests } from './score-server.js';

const { folder, newFolder, serve } = scoringTests('score');

/** Rows of text, two responses a prompt. */
function rows(count: number): ResponseRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index}`,
    promptId: `p${index >> 1}`,
    prompt: `Question ${index >> 1}: what follows`,
    response: ` answer ${index} with ${'more '.repeat(index % 4)}words`,
  }));
}

function right(weights: string, { prompt, response }: ResponseRow, bos: number[] = [1]): number {
  return rightLogProb(weights, [...bos, ...idsOf(prompt!)], idsOf(response!));
}

interface Line {
  model: string;
  id: string;
  promptId?: string;
  logProb: number | string;
  tokenCount: number;
  contentHash: string;
  tokenLogProbs?: (number | string)[];
}

function read(file: string): { manifest: ScoreManifest; lines: Line[] } {
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return { manifest: JSON.parse(head!), lines: lines.map((line) => JSON.parse(line)) };
}

/** The report on one line. */
const said = (result: ScoreResult) => reportText(scoreReport(result)).replaceAll(/\s+/g, ' ');

const quick = { preflight: 0, retries: 5, timeout: 20 };

describe('what is scored', () => {
  test('two checkpoints, by token ids, in the order of the input, read by readLogProbs', async () => {
    const [a, b] = [await serve({ model: 'step-1' }), await serve({ model: 'step-2' })];
    const out = newFolder();
    const input = rows(41);
    const servers = [a, b].map(({ url, options }) => ({ name: options.model, url }));
    const result = await score(input, { servers, out, preflight: 8, tokenLogProbs: true });
    expect(result).toMatchObject({ complete: true, warnings: [] });
    for (const name of ['step-1', 'step-2']) {
      const { manifest, lines } = read(join(out, `${name}.jsonl`));
      expect(manifest).toMatchObject({
        'coverage-principle': 'scores',
        model: name,
        input: { rows: 41 },
        server: { kind: 'vllm', software: 'vLLM 0.32.0', served: name },
        tokens: { bos: [1], eos: [], boundary: 'joined' },
        preflight: { differing: 0, largestDifference: 0, identicalTo: [] },
      });
      expect(lines.map(({ id }) => id)).toEqual(input.map(({ id }) => id));
      for (const [index, line] of lines.entries()) {
        expect(line).toMatchObject({
          model: name,
          promptId: input[index]!.promptId,
          tokenCount: idsOf(input[index]!.response!).length,
        });
        expect(line.logProb).toBe(right(name, input[index]!));
        expect((line.tokenLogProbs as number[]).reduce((sum, value) => sum + value, 0)).toBe(line.logProb);
      }
    }
    expect(said(result)).toContain(`Every response of every checkpoint is scored: give ${out} to select.`);
    // A choice needs two.
    const alone = await score(input, { servers: servers.slice(0, 1), out, preflight: 8, tokenLogProbs: true });
    expect(said(alone)).toContain(
      `Every response of step-1 is scored: give ${out} to select once the scores of another checkpoint are there, too.`,
    );
    const logProbs = await readLogProbs(out);
    expect(logProbs.models).toEqual(['step-1', 'step-2']);
    const byId = new Map(input.map((row) => [row.id, row]));
    const ids = logProbs.metadata.responseIds!;
    expect(Array.from(logProbs.row(1))).toEqual(ids.map((id) => right('step-2', byId.get(id)!)));
    expect(logProbs.metadata.promptIds).toEqual(ids.map((id) => byId.get(id)!.promptId));
    expect(logProbs.metadata.sources[0]!.scored).toMatch(
      /vLLM 0\.32\.0 serving step-1.*token 1 before.*8 responses scored twice.*the same numbers/,
    );
  });

  test('prompts as text, as token ids and as messages; ids are taken as they are', async () => {
    const server = await serve({ model: 'm' });
    const out = newFolder();
    const messages = [{ role: 'user', content: 'hello' }];
    const input: ResponseRow[] = [
      { id: 'text', prompt: 'hello', response: ' world' },
      { id: 'ids', promptTokens: [5, 6], responseTokens: [7, 8, 9] },
      { id: 'messages', messages, response: 'world' },
      { id: 4, promptTokens: [5, 6], response: 'word' },
    ];
    await score(input, { servers: [{ name: 'm', url: `${server.url}/v1/` }], out, ...quick });
    const { lines } = read(join(out, 'm.jsonl'));
    expect(lines.map(({ logProb }) => logProb)).toEqual([
      rightLogProb('m', [1, ...idsOf('hello')], idsOf(' world')),
      rightLogProb('m', [5, 6], [7, 8, 9]),
      rightLogProb('m', idsOf('[user]hello[assistant]'), idsOf('world')),
      rightLogProb('m', [5, 6], idsOf('word')),
    ]);
    expect(readFileSync(join(out, 'tokens.ids'), 'utf8').split('\n')[2]).toBe('["ids",[5,6],[7,8,9]]');
  });

  test('kept token ids that were changed since are asked for again', async () => {
    const server = await serve({ model: 'm' });
    const out = newFolder();
    const run = () => score(rows(6), { servers: [{ name: 'm', url: server.url }], out, ...quick });
    await run();
    const [kept, scores] = ['tokens.ids', 'm.jsonl'].map((name) => join(out, name)) as [string, string];
    const [ids, whole] = [kept, scores].map((path) => readFileSync(path, 'utf8')) as [string, string];
    const changes: ((text: string) => string)[] = [
      (text) => text.replace(/\n.*\n/, '\ngarbage\n'),
      (text) => text.replace(/\n\[/, '\n{"a":['),
      (text) => text.replace(/,(\d+)\]\]/, ',7]]'),
      (text) => text.slice(0, -8),
      () => '',
    ];
    for (const change of changes) {
      expect(change(ids)).not.toBe(ids);
      writeFileSync(kept, change(ids));
      rmSync(scores);
      await run();
      expect(readFileSync(scores, 'utf8')).toBe(whole);
      expect(readFileSync(kept, 'utf8')).toBe(ids);
    }
  });

  test('special tokens are those of the tokenizer, none, or as given; an end is scored', async () => {
    const server = await serve({ model: 'm' });
    const [row] = rows(1);
    const scored = async (options: object) => {
      const out = newFolder();
      await score([row!], { servers: [{ name: 'm', url: server.url }], out, ...quick, ...options });
      return read(join(out, 'm.jsonl')).lines[0]!.logProb;
    };
    expect(await scored({})).toBe(right('m', row!));
    expect(await scored({ bos: 'none' })).toBe(right('m', row!, []));
    expect(await scored({ bos: [2, 3], eos: [4] })).toBe(
      rightLogProb('m', [2, 3, ...idsOf(row!.prompt!)], [...idsOf(row!.response!), 4]),
    );
    const empty = { id: 1, prompt: '', response: 'word' };
    const options = { servers: [{ name: 'm', url: server.url }], out: newFolder(), ...quick };
    await expect(score([empty], { ...options, bos: 'none' })).rejects.toMatchObject({ code: 'ERR_EMPTY_PROMPT' });
    expect(await score([empty], { ...options, out: newFolder() })).toMatchObject({ complete: true });
  });

  test('a token that spans the boundary names the row, before anything is scored', async () => {
    const server = await serve({ model: 'm' });
    const out = newFolder();
    const input = [...rows(3), { id: 'joined', prompt: 'begin', response: 'ning' }];
    const options = { servers: [{ name: 'm', url: server.url }], out, ...quick };
    await expect(score(input, options)).rejects.toMatchObject({
      code: 'ERR_TOKEN_BOUNDARY',
      message: expect.stringContaining('joined'),
    });
    expect(server.requests).toBe(0);
    await score(input, { ...options, boundary: 'separate' });
    expect(read(join(out, 'm.jsonl')).lines[3]!.logProb).toBe(rightLogProb('m', [1, ...idsOf('begin')], idsOf('ning')));
  });

  test('SGLang by ids, and a server that echoes by the offsets of its tokens', async () => {
    const input: ResponseRow[] = [...rows(9), { id: 'é', prompt: 'naïve 日本', response: ' café 🙂 ok' }];
    for (const kind of ['sglang', 'echo'] as const) {
      const server = await serve({ model: 'm', kind });
      const out = newFolder();
      const result = await score(input, { servers: [{ name: 'm', url: server.url }], out, preflight: 4 });
      expect(result.complete, JSON.stringify(result)).toBe(true);
      const { manifest, lines } = read(join(out, 'm.jsonl'));
      expect(manifest.server).toMatchObject({ kind });
      expect(lines.map(({ logProb }) => logProb)).toEqual(
        input.map((row) => right('m', row, kind === 'echo' ? [] : [1])),
      );
    }
    const server = await serve({ model: 'm', kind: 'echo' });
    const spanning = [...input, { id: 'spanning', prompt: 'begin', response: 'ning' }];
    const result = await score(spanning, { servers: [{ name: 'm', url: server.url }], out: newFolder(), ...quick });
    expect(result.checkpoints[0]).toMatchObject({
      scored: 10,
      unscored: [{ id: 'spanning', reason: expect.stringContaining('spans') }],
    });
  });

  test('vLLM’s generate route, where it gives what completions give for the same tokens', async () => {
    const input = rows(21);
    const scored = async (options: Partial<FakeOptions>) => {
      const server = await serve({ model: 'm', ...options });
      const out = newFolder();
      expect(await score(input, { servers: [{ name: 'm', url: server.url }], out, ...quick })).toMatchObject({
        complete: true,
      });
      return read(join(out, 'm.jsonl'));
    };
    const share = [...rows(21).keys()].map((index) => index % 3);
    const generated = await scored({
      generate: true,
      fault: (request) => (['nan', 'missing', null] as const)[share[request] ?? 2]!,
    });
    expect(generated.manifest.server).toMatchObject({ kind: 'vllm-generate', software: 'vLLM 0.32.0 (generate)' });
    // The route gives float32.
    for (const [index, { logProb }] of generated.lines.entries())
      expect(logProb).toBeCloseTo(right('m', input[index]!), 4);
    const completed = await scored({ generate: 'shifted' });
    expect(completed.manifest.server).toMatchObject({ kind: 'vllm', software: 'vLLM 0.32.0' });
    expect(completed.lines.map(({ logProb }) => logProb)).toEqual(input.map((row) => right('m', row)));
  });

  test('parts of the rows lie in one folder and are read together', async () => {
    const server = await serve({ model: 'org/m' });
    const out = newFolder();
    const input = rows(10);
    for (const part of [1, 2, 3]) {
      const result = await score(input, {
        servers: [{ name: 'org/m', url: server.url }],
        out,
        shard: [part, 3],
        ...quick,
      });
      expect(result.complete).toBe(true);
    }
    const logProbs = await readLogProbs(out);
    expect(logProbs.models).toEqual(['org/m']);
    const values = new Map(logProbs.metadata.responseIds!.map((id, index) => [id, logProbs.row(0)[index]]));
    expect(values).toEqual(new Map(input.map((row) => [row.id, right('org/m', row)])));
  });

  test('several servers share the work of one checkpoint', async () => {
    const servers = [await serve({ model: 'm', latency: 5 }), await serve({ model: 'm', latency: 5 })];
    const out = newFolder();
    await score(rows(200), { servers: servers.map(({ url }) => ({ name: 'm', url })), out, ...quick, batch: 1 });
    expect(read(join(out, 'm.jsonl')).lines).toHaveLength(200);
    for (const { requests } of servers) expect(requests).toBeGreaterThan(40);
    expect(servers[0]!.requests + servers[1]!.requests).toBe(200);
  });
});

describe('what is refused, and why', () => {
  const attempt = async (options: FakeOptions, more: object = {}) => {
    const server = await serve(options);
    return score(rows(3), { servers: [{ name: 'm', url: server.url }], out: newFolder(), ...quick, ...more });
  };

  test.each([
    ['llamacpp', /llama\.cpp gives log-probabilities of generated tokens only/],
    ['chat', /for chat only/],
    ['plain', /gives no log-probabilities/],
    ['ignoresEcho', /echo is ignored/],
  ] as const)('%s', async (kind, reason) => {
    await expect(attempt({ model: 'm', kind })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_SERVER',
      message: expect.stringMatching(reason),
    });
  });

  test('another model, another tokenizer, too long a row, no server', async () => {
    await expect(attempt({ model: 'other' })).rejects.toMatchObject({
      code: 'ERR_WRONG_MODEL',
      message: expect.stringMatching(/serves other, not m.*#other/),
    });
    await expect(attempt({ model: 'm', maxLength: 6 })).rejects.toMatchObject({
      code: 'ERR_TOO_LONG',
      message: expect.stringMatching(/m is served with 6 tokens.* too few for \d+ rows? \(r\d/),
    });
    const [a, b] = [await serve({ model: 'a' }), await serve({ model: 'b', tokenizer: 'another' })];
    const servers = [a, b].map(({ url, options }) => ({ name: options.model, url }));
    await expect(score(rows(3), { servers, out: newFolder(), ...quick })).rejects.toMatchObject({
      code: 'ERR_OTHER_TOKENIZER',
      message: expect.stringMatching(/tokenizers of a and b differ/),
    });
    await a.stop();
    await expect(score(rows(3), { servers: [servers[0]!], out: newFolder(), ...quick })).rejects.toMatchObject({
      code: 'ERR_SERVER',
      message: expect.stringMatching(/does not answer.*ECONNREFUSED/),
    });
  });

  test('a served model of another name is named after the address', async () => {
    const server = await serve({ model: 'org/long-name' });
    const out = newFolder();
    const input = rows(2);
    await score(input, { servers: [{ name: 'm', url: server.url, model: 'org/long-name' }], out, ...quick });
    expect(read(join(out, 'm.jsonl')).lines[0]!.logProb).toBe(right('org/long-name', input[0]!));
    // The last part of a path is a name, too.
    await score(input, { servers: [{ name: 'long-name', url: server.url }], out, ...quick });
  });

  test('rows that cannot be meant', async () => {
    const server = await serve({ model: 'm' });
    const file = join(folder, 'rows.jsonl');
    const attempt = (text: string) => {
      writeFileSync(file, text);
      return score(file, { servers: [{ name: 'm', url: server.url }], out: newFolder(), ...quick });
    };
    const good = '{"id":1,"prompt":"a","response":" b"}\n';
    await expect(attempt(`${good}{"id":"1","prompt":"a","response":" c"}`)).rejects.toMatchObject({
      code: 'ERR_DUPLICATE_ID',
      place: { row: 2 },
    });
    await expect(attempt(`${good}{"prompt":"a","response":" c"}`)).rejects.toMatchObject({
      code: 'ERR_MALFORMED_FILE',
      message: expect.stringContaining('id: give each row an id of its own'),
      place: { file, row: 2 },
    });
    const standard = score('-', { servers: [{ name: 'm', url: server.url }], out: newFolder(), ...quick });
    await expect(standard).rejects.toThrow(/write it to a file/);
    await expect(attempt('{"id":1,"prompt":"a","promptTokens":[1],"response":" c"}')).rejects.toThrow(
      /exactly one of prompt/,
    );
    await expect(attempt('{"id":1,"prompt":"a","response":""}')).rejects.toThrow(/must not be empty/);
  });

  test('a key goes to the server and nowhere else', async () => {
    const key = 'sk-very-secret';
    const server = await serve({ model: 'm', key });
    const out = newFolder();
    const options = { servers: [{ name: 'm', url: server.url }], out, ...quick };
    try {
      process.env['COVERAGE_PRINCIPLE_API_KEY_M'] = 'sk-wrong-secret';
      const error = await score(rows(2), options).catch((each: Error) => each);
      expect(error).toMatchObject({
        code: 'ERR_SERVER',
        message: expect.stringMatching(/401.*provided: Bearer \*\*\*.*COVERAGE_PRINCIPLE_API_KEY/),
      });
      process.env['COVERAGE_PRINCIPLE_API_KEY_M'] = key;
      const result = await score(rows(2), options);
      expect(JSON.stringify(result)).not.toContain('secret');
      for (const name of readdirSync(out)) expect(readFileSync(join(out, name), 'utf8')).not.toContain('secret');
    } finally {
      delete process.env['COVERAGE_PRINCIPLE_API_KEY_M'];
    }
    for (const url of ['http://user:pass@host', 'http://host/?key=1', 'ftp://host', 'host:80']) {
      await expect(score(rows(1), { ...options, servers: [{ name: 'm', url }] })).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
      });
    }
  });
});

describe('a run that goes on', () => {
  test('what is there is not scored again; a changed input, other options and other weights are refused', async () => {
    const server = await serve({ model: 'm' });
    const out = newFolder();
    const input = rows(30);
    const options = { servers: [{ name: 'm', url: server.url }], out, preflight: 4 };
    await score(input, options);
    const file = join(out, 'm.jsonl');
    const whole = readFileSync(file, 'utf8');
    const lines = whole.trimEnd().split('\n');
    // Cut off in the middle of a line, in another order than the input's.
    writeFileSync(file, `${[lines[0], ...lines.slice(1, 12).reverse()].join('\n')}\n${lines[20]!.slice(0, 30)}`);
    const before = server.requests;
    const result = await score(input, { ...options, batch: 1 });
    expect(result.checkpoints[0]).toMatchObject({ scored: 30, added: 19 });
    expect(server.requests - before).toBe(19 + 8);
    expect(readFileSync(file, 'utf8')).toBe(whole);
    // Nothing left to do asks no server.
    const asked = server.requests;
    await server.stop();
    expect(await score(input, options)).toMatchObject({ complete: true, rate: null });
    expect(server.requests).toBe(asked);

    const refused = (changed: readonly ResponseRow[], more: object) =>
      expect(score(changed, { ...options, ...more })).rejects;
    await refused([...input.slice(1), { ...input[0]!, response: ' another' }], {}).toMatchObject({
      code: 'ERR_OTHER_RUN',
    });
    await refused(input, { tokenLogProbs: true }).toMatchObject({ code: 'ERR_OTHER_RUN' });
    writeFileSync(file, `${lines.slice(0, 12).join('\n')}\n`);
    const other = await serve({ model: 'm', weights: 'others' });
    await refused(input, { servers: [{ name: 'm', url: other.url }] }).toMatchObject({ code: 'ERR_OTHER_WEIGHTS' });
    const plain = await serve({ model: 'm', kind: 'sglang' });
    await refused(input, { servers: [{ name: 'm', url: plain.url }] }).toMatchObject({ code: 'ERR_OTHER_RUN' });
    writeFileSync(file, 'something else\n');
    await refused(input, {}).toMatchObject({ code: 'ERR_OTHER_RUN' });
  });

  test('two runs do not write one file', async () => {
    const server = await serve({ model: 'm', latency: 20 });
    const out = newFolder();
    const options = { servers: [{ name: 'm', url: server.url }], out, ...quick };
    const first = score(rows(50), options);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(score(rows(50), options)).rejects.toMatchObject({ code: 'ERR_OUTPUT_IN_USE' });
    expect((await first).complete).toBe(true);
    expect(existsSync(join(out, 'm.jsonl.lock'))).toBe(false);
    // A process that is gone holds nothing.
    writeFileSync(
      join(out, 'm.jsonl.lock'),
      JSON.stringify({ process: 2 ** 22 + 1, host: (await import('node:os')).hostname() }),
    );
    expect((await score(rows(50), options)).complete).toBe(true);
  });

  test('an abort ends it at once, and what was scored stays', async () => {
    const server = await serve({ model: 'm', latency: 30 });
    const out = newFolder();
    const abort = new AbortController();
    const options = { servers: [{ name: 'm', url: server.url }], out, ...quick, batch: 1 };
    const reason = new Error('enough');
    const run = score(rows(2000), { ...options, signal: abort.signal });
    const watch = setInterval(() => {
      if (server.requests > 40) abort.abort(reason);
    }, 5);
    await expect(run).rejects.toBe(reason);
    clearInterval(watch);
    const { lines } = read(join(out, 'm.jsonl'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(2000);
  });
});

describe('preflight', () => {
  test('values that depend on concurrency, and checkpoints with the same weights, are in the heads and every report', async () => {
    const servers = [
      await serve({ model: 'steady' }),
      await serve({ model: 'noisy', noise: 0.9, latency: 5 }),
      await serve({ model: 'stale', weights: 'steady' }),
    ];
    const out = newFolder();
    const named = servers.map(({ url, options }) => ({ name: options.model, url }));
    const { warnings } = await score(rows(40), { servers: named, out, preflight: 16, N: [2] });
    const codes = warnings.map(({ code, message }) => `${code} ${message.split(' ')[0]}`);
    expect(codes).toContain('WARN_SAME_SCORES steady');
    expect(warnings.some(({ code, message }) => code === 'WARN_SCORES_VARY' && message.includes('noisy'))).toBe(true);
    const preflight = (name: string) => read(join(out, `${name}.jsonl`)).manifest.preflight!;
    expect(preflight('steady')).toMatchObject({ differing: 0, identicalTo: ['stale'] });
    expect(preflight('noisy').differing).toBeGreaterThan(8);
    // Flips by hand: the same comparisons, in plain code.
    const names = ['steady', 'noisy', 'stale'];
    for (const name of names) {
      const [own, others] = [preflight(name), names.filter((each) => each !== name).map(preflight)];
      const covers = (from: number | null | undefined, to: number | null | undefined) => from! - to! >= Math.log(2);
      let flipped = 0;
      for (const other of others) {
        for (let row = 0; row < 16; row += 1) {
          flipped += Number(covers(own.first[row], other.first[row]) !== covers(own.second[row], other.second[row]));
          flipped += Number(covers(other.first[row], own.first[row]) !== covers(other.second[row], own.second[row]));
        }
      }
      expect(own.flips).toEqual([{ N: 2, comparisons: 64, flipped }]);
    }
    const { metadata } = await readLogProbs(out);
    expect(metadata.warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['WARN_SAME_SCORES', 'WARN_SCORES_VARY']),
    );
    // Preflight has several requests at a time whatever the run has.
    const alone = newFolder();
    await score(rows(40), { servers: [named[1]!], out: alone, preflight: 16, concurrency: 1 });
    expect(read(join(alone, 'noisy.jsonl')).manifest.preflight!.differing).toBeGreaterThan(8);
    // One that is scored later is compared with what lies there.
    const late = await serve({ model: 'late', weights: 'steady' });
    await score(rows(40), { servers: [{ name: 'late', url: late.url }], out, preflight: 16, N: [2] });
    expect(preflight('late').identicalTo.sort()).toEqual(['stale', 'steady']);
  });
});
