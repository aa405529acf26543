import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Client } from '../src/score/client.js';
import { EchoScorer } from '../src/score/servers/echo.js';
import { VllmScorer } from '../src/score/servers/vllm.js';
import { hasShared, sharedPath } from './shared.js';

const folder = sharedPath('data/servers');

/** A recorded file. */
const recorded = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

/** Calls with a client to a server that answers with a recording. */
async function replaying<T>(
  name: string,
  status: number,
  call: (client: Client, asked: () => unknown) => Promise<T>,
): Promise<T> {
  let asked: unknown;
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    asked = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(readFileSync(join(folder, `${name}.response.json`)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new Client(`http://127.0.0.1:${port}`, { key: undefined, timeout: 5, connections: 1 });
  try {
    return await call(client, () => asked);
  } finally {
    await client.close();
    server.close();
  }
}

test.skipIf(!hasShared('data/servers'))(
  'requests are those that a real vLLM answered, and its answers are read rightly',
  async () => {
    const [ids] = [[317, 341, 66, 264, 9, 298, 274, 345, 222, 89]];
    // Token log-probabilities as they stand in the recordings, from the seventh token on.
    const values = [-5.091706275939941, -5.737782955169678, -7.877671241760254, -10.997420310974121];
    const logProb = values.reduce((sum, value) => sum + value, 0);
    const single = { prompt: ids!.slice(0, 6), response: ids!.slice(6) };
    await replaying('vllm-completions-ids-prompt-logprobs', 200, async (client, asked) => {
      expect(await new VllmScorer(client, 'step-1000').score([single])).toEqual([
        { logProb, tokens: values, clamped: 0 },
      ]);
      expect(asked()).toEqual(recorded('vllm-completions-ids-prompt-logprobs.request'));
    });
    await replaying('vllm-completions-batch-of-id-lists', 200, async (client, asked) => {
      const items = [
        { prompt: [317, 341], response: [66] },
        { prompt: [264], response: [9, 298, 274] },
      ];
      const scored = await new VllmScorer(client, 'step-1000').score(items);
      expect(scored.map((each) => each.logProb)).toEqual([
        -11.291763305664062,
        -8.77618408203125 + -7.999807357788086 + -7.75719690322876,
      ]);
      expect(asked()).toEqual(recorded('vllm-completions-batch-of-id-lists.request'));
    });
    for (const [name, maxTokens] of [
      ['vllm-completions-echo', 1],
      ['vllm-completions-echo-max-tokens-0', 0],
    ] as const) {
      await replaying(name, 200, async (client, asked) => {
        const item = { prompt: 'def main():', response: '\n    return x' };
        const [scored] = await new EchoScorer(client, 'step-1000', { maxTokens, logprobs: 0 }).score([item]);
        expect(scored).toMatchObject({ logProb, tokens: values });
        expect(asked()).toEqual(recorded(`${name}.request`));
        await expect(
          new EchoScorer(client, 'step-1000', { maxTokens, logprobs: 0 }).score([
            { prompt: 'def main', response: '():\n    return x' },
          ]),
        ).resolves.toHaveLength(1);
        await expect(
          new EchoScorer(client, 'step-1000', { maxTokens, logprobs: 0 }).score([
            { prompt: 'def mai', response: 'n():\n    return x' },
          ]),
        ).rejects.toMatchObject({ kind: 'refused' });
      });
    }
    await replaying('vllm-tokenize', 200, async (client) => {
      expect(
        await new VllmScorer(client, 'step-1000').tokenize({ text: 'def main():\n    return x', special: true }),
      ).toEqual(ids);
    });
    for (const [name, status, kind] of [
      ['vllm-error-too-long', 400, 'refused'],
      ['vllm-error-unknown-model', 404, 'fatal'],
    ] as const) {
      await replaying(name, status, async (client) => {
        const error = await new VllmScorer(client, 'step-1000').score([single]).catch((each: unknown) => each);
        expect(error).toMatchObject({
          kind,
          message: expect.stringContaining(recorded(`${name}.response`).error.message.slice(0, 40)),
        });
      });
    }
  },
);
