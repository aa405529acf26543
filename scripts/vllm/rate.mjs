// Responses a second: ours, the simplest loop of the OpenAI client, and a load generator that reads nothing of the answers.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { score } from '../../dist/index.js';
import { byPython, reference } from './checks.mjs';
import { rowsOfIds } from './rows.mjs';

const ROUNDS = 3;
/** How often a round scores each row, so that starting up and compiling are a small part of it. */
const TIMES = 3;
/** Share of what the server gives to the load generator that is to be reached. */
const GOAL = 0.9;

/** Sends bodies that are ready, so many at a time, and throws the answers away. */
async function generateLoad(url, bodies, atOnce) {
  const dispatcher = new Agent({ connections: atOnce });
  const headers = { 'content-type': 'application/json' };
  const left = [...bodies];
  const sender = async () => {
    for (let body = left.pop(); body !== undefined; body = left.pop()) {
      const answer = await request(`${url}/v1/completions`, { dispatcher, method: 'POST', headers, body });
      await answer.body.dump({ limit: 2 ** 30 });
      if (answer.statusCode !== 200) throw new Error(`The server answered with ${answer.statusCode}.`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  await dispatcher.close();
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const shown = (values) =>
  `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;

/** In turn, so that whatever else the machine does meets all alike. */
export async function rate(context) {
  const { python, folder, models, names, server } = context;
  const found = [];
  const failures = [];
  const { name, url } = await server(names[1]);
  const { ids: once } = await reference(context, names[1]);
  const ids = Array.from({ length: TIMES }, () => once).flat();
  const path = join(folder, 'ids.jsonl');
  rowsOfIds(path, ids);
  for (const { batch, atOnce } of [
    { batch: 1, atOnce: 8 },
    { batch: 4, atOnce: 64 },
  ]) {
    const lists = ids.map(([prompt, response]) => [...prompt, ...response]);
    const bodies = Array.from({ length: Math.ceil(lists.length / batch) }, (_, index) =>
      JSON.stringify({
        ...{ model: name, prompt: lists.slice(batch * index, batch * (index + 1)) },
        ...{ max_tokens: 1, prompt_logprobs: 0, return_token_ids: true, temperature: 0 },
      }),
    );
    const measured = { ours: [], loop: [], load: [] };
    // The first round is not counted: a server that has not yet met so many at a time is slower for whoever comes first.
    for (let round = -1; round < ROUNDS; round += 1) {
      const out = join(folder, `rate-${batch}-${round + 1}`);
      const options = { servers: [{ name, url }], out, preflight: 0, batch, concurrency: atOnce };
      const result = await score(path, options);
      if (!result.complete) failures.push('not all rows are scored');
      measured.ours.push(result.rate);
      rmSync(out, { recursive: true });
      const args = ['loop', url, name, join(models, name), path, String(atOnce), String(batch)];
      measured.loop.push(byPython(python, 'openai_client.py', args).rate);
      const began = performance.now();
      await generateLoad(url, bodies, atOnce);
      measured.load.push((1000 * ids.length) / (performance.now() - began));
    }
    for (const values of Object.values(measured)) values.shift();
    const [toLoad, toLoop] = ['load', 'loop'].map((other) =>
      median(measured.ours.map((value, round) => value / measured[other][round])),
    );
    found.push(
      `${batch} a request, ${atOnce} requests at a time, ${ROUNDS} rounds of ${ids.length} responses, responses a second: score ${shown(measured.ours)}, ` +
        `OpenAI client ${shown(measured.loop)}, load generator ${shown(measured.load)}; ` +
        `score is ${toLoad.toFixed(2)} of the load generator, ${toLoop.toFixed(2)} of the loop`,
    );
    if (toLoad < GOAL) failures.push(`${toLoad.toFixed(2)} of the load generator, not ${GOAL}`);
  }
  return { found, failures };
}
