import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type ResponseRow, type ScoreOptions, score } from '../src/index.js';
import { Concurrency } from '../src/score/concurrency.js';
import { type FakeServer, type FaultKind, idsOf, rightLogProb, scoringTests } from './score-server.js';

const { folder, newFolder, serve } = scoringTests('faults');

/** Rows of token ids, so that nothing is asked but scores. */
function rows(count: number): ResponseRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index,
    promptTokens: [1, 2, 100 + (index % 7)],
    responseTokens: [1000 + index, 5, 6].slice(0, 1 + (index % 3)),
  }));
}

/** Rows of texts, for servers that take no ids. */
function texts(count: number): ResponseRow[] {
  return Array.from({ length: count }, (_, index) => ({ id: index, prompt: 'one two', response: ` three ${index}` }));
}

const right = ({ prompt = '', response = '', promptTokens, responseTokens }: ResponseRow) =>
  rightLogProb('m', promptTokens ?? idsOf(prompt), responseTokens ?? idsOf(response));

function read(out: string): { id: number; logProb: number | string }[] {
  const lines = readFileSync(join(out, 'm.jsonl'), 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => JSON.parse(line));
}

function run(server: FakeServer, input: readonly ResponseRow[], out: string, more: Partial<ScoreOptions> = {}) {
  return score(input, { servers: [{ name: 'm', url: server.url }], out, preflight: 0, timeout: 20, ...more });
}

