import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PromptRow, passAtK, readSampleCounts, type SampleOptions, sample } from '../src/index.js';
import { lastNumber } from '../src/sample/verifier.js';
import { type FakeOptions, type FakeServer, type FaultKind, scoringTests } from './score-server.js';
import { runCli } from './shared.js';

const { folder, newFolder, serve } = scoringTests('sample');

/** Sums; the model is right as often as its seed says. */
const PROMPTS: readonly PromptRow[] = Array.from({ length: 12 }, (_, index) => ({
  id: `q${index}`,
  prompt: `What is ${index} + ${index}?`,
  answer: 2 * index,
}));

const sum = (prompt: string) => 2 * Number(/\d+/.exec(prompt)?.[0]);

/** Right for two seeds of three. */
const says: FakeOptions['says'] = (prompt, { seed }) => ({
  text: `It is ${sum(prompt) + (Number(seed) % 3 === 0 ? 1 : 0)}.`,
});

const start = (more: Partial<FakeOptions> = {}) => serve({ model: 'm', says, ...more });

function run(server: FakeServer, out: string, more: Partial<SampleOptions> = {}, prompts = PROMPTS) {
  const servers = [{ name: 'm', url: server.url }];
  return sample(prompts, { servers, out, n: 5, verifier: { kind: 'number' }, timeout: 20, ...more });
}

interface Line {
  problemId: string;
  sampleIndex: number;
  correct: boolean;
  response: string;
  finish: string;
}

function read(out: string): Line[] {
  const lines = readFileSync(join(out, 'm.jsonl'), 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => JSON.parse(line));
}

describe('samples of served models', () => {
  test('each with a seed of its own, verified, in the order of the prompts, read by pass-at-k as they are', async () => {
    const server = await start();
    const out = newFolder();
    const result = await run(server, out, { temperature: 0.7, topP: 0.9, maxTokens: 32, stop: ['\n'], seed: 3 });
    expect(result).toMatchObject({
      schemaVersion: 1,
      complete: true,
      n: 5,
      warnings: [],
      models: [{ drawn: 60, total: 60 }],
    });
    const seeds = server.bodies.map(({ seed }) => seed);
    expect(new Set(seeds).size).toBe(60);
    expect(server.bodies[0]).toMatchObject({ model: 'm', max_tokens: 32, temperature: 0.7, top_p: 0.9, stop: ['\n'] });
    const lines = read(out);
    expect(lines.map(({ problemId, sampleIndex }) => [problemId, sampleIndex])).toEqual(
      PROMPTS.flatMap(({ id }) => [0, 1, 2, 3, 4].map((index) => [id, index])),
    );
    const byPrompt = new Map(PROMPTS.map((row) => [row.id, row]));
    for (const { problemId, correct, response } of lines) {
      expect(correct).toBe(response === `It is ${byPrompt.get(problemId)!.answer}.`);
    }
    const right = lines.filter(({ correct }) => correct).length;
    expect(result.models[0]).toMatchObject({ right, cut: 0 });
    expect(right).toBeGreaterThan(20);
    expect(right).toBeLessThan(60);
    const counts = await readSampleCounts(out);
    expect(counts).toMatchObject({ models: ['m'], warnings: [] });
    expect([...counts.problems].sort()).toEqual(PROMPTS.map(({ id }) => id).sort());
    const { models, problems, samples, correct } = counts;
    const { perK } = await passAtK({ models, problems, samples, correct }, { k: [1, 5], replicates: 0 });
    expect(perK[0]!.values[0]!.value).toBeCloseTo(right / 60, 12);
    // The same seed draws the same, another one does not.
    const again = newFolder();
    await run(server, again, { temperature: 0.7, topP: 0.9, maxTokens: 32, stop: ['\n'], seed: 3 });
    expect(readFileSync(join(again, 'm.jsonl'), 'utf8')).toBe(readFileSync(join(out, 'm.jsonl'), 'utf8'));
    await run(server, newFolder(), { seed: 4 });
    expect(server.bodies.slice(120).some(({ seed }) => seeds.includes(seed))).toBe(false);
  });

  test('prompts as texts, as token ids and as messages; servers for chat only respond to messages', async () => {
    const messages = [{ role: 'user', content: 'What is 2 + 2?' }];
    const rows: PromptRow[] = [
      { id: 1, prompt: 'What is 2 + 2?', answer: '4' },
      { id: 2, promptTokens: [2, 7], answer: ['5', '4', 'four'] },
      { id: 3, messages, answer: 4 },
    ];
    const all = await start({ says: () => ({ text: ' 4 ' }) });
    const out = newFolder();
    const exact = { verifier: { kind: 'exact' as const }, n: 1 };
    expect(await run(all, out, exact, rows)).toMatchObject({ complete: true, models: [{ right: 3 }] });
    expect(all.bodies.map(({ prompt, messages }) => prompt ?? messages)).toEqual(
      expect.arrayContaining(['What is 2 + 2?', [2, 7], messages]),
    );
    const chat = await start({ kind: 'chat', says: () => ({ text: '4' }) });
    expect(await run(chat, newFolder(), exact, rows.slice(2))).toMatchObject({
      complete: true,
      models: [{ right: 1 }],
    });
    await expect(run(chat, newFolder(), exact, rows)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_SERVER',
      message: expect.stringMatching(/does not respond to texts.*as messages/),
    });
    expect(chat.bodies).toHaveLength(1);
  });

  test('parts of the prompts lie in one folder; several servers share the work', async () => {
    const servers = [await start({ latency: 5 }), await start({ latency: 5 })];
    const out = newFolder();
    for (const part of [1, 2, 3]) {
      const shared = servers.map(({ url }) => ({ name: 'm', url }));
      expect(await run(servers[0]!, out, { servers: shared, shard: [part, 3], n: 8 })).toMatchObject({
        complete: true,
      });
    }
    expect((await readSampleCounts(out)).samples).toEqual([Array.from({ length: 12 }, () => 8)]);
    for (const { requests } of servers) expect(requests).toBeGreaterThan(10);
    expect(servers[0]!.requests + servers[1]!.requests).toBe(96);
  });

  test('what should be known: cut, never right, all the same', async () => {
    const server = await start({ says: () => ({ text: 'It is -1', finish: 'length' }) });
    const { warnings, models } = await run(server, newFolder());
    expect(models[0]).toMatchObject({ cut: 60, right: 0 });
    expect(warnings.map(({ code }) => code)).toEqual(['WARN_CUT', 'WARN_NONE_RIGHT', 'WARN_SAME_SAMPLES']);
    // A model that thinks is cut before it says anything.
    const thinking = await start({ says: () => ({ text: null, finish: 'length' }) });
    expect((await run(thinking, newFolder())).models[0]).toMatchObject({ cut: 60, drawn: 60 });
  });
});

