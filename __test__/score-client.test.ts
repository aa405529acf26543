import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { Client, Fault } from '../src/score/client.js';

let server: Server | undefined;

/** Address of a server that answers by `answer`. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => server?.close());

const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '7' }).end(JSON.stringify(value));

describe('a client', () => {
  test('an address may have a path, with or without /v1 and a slash; the key goes in the head', async () => {
    const url = await serve((request, response) => json(response, [request.url, request.headers.authorization]));
    for (const end of ['', '/', '/v1', '/v1/', '#name']) {
      const client = new Client(`${url}/models/a${end}`, { key: 'secret', timeout: 5, connections: 1 });
      const answer = await client.ask('/v1/completions', {});
      expect(answer).toEqual({ status: 200, value: ['/models/a/v1/completions', 'Bearer secret'], retryAfter: 7 });
      await client.close();
    }
  });

  test('what an answer leads to be asked is sent before the answer is read', async () => {
    const url = await serve((request, response) => json(response, request.url));
    const client = new Client(url, { key: undefined, timeout: 5, connections: 1 });
    let sent = 0;
    const onSent = () => {
      sent += 1;
    };
    subscribe('undici:client:sendHeaders', onSent);
    try {
      let second: Promise<unknown> | undefined;
      const first = await client.call('/first', {}, undefined, () => {
        second = client.call('/second', {});
      });
      expect([first, sent]).toEqual(['/first', 2]);
      expect(await second).toBe('/second');
    } finally {
      unsubscribe('undici:client:sendHeaders', onSent);
      await client.close();
    }
  });

  test('a refusal frees no place before it is understood', async () => {
    const url = await serve((_, response) => json(response, { message: 'later' }, 429));
    const client = new Client(url, { key: undefined, timeout: 5, connections: 1 });
    let received = false;
    const asked = client.call('/', {}, undefined, () => {
      received = true;
    });
    await expect(asked).rejects.toMatchObject({ kind: 'busy', status: 429, retryAfter: 7 });
    expect(received).toBe(false);
    await client.close();
  });

  test('an abort and a limit of time end what waits for a connection, too', async () => {
    const held: ServerResponse[] = [];
    const url = await serve((_, response) => held.push(response));
    const client = new Client(url, { key: undefined, timeout: 0.3, connections: 1 });
    const under = client.ask('/under-way', {});
    const waiting = client.ask('/waiting', {});
    const abort = new AbortController();
    const aborted = client.ask('/aborted', {}, abort.signal);
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    for (const each of [under, waiting]) {
      const fault = await each.catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(Fault);
      expect(fault).toMatchObject({ kind: 'busy', message: expect.stringContaining('0.3 s') });
    }
    expect(held).toHaveLength(1);
    await client.close();
    for (const response of held) response.destroy();
  });

  test('what stands before a server may compress, and its words are told', async () => {
    const answers: Record<string, () => [number, object, Buffer | string]> = {
      '/gzip': () => [200, { 'content-encoding': 'gzip' }, gzipSync('[1]')],
      '/br': () => [200, { 'content-encoding': 'br' }, brotliCompressSync('[2]')],
      '/zstd': () => [200, { 'content-encoding': 'zstd' }, '[3]'],
      '/cut': () => [200, { 'content-encoding': 'gzip' }, gzipSync('[4]').subarray(0, 12)],
      '/text': () => [503, {}, 'upstream is down'],
      '/page': () => [502, {}, '<html>Bad gateway</html>'],
      '/dead': () => [200, {}, '{"object":"error","message":"engine dead"}'],
      '/nothing': () => [204, {}, ''],
      '/busy': () => [429, { 'content-encoding': 'zstd' }, 'zzz'],
    };
    const url = await serve(({ url }, response) => {
      const [status, head, body] = answers[url!]!();
      response.writeHead(status, head as Record<string, string>).end(body);
    });
    const client = new Client(url, { key: undefined, timeout: 5, connections: 1 });
    const called = (path: string) => client.call(path).catch(({ kind, message }) => [kind, message]);
    expect(await called('/gzip')).toEqual([1]);
    expect(await called('/br')).toEqual([2]);
    expect(await called('/zstd')).toEqual(['fatal', expect.stringContaining('encoded as zstd')]);
    expect(await called('/cut')).toEqual(['broken', expect.stringContaining('does not decompress')]);
    expect(await called('/text')).toEqual(['busy', 'status 503: upstream is down']);
    expect(await called('/page')).toEqual(['busy', 'status 502']);
    expect(await called('/dead')).toEqual(['broken', 'the server says: engine dead']);
    expect(await called('/busy')).toEqual(['busy', 'status 429']);
    expect(await called('/nothing')).toEqual(['broken', expect.stringContaining('status 204')]);
    await client.close();
  });

  test('when to come again may be said in seconds or as a date', async () => {
    let header = '';
    const url = await serve((_, response) => response.writeHead(429, { 'retry-after': header }).end('{}'));
    const client = new Client(url, { key: undefined, timeout: 5, connections: 1 });
    const told = async (text: string) => {
      header = text;
      return (await client.ask('/')).retryAfter;
    };
    expect(await told('2.5')).toBe(2.5);
    expect(await told('-1')).toBe(0);
    expect(await told('soon')).toBeUndefined();
    expect(await told(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50);
    expect(await told(new Date(Date.now() - 60_000).toUTCString())).toBe(0);
    await client.close();
  });

  test('a key that a server repeats is told in no form', async () => {
    const key = 'sk-a/b"c';
    const url = await serve((request, response) =>
      response
        .writeHead(400)
        .end(
          `${request.url!.length > 1 ? `${request.url} ` : ''}${request.headers.authorization} ${JSON.stringify(key)} ${encodeURIComponent(key)}`,
        ),
    );
    const client = new Client(url, { key, timeout: 5, connections: 1 });
    await expect(client.call('/')).rejects.toThrow('status 400: Bearer *** "***" ***');
    // Not in part either, where its words are cut.
    const long = client.call(`/${'a'.repeat(288)}`);
    await expect(long).rejects.toThrow(/^status 400: \/a{288} [^k]*$/);
    await client.close();
  });
});