/** A deterministic stream of shares. */
function shares(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

describe('faults of a server', () => {
  const passing: FaultKind[] = [
    'rate',
    'error',
    'memory',
    'drop',
    'half',
    'truncated',
    'missing',
    'nan',
    'null',
    'positive',
    'otherIds',
    'reordered',
  ];

  test.each(passing)('%s, now and then: right values, each row once', async (kind) => {
    const share = shares(7);
    const server = await serve({ model: 'm', fault: () => (share() < 0.2 ? kind : null) });
    const out = newFolder();
    const input = rows(60);
    const result = await run(server, input, out, { retries: 20 });
    expect(result.checkpoints[0]).toMatchObject({ scored: 60, unscored: [], stopped: null });
    expect(read(out)).toMatchObject(input.map((row) => ({ id: row.id, logProb: right(row) })));
    if (kind !== 'reordered') expect(result.checkpoints[0]!.faults).toBeGreaterThan(0);
    // What was answered was kept: nothing is paid for twice.
    for (const [ids, times] of server.answered) expect(times, ids).toBe(1);
  });

  // A server without these routes, or an answer that says less: SGLang has one answer a prompt in their order, the generate
  // route one prompt a request, an echo no ids.
  const others = [
    ['SGLang', { kind: 'sglang' }, rows, passing.filter((kind) => kind !== 'missing' && kind !== 'reordered')],
    [
      'the generate route',
      { generate: true },
      rows,
      passing.filter((kind) => kind !== 'otherIds' && kind !== 'reordered'),
    ],
    ['a server that echoes', { kind: 'echo' }, texts, passing.filter((kind) => kind !== 'otherIds')],
  ] as const;
  test.each(others)('%s: all of these faults, now and then', async (_, how, make, kinds) => {
    const share = shares(13);
    const fault = () => (share() < 0.25 ? kinds[Math.floor(share() * kinds.length)]! : null);
    const server = await serve({ model: 'm', ...how, fault });
    const out = newFolder();
    const input = make(200);
    const result = await run(server, input, out, { retries: 20 });
    expect(result.checkpoints[0]).toMatchObject({ scored: 200, unscored: [], stopped: null });
    expect(result.checkpoints[0]!.faults).toBeGreaterThan(10);
    for (const [index, { id, logProb }] of read(out).entries()) {
      expect(id).toBe(index);
      // The generate route answers in float32.
      expect(Math.abs(Number(logProb) - right(input[index]!))).toBeLessThan(1e-5);
    }
    for (const [ids, times] of server.answered) expect(times, ids).toBe(1);
  });

  test.each([
    ['nan', /token 3 of 3 of the response is NaN/],
    ['null', /no log-probability of token 3 of 3.*null/],
    ['positive', /0\.5, which is above 0/],
    ['otherIds', /other token ids/],
    ['truncated', /not JSON, or only half/],
    ['error', /status 500: Internal error/],
    ['huge', /longer than 256 MiB/],
  ] as const)('%s, always for one row: that row is named and the others are scored', async (kind, reason) => {
    const server = await serve({ model: 'm', fault: (_, ids) => (ids.includes(1002) ? kind : null) });
    const out = newFolder();
    const result = await run(server, rows(6), out, { retries: 2, batch: 1 });
    expect(result.complete).toBe(false);
    expect(result.checkpoints[0]).toMatchObject({
      scored: 5,
      unscored: [{ id: '2', reason: expect.stringMatching(reason) }],
      stopped: null,
    });
    // Once the server is well again, the row is all that is asked for.
    const well = await serve({ model: 'm' });
    expect(await run(well, rows(6), out)).toMatchObject({ complete: true, checkpoints: [{ added: 1 }] });
    expect(well.requests).toBe(1);
    expect(read(out).map(({ logProb }) => logProb)).toEqual(rows(6).map(right));
  });

  test('one bad row in a batch costs the others nothing', async () => {
    const server = await serve({ model: 'm', fault: (_, ids) => (ids.includes(1000) ? 'nan' : null) });
    const result = await run(server, rows(8), newFolder(), { retries: 1, batch: 8 });
    expect(result.checkpoints[0]).toMatchObject({ scored: 7, unscored: [{ id: '0' }] });
  });

  test('−9999 is the −∞ that a server clamped, and is told', async () => {
    const server = await serve({ model: 'm', fault: (_, ids) => (ids.includes(1001) ? 'clamped' : null) });
    const out = newFolder();
    const result = await run(server, rows(3), out, { batch: 1 });
    expect(read(out)[1]).toMatchObject({ logProb: '-Infinity' });
    expect(result).toMatchObject({
      complete: true,
      warnings: [{ code: 'WARN_CLAMPED', message: expect.stringContaining('−9999') }],
    });
  });

  test('a slow first byte is waited for, up to the limit', async () => {
    const server = await serve({ model: 'm', slowMs: 1500, fault: (number) => (number === 0 ? 'slow' : null) });
    const result = await run(server, rows(5), newFolder(), { timeout: 1, batch: 1 });
    expect(result).toMatchObject({ complete: true, checkpoints: [{ faults: 1 }] });
    const patient = await run(await serve({ model: 'm', slowMs: 1500, fault: () => 'slow' }), rows(2), newFolder());
    expect(patient).toMatchObject({ complete: true, checkpoints: [{ faults: 0 }] });
  });

  test('another model, a key that no longer holds: the server is given up, what was scored stays', async () => {
    for (const fault of ['unauthorised'] as const) {
      const server = await serve({ model: 'm', fault: (number) => (number > 4 ? fault : null) });
      const out = newFolder();
      const result = await run(server, rows(40), out, { batch: 1, concurrency: 1 });
      expect(result).toMatchObject({
        complete: false,
        checkpoints: [{ scored: 5, stopped: expect.stringMatching(/401/) }],
      });
      expect(read(out)).toHaveLength(5);
    }
    const other = await serve({ model: 'm', answersAs: 'another' });
    const result = await run(other, rows(3), newFolder());
    expect(result.checkpoints[0]).toMatchObject({
      scored: 0,
      stopped: expect.stringMatching(/of the model another, not of m/),
    });
  });

  test('a server that dies leaves its work to the other', async () => {
    const [dying, well] = [
      await serve({ model: 'm', fault: (number) => (number > 10 ? 'drop' : null) }),
      await serve({ model: 'm', latency: 2 }),
    ];
    const out = newFolder();
    const servers = [dying, well].map(({ url }) => ({ name: 'm', url }));
    const result = await score(rows(300), { servers, out, preflight: 0, batch: 1, retries: 3 });
    expect(result).toMatchObject({ complete: true, checkpoints: [{ stopped: null, unscored: [] }] });
    expect(read(out).map(({ logProb }) => logProb)).toEqual(rows(300).map(right));
  });

  test('ten thousand responses with 5% faults end complete', async () => {
    const share = shares(11);
    const kinds: FaultKind[] = [...passing, 'slow'];
    const server = await serve({
      model: 'm',
      slowMs: 50,
      fault: () => (share() < 0.05 ? kinds[Math.floor(share() * kinds.length)]! : null),
    });
    const out = newFolder();
    const input = rows(10_000);
    const result = await run(server, input, out, { batch: 4 });
    expect(result.checkpoints[0]).toMatchObject({ scored: 10_000, unscored: [], stopped: null });
    expect(result.checkpoints[0]!.faults).toBeGreaterThan(50);
    expect(read(out).map(({ logProb }) => logProb)).toEqual(input.map(right));
    for (const times of server.answered.values()) expect(times).toBe(1);
  }, 600_000);
});

describe('cut off', () => {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

  test('by kill −9 again and again, it ends with the bytes of a run that was left alone', async () => {
    const server = await serve({ model: 'm', latency: 4 });
    const file = join(folder, 'kill.jsonl');
    const input = rows(400);
    writeFileSync(file, input.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const command = (out: string) => [
      main,
      'score',
      file,
      '--server',
      `m=${server.url}`,
      '--out',
      out,
      '--batch',
      '2',
      '--quiet',
      '--token-log-probs',
    ];
    const finish = (out: string, killAfter: number | null) =>
      new Promise<number | null>((resolve) => {
        const before = server.requests;
        const child = spawn(process.execPath, command(out), { stdio: ['ignore', 'ignore', 'inherit'] });
        const watch = setInterval(() => {
          if (killAfter !== null && server.requests - before >= killAfter) child.kill('SIGKILL');
        }, 1);
        child.once('exit', (code) => {
          clearInterval(watch);
          resolve(code);
        });
      });
    const [alone, cut] = [newFolder(), newFolder()];
    expect(await finish(alone, null)).toBe(0);
    server.answered.clear();
    for (const killAfter of [80, 100, 90]) expect(await finish(cut, killAfter)).toBe(null);
    expect(await finish(cut, null)).toBe(0);
    expect(readFileSync(join(cut, 'm.jsonl'), 'utf8')).toBe(readFileSync(join(alone, 'm.jsonl'), 'utf8'));
    // Besides the preflights, only what was under way is paid for twice.
    const again = [...server.answered.values()].reduce((sum, times) => sum + times - 1, 0);
    expect(again).toBeLessThan(4 * 64 + 3 * 2 * 64);
  }, 300_000);
});

describe('concurrency', () => {
  test('grows while that answers more, and no further', () => {
    // A server that works on 24 at a time: beyond, answers take longer.
    const limit = new Concurrency(256);
    for (let answer = 0; answer < 5000; answer += 1) limit.succeeded(100 * Math.max(1, limit.limit / 24));
    expect(limit.limit).toBeGreaterThan(17);
    expect(limit.limit).toBeLessThan(64);
  });

  test('a short run finds its limit, too', () => {
    const limit = new Concurrency(64);
    for (let answer = 0; answer < 70; answer += 1) limit.succeeded(10);
    expect(limit.limit).toBe(64);
  });

  test('is halved once for what failed together', () => {
    let now = 0;
    const limit = new Concurrency(64, () => now);
    for (let answer = 0; answer < 5000; answer += 1) limit.succeeded(10);
    expect(limit.limit).toBe(64);
    now = 100;
    for (let each = 0; each < 64; each += 1) limit.failed(50);
    expect(limit.limit).toBe(32);
    limit.failed(101);
    expect(limit.limit).toBe(16);
  });
});