describe('faults', () => {
  const kinds: FaultKind[] = ['error', 'rate', 'drop', 'truncated', 'missing', 'null'];

  test.each(kinds)('%s, now and then: every sample once, the same bytes', async (kind) => {
    const good = newFolder();
    await run(await start(), good);
    const server = await start({ fault: (number) => (number % 5 === 2 ? kind : null) });
    const out = newFolder();
    const result = await run(server, out, { retries: 8 });
    expect(result).toMatchObject({ complete: true, models: [{ stopped: null, missing: [] }] });
    expect(result.models[0]!.faults).toBeGreaterThan(3);
    const lines = (path: string) => readFileSync(join(path, 'm.jsonl'), 'utf8').split('\n').slice(1);
    expect(lines(out)).toEqual(lines(good));
  });

  test('a server that is given up, and a sample that is never there', async () => {
    const dying = await start({ fault: (number) => (number >= 20 ? 'unauthorised' : null) });
    const out = newFolder();
    const stopped = await run(dying, out, { concurrency: 1 });
    expect(stopped).toMatchObject({
      complete: false,
      models: [{ drawn: 20, stopped: expect.stringContaining('401') }],
    });
    const well = await start();
    expect(await run(well, out)).toMatchObject({ complete: true, models: [{ drawn: 60, added: 40 }] });
    expect(well.requests).toBe(40);
    const other = await start({ fault: (number) => (number === 0 ? 'otherIds' : null) });
    expect((await run(other, newFolder(), { concurrency: 1 })).models[0]!.stopped).toMatch(/of the model another/);
  });

  test('what cannot be meant, and another run, are refused before anything is spent', async () => {
    const server = await start();
    const out = newFolder();
    await run(server, out);
    const asked = server.requests;
    const refused = (more: Partial<SampleOptions>, prompts = PROMPTS) =>
      expect(run(server, out, more, prompts)).rejects;
    await refused({ n: 6 }).toMatchObject({ code: 'ERR_OTHER_RUN', message: expect.stringMatching(/drawn otherwise/) });
    await refused({ seed: 1 }).toMatchObject({ code: 'ERR_OTHER_RUN' });
    await refused({ verifier: { kind: 'exact' } }).toThrow(/its verifier is another/);
    await refused({}, PROMPTS.slice(1)).toThrow(/Sample 0 of q0 is not in the input/);
    await refused({}, [{ ...PROMPTS[0]!, answer: 7 }, ...PROMPTS.slice(1)]).toThrow(/prompts has changed/);
    await refused({ temperature: 0 }).toThrow(/at temperature 0 all responses/);
    await refused({}, [{ id: 1, prompt: 'a' }]).toThrow(/Prompt 1 has no answer/);
    await refused({}, [{ id: 1, prompt: 'a', answer: 'four' }]).toThrow(/no number/);
    await refused({ verifier: { kind: 'pattern', pattern: '(' } }).toThrow(/no regular expression/);
    await refused({ verifier: { kind: 'pattern', pattern: '(a)(b)' } }).toThrow(/several groups/);
    await refused({ verifier: { kind: 'pattern', pattern: 'ab' } }).toThrow(/no group to compare/);
    const absent = { kind: 'command' as const, command: 'no-such-command-here' };
    await refused({ verifier: absent }).toMatchObject({ code: 'ERR_VERIFIER', message: expect.stringMatching(/127/) });
    expect(await run(server, out)).toMatchObject({ complete: true, rate: null });
    expect(server.requests).toBe(asked);
    // Locks: of a process that is gone, and of one that ended before it said who it was.
    for (const text of [JSON.stringify({ process: 2 ** 22 + 1, host: hostname() }), '']) {
      const file = join(out, 'm.jsonl.lock');
      writeFileSync(file, text);
      if (text === '') {
        await refused({}).toMatchObject({ code: 'ERR_OUTPUT_IN_USE' });
        const { utimesSync } = await import('node:fs');
        utimesSync(file, new Date(Date.now() - 20_000), new Date(Date.now() - 20_000));
      }
      expect(await run(server, out)).toMatchObject({ complete: true });
      expect(readdirSync(out)).toEqual(['m.jsonl']);
    }
  });
});

