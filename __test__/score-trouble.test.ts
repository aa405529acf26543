import { readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ResponseRow, readLogProbs, type ScoreOptions, score } from '../src/index.js';
import { Fault, keyFor } from '../src/score/client.js';
import { patiently } from '../src/score/patience.js';
import { fileName } from '../src/score/score-file.js';
import { scoringTests } from './score-server.js';

const { newFolder, serve } = scoringTests('trouble');

function rows(count: number): ResponseRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index}`,
    promptTokens: [1, 2, 100 + (index % 7)],
    responseTokens: [1000 + index, 5],
  }));
}

const head = (out: string, name: string) =>
  JSON.parse(readFileSync(join(out, `${name}.jsonl`), 'utf8').split('\n', 1)[0]!);

/** Handles that keep this process from ending. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('a run that fails leaves nothing waiting', () => {
  /** How many requests a server has had, once those that were already on their way have come. */
  async function arrived(server: { requests: number }): Promise<number> {
    for (let before = -1; before !== server.requests; ) {
      before = server.requests;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return server.requests;
  }

  test('a server that is lost in the second pass of the preflight', async () => {
    const lost = await serve({
      model: 'm',
      fault: (request) => (request >= 40 && request < 60 ? 'unauthorised' : null),
    });
    const before = timers();
    const options = { servers: [{ name: 'm', url: lost.url }], out: newFolder(), retries: 8 };
    await expect(score(rows(100), options)).rejects.toMatchObject({ code: 'ERR_SERVER' });
    const requests = await arrived(lost);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(lost.requests).toBe(requests);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('one of two checkpoints', async () => {
    const [well, lost] = [
      await serve({ model: 'well', latency: 20 }),
      await serve({ model: 'lost', fault: () => 'unauthorised' }),
    ];
    const servers = [well, lost].map(({ url, options }) => ({ name: options.model, url }));
    await expect(score(rows(100), { servers, out: newFolder() })).rejects.toMatchObject({ place: { model: 'lost' } });
    const requests = await arrived(well);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(well.requests).toBe(requests);
  });
});

describe('what was written is what stands there', () => {
  const displace = (path: string): [string, RegExp, () => void][] => [
    ['removed', /moved or removed/, () => rmSync(path)],
    ['moved', /moved or removed/, () => renameSync(path, `${path}.old`)],
    ['cut', /changed by another/, () => truncateSync(path, 0)],
    ['removed with its folder', /moved or removed/, () => rmSync(join(path, '..'), { recursive: true })],
  ];
  for (const [index, [what]] of displace('').entries()) {
    test.skipIf(process.platform === 'win32')(`a file that is ${what} is noticed`, async () => {
      const out = newFolder();
      const [, says, act] = displace(join(out, 'm.jsonl'))[index]!;
      const fault = (request: number) => {
        if (request === 60) act();
        return null;
      };
      const { url } = await serve({ model: 'm', latency: 2, fault });
      const run = score(rows(100), { servers: [{ name: 'm', url }], out, preflight: 0, batch: 1, concurrency: 2 });
      await expect(run).rejects.toMatchObject({ code: 'ERR_WRITE_FAILED', message: expect.stringMatching(says) });
      // No zeros stand where it was cut.
      if (what === 'cut') expect(readFileSync(join(out, 'm.jsonl')).includes(0)).toBe(false);
    });
  }

  test.skipIf(process.platform === 'win32')('a folder that is gone before the first file is made', async () => {
    const out = newFolder();
    const fault = (request: number) => {
      if (request === 10) rmSync(out, { recursive: true });
      return null;
    };
    const { url } = await serve({ model: 'm', fault });
    await expect(score(rows(100), { servers: [{ name: 'm', url }], out })).rejects.toMatchObject({
      code: 'ERR_IO',
      message: expect.stringContaining('cannot be read'),
    });
  });
});

describe('preflight', () => {
  const preflighted = async (fault: (request: number) => 'missing' | null, options: Partial<ScoreOptions> = {}) => {
    const { url } = await serve({ model: 'm', fault });
    const out = newFolder();
    const given = { servers: [{ name: 'm', url }], out, preflight: 8, retries: 0, ...options };
    return { result: await score(rows(20), given), out };
  };

  test('says only what it compared', async () => {
    const { result, out } = await preflighted((request) => (request < 16 ? 'missing' : null));
    expect(head(out, 'm').preflight).toMatchObject({ compared: 0, differing: 0 });
    expect(result.warnings).toEqual([]);
    const half = await preflighted((request) => (request >= 8 && request < 12 ? 'missing' : null));
    expect(head(half.out, 'm').preflight).toMatchObject({ compared: 4, differing: 0, largestDifference: 0 });
  });

  test('the one whose values vary is named, and no other; alone as well', async () => {
    const [noisy, steady] = [await serve({ model: 'noisy', noise: 0.9, latency: 5 }), await serve({ model: 'steady' })];
    const out = newFolder();
    const run = ({ url, options }: typeof noisy) =>
      score(rows(40), { servers: [{ name: options.model, url }], out, preflight: 16, N: [2] });
    const named = (warnings: readonly { code: string; message: string }[]) =>
      warnings.filter(({ code }) => code === 'WARN_SCORES_VARY').map(({ message }) => message.split(' ')[3]);
    expect(named((await run(noisy)).warnings)).toEqual(['noisy']);
    expect(named((await run(steady)).warnings)).toEqual([]);
    expect(named((await readLogProbs(out)).metadata.warnings)).toEqual(['noisy']);
  });

  test('servers of one checkpoint with other weights are refused, those with the same are not', async () => {
    const [one, same, other] = [
      await serve({ model: 'm', weights: 'a' }),
      await serve({ model: 'm', weights: 'a' }),
      await serve({ model: 'm', weights: 'b' }),
    ];
    const run = (urls: string[]) =>
      score(rows(40), { servers: urls.map((url) => ({ name: 'm', url })), out: newFolder() });
    expect(await run([one.url, same.url])).toMatchObject({ complete: true });
    await expect(run([one.url, same.url, other.url])).rejects.toMatchObject({
      code: 'ERR_OTHER_WEIGHTS',
      message: expect.stringContaining(other.url),
    });
  });
});

describe('small print', () => {
  test('a key is taken without the line break that its file ended with; one that no header can hold is named', () => {
    const key = (text: string) => keyFor('m', { COVERAGE_PRINCIPLE_API_KEY_M: text });
    expect(key('secret\n')).toBe('secret');
    expect(key(' \n')).toBeUndefined();
    for (const text of ['two\nlines', 'schlüssel'])
      expect(() => key(text)).toThrow(/COVERAGE_PRINCIPLE_API_KEY_M has a line break/);
  });

  test('a single call minds when a server asks to be called again, and gives it up where that is too long', async () => {
    const times: number[] = [];
    const busy = (retryAfter: number) => async () => {
      times.push(performance.now());
      throw new Fault('busy', 'status 429', { status: 429, retryAfter });
    };
    await expect(patiently(busy(0.5), { retries: 1 })).rejects.toMatchObject({ kind: 'busy' });
    expect(times[1]! - times[0]!).toBeGreaterThan(495);
    await expect(patiently(busy(86_400), { retries: 8 })).rejects.toMatchObject({ kind: 'fatal' });
    expect(times).toHaveLength(3);
  });

  test('a page where an API was meant is told from a server that lists no model', async () => {
    const page = createServer((_, response) => response.writeHead(200).end('<html>Welcome</html>'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    const run = score(rows(2), { servers: [{ name: 'm', url }], out: newFolder() });
    await expect(run).rejects.toMatchObject({ code: 'ERR_SERVER', message: expect.stringContaining('not in JSON') });
    page.close();
  });

  test('names that Windows takes for devices', () => {
    for (const name of ['CON', 'nul', 'com1', 'con.5']) expect(fileName(name, undefined)).toMatch(/^_/);
    expect(fileName('console', undefined)).toBe('console.jsonl');
    expect(fileName('step-1', [1, 3])).toBe('step-1.1-of-3.jsonl');
  });
});
