// Responses a second: ours, the simplest loop of the OpenAI client, and a load generator that reads nothing of the answers. On
// cores of their own, as where servers have a machine of theirs, and on the same cores, where what a client spends is what the
// server lacks.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { score } from '../../dist/index.js';
import { byPython, reference } from './checks.mjs';
import { rowsOfIds } from './rows.mjs';

/** Rounds that count; fewer where nothing is held to them. */
const [ROUNDS, FEWER] = [5, 3];
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

/** Binds processes to cores, with all their threads; whether that could be done. */
function bind(pids, cores) {
  return pids.length > 0 && pids.every((pid) => spawnSync('taskset', ['-apc', cores, String(pid)]).status === 0);
}

/** Gives the last core to this process, where the clients are, and the others to the server; undone by what it returns, `null` if it cannot be had. */
function setApart({ own }) {
  const cores = availableParallelism();
  if (cores < 2) return null;
  const group = spawnSync('pgrep', ['-g', String(own.pid)], { encoding: 'utf8' }).stdout ?? '';
  const all = () => bind([process.pid], `0-${cores - 1}`);
  if (bind(group.split('\n').filter(Boolean), `0-${cores - 2}`) && bind([process.pid], String(cores - 1))) return all;
  all();
  return null;
}

/** In turn, so that whatever else the machine does meets all alike. */
export async function rate(context) {
  const found = [];
  const failures = [];
  const running = await context.server(context.names[1]);
  await measure(context, running, 'on the same cores', { found, failures: null });
  const undo = setApart(running);
  const where = undo ? 'on cores of their own' : 'on the same cores (none could be set apart)';
  try {
    await measure(context, running, where, { found, failures });
  } finally {
    undo?.();
    if (undo) await context.stopServers();
  }
  return { found, failures };
}

/** Measures rounds; what is below the goal is among `failures`, if there are to be any. */
async function measure(context, { name, url }, where, { found, failures }) {
  const { python, folder, models, names } = context;
  const rounds = failures === null ? FEWER : ROUNDS;
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
    for (let round = -1; round < rounds; round += 1) {
      const out = join(folder, `rate-${batch}-${round + 1}`);
      const options = { servers: [{ name, url }], out, preflight: 0, batch, concurrency: atOnce };
      const result = await score(path, options);
      if (!result.complete) throw new Error('Not all rows are scored.');
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
      `${where}, ${batch} a request, ${atOnce} requests at a time, ${rounds} rounds of ${ids.length} responses, responses a second: score ${shown(measured.ours)}, ` +
        `OpenAI client ${shown(measured.loop)}, load generator ${shown(measured.load)}; ` +
        `score is ${toLoad.toFixed(2)} of the load generator, ${toLoop.toFixed(2)} of the loop`,
    );
    if (toLoad < GOAL) failures?.push(`${where}: ${toLoad.toFixed(2)} of the load generator, not ${GOAL}`);
  }
}