describe('verifiers', () => {
  test('the last number, as people write numbers', () => {
    const numbers: [string, number | null][] = [
      ['it is 42.', 42],
      ['1,234,567.5 of them', 1_234_567.5],
      ['x = -3', -3],
      ['x = −3', -3],
      ['5-3', 3],
      ['.5', 0.5],
      ['6e-3', 0.006],
      ['$1,000', 1000],
      ['1,2', 2],
      ['v1.2.3', 3],
      ['none', null],
    ];
    for (const [text, number] of numbers) expect(lastNumber(text), text).toBe(number);
  });

  test('a regular expression: its last group against the answer, or any match; one that never ends is stopped', async () => {
    const server = await start({
      says: (prompt, { seed }) => ({ text: `#### 7\n#### ${Number(seed) % 2 ? sum(prompt) : 'no'}` }),
    });
    const grouped = newFolder();
    await run(server, grouped, { verifier: { kind: 'pattern', pattern: '####\\s*(\\S+)' } });
    for (const { correct, response } of read(grouped)) expect(correct).toBe(!response.endsWith('no'));
    const bare = PROMPTS.map(({ answer: _, ...row }) => row);
    const any = newFolder();
    await run(server, any, { verifier: { kind: 'pattern', pattern: 'no$' } }, bare);
    for (const { correct, response } of read(any)) expect(correct).toBe(response.endsWith('no'));
    const endless = await start({ says: () => ({ text: `${'a'.repeat(40)}!` }) });
    const { complete, models } = await run(
      endless,
      newFolder(),
      { verifier: { kind: 'pattern', pattern: '^(?:a+)+$' }, n: 1 },
      bare.slice(0, 2),
    );
    expect(complete).toBe(false);
    expect(models[0]!.missing).toMatchObject([
      { id: 'q0', sample: 0, reason: expect.stringMatching(/took more than 1 s/) },
      {},
    ]);
  });

  test('a command: response on standard input, row in the environment, keys kept from it, answer by exit code', async () => {
    const server = await start();
    const out = newFolder();
    const script = join(folder, 'check.mjs');
    writeFileSync(
      script,
      `import { readFileSync } from 'node:fs';
      if (process.env.COVERAGE_PRINCIPLE_API_KEY) process.exit(1);
      const said = readFileSync(0, 'utf8');
      const { answer } = JSON.parse(process.env.COVERAGE_PRINCIPLE_ROW);
      if (said !== 'It is ' + answer + '.') { console.error('first\\nwrong: ' + said); process.exit(3); }`,
    );
    const verifier = { kind: 'command' as const, command: `"${process.execPath}" "${script}"`, seconds: 60 };
    process.env['COVERAGE_PRINCIPLE_API_KEY'] = 'secret';
    try {
      await run(server, out, { verifier, n: 2, jobs: 3 }, PROMPTS.slice(0, 4));
    } finally {
      delete process.env['COVERAGE_PRINCIPLE_API_KEY'];
    }
    const byId = new Map(PROMPTS.map((row) => [row.id, row]));
    const lines = read(out);
    expect(lines).toHaveLength(8);
    for (const { problemId, correct, response } of lines)
      expect(correct).toBe(response === `It is ${byId.get(problemId)!.answer}.`);
    const wrong = await run(server, newFolder(), {
      verifier: { kind: 'command', command: 'echo no luck >&2; exit 1' },
      n: 1,
    });
    expect(wrong.warnings).toMatchObject([{ code: 'WARN_NONE_RIGHT', message: expect.stringContaining('no luck') }]);
    // One that reads nothing, one that is killed for its time, with what it started.
    expect(await run(server, newFolder(), { verifier: { kind: 'command', command: 'true' }, n: 1 })).toMatchObject({
      models: [{ right: 12 }],
    });
    const began = performance.now();
    const slow = { kind: 'command' as const, command: 'sleep 60 & wait', seconds: 0.3 };
    const late = await run(server, newFolder(), { verifier: slow, n: 1, jobs: 4 }, PROMPTS.slice(0, 4));
    expect(late.models[0]).toMatchObject({ drawn: 4, right: 0 });
    expect(performance.now() - began).toBeLessThan(30_000);
    const abort = new AbortController();
    const endless = {
      kind: 'command' as const,
      // It answers for the empty response that it is tried on.
      command: 'read -r line; test -z "$line" || sleep 60',
      seconds: 600,
    };
    const waiting = run(server, newFolder(), { verifier: endless, n: 1, signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 300);
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('at the command line', () => {
  test('killed by −9 it goes on to the bytes of a run that was left alone, and pass-at-k takes the folder', async () => {
    const server = await start({ latency: 10 });
    const file = join(folder, 'problems.jsonl');
    writeFileSync(file, PROMPTS.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const words = (out: string) => [
      ...['sample', file, '--server', `m=${server.url}`, '-n', '10', '--number', '--out', out],
      ...['--concurrency', '4', '--quiet'],
    ];
    const [out, alone] = [newFolder(), newFolder()];
    let watch: NodeJS.Timeout | undefined;
    const killed = await runCli(words(out), (kill) => {
      watch = setInterval(() => server.requests >= 40 && kill(), 1);
    });
    clearInterval(watch);
    expect(killed.status).toBe(null);
    const before = server.requests;
    const { status, stdout } = await runCli([...words(out), '--json']);
    expect({ status, complete: JSON.parse(stdout).complete }).toEqual({ status: 0, complete: true });
    expect(server.requests - before).toBeLessThan(120);
    const { stdout: text } = await runCli(words(alone));
    expect(text).toMatch(/All samples are drawn and verified/);
    expect(readFileSync(join(out, 'm.jsonl'), 'utf8')).toBe(readFileSync(join(alone, 'm.jsonl'), 'utf8'));
    const pass = JSON.parse((await runCli(['pass-at-k', out, '-k', '1,10', '--replicates', '0', '--json'])).stdout);
    const right = read(out).filter(({ correct }) => correct).length;
    expect(pass.perK[0].values[0].value).toBeCloseTo(right / 120, 12);
    for (const wrong of [[], ['--exact', '--number'], ['--command-seconds', '3', '--number']]) {
      const bad = await runCli(['sample', file, '--server', `m=${server.url}`, '-n', '2', '--out', out, ...wrong]);
      expect(bad).toMatchObject({ status: 2, stderr: expect.stringMatching(/--exact, --number|goes with --command/) });
    }
  }, 300_000);
});
