import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { run } from '../src/cli/program.js';
import { createRace } from '../src/race/race.js';
import { FakeServer } from './score-server.js';
import { slow } from './shared.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const script = (name: string): Promise<unknown> => import(new URL(`../scripts/${name}.mjs`, import.meta.url).href);
const { generated } = (await script('generate')) as { generated(): Promise<Record<string, string>> };
const { RESULTS } = (await script('result-schemas')) as { RESULTS: object };
const folder = mkdtempSync(join(tmpdir(), 'coverage-schemas-'));
const before = process.cwd();
const servers: FakeServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.stop();
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

slow('schemas and reference are what the sources make', async () => {
  const made = await generated();
  for (const [path, content] of Object.entries(made)) {
    expect(readFileSync(join(root, path), 'utf8') === content, `${path} is stale: npm run generate`).toBe(true);
  }
  const schemas = Object.keys(made).flatMap((path) => path.split('schemas/')[1] ?? []);
  expect(readdirSync(join(root, 'schemas')).sort()).toEqual(schemas.sort());
});

/** A response to score, to a prompt, as texts. */
function responseRow(id: number): object {
  return { id, prompt: `Question ${id}:`, response: ` answer ${id}` };
}

/** What a command prints with `--json`. */
async function printed(words: readonly string[]): Promise<unknown> {
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    expect(await run([...words, '--json'])).toBe(0);
  } finally {
    write.mockRestore();
  }
  return JSON.parse(said.join(''));
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The schema with every object closed: what is printed must be named. */
function closed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in parts && !('additionalProperties' in parts)
    ? { ...parts, additionalProperties: false }
    : parts;
}

describe('what is printed', () => {
  const commands: Readonly<Record<string, readonly (readonly string[])[]>> = {
    selection: [
      ['select', 'scores.csv', '--best-of', '4,16'],
      ['select', 'scores.csv', '-N', '4', '--reference', 'base', '--samples', 'samples.jsonl', '--replicates', '0'],
    ],
    winners: [['select', 'scores.csv', '-N', '4', '--winner-only']],
    race: [['select', 'open.race']],
    score: [
      ['score', 'responses.jsonl', '--out', 'plain'],
      ['score', 'responses.jsonl', '--out', 'raced', '--until-decided', '5%', '--best-of', '16'],
    ],
    sample: [['sample', 'problems.jsonl', '--out', 'sampled', '-n', '2', '--exact']],
    comparison: [['compare', 'early', 'late', 'scores.csv', '-N', '4']],
    offset: [['offset', 'scores.csv', ...['base', 'early', 'late'].flatMap((m) => ['--on-policy', `${m}=scores.csv`])]],
    profile: [['profile', 'scores.csv', '--reference', 'base']],
    'pass-at-k': [['pass-at-k', 'samples.jsonl', '-k', '1,64', '--base', 'early']],
    doctor: [['doctor', 'scores.csv', '-N', '4']],
    training: [
      ['train', 'train.json', '-o', 'one'],
      ['train', 'sweep.json', '-o', 'many'],
    ],
    experiments: [['reproduce', 'bernoulli', '--quick']],
  };

  beforeAll(async () => {
    const race = createRace(['early', 'late'], { responses: 100, N: 2 });
    await race.add(race.next(20).map((pair) => ({ ...pair, logProb: -1 })));
    await race.write(join(folder, 'open.race'));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    const rows = Array.from({ length: 60 }, (_, i) => `r${i},p${i % 40},-3,${-2 - (i % 3)},${i === 7 ? '-inf' : -2}`);
    write('scores.csv', ['id,promptId,base,early,late', ...rows, ''].join('\n'));
    const samples = ['base', 'early', 'late'].map((model, c) => JSON.stringify({ model, id: 'p', n: 20, c: 3 * c }));
    write('samples.jsonl', samples.join('\n'));
    const data = { kind: 'problem', name: 'prop-i.1', options: { horizon: 4, responses: 20 }, heldOut: 50 };
    write('train.json', JSON.stringify({ data, training: { steps: 20 }, checkpoints: { every: 10 } }));
    const sweep = { 'training.stepSize': [0.1, 'theory'] };
    write('sweep.json', JSON.stringify({ data, training: { steps: 4 }, validation: { exact: true }, sweep }));
    write('responses.jsonl', Array.from({ length: 20 }, (_, id) => JSON.stringify(responseRow(id))).join('\n'));
    write('problems.jsonl', JSON.stringify({ id: 1, prompt: 'Say x', answer: 'x' }));
    const says = () => ({ text: 'x', finish: 'length' });
    servers.push(await FakeServer.start({ model: 'sampled', says }));
    for (const model of ['early', 'late']) servers.push(await FakeServer.start({ model }));
    process.chdir(folder);
  });

  test('of every kind is tried here', () => {
    expect(Object.keys(commands).sort()).toEqual(Object.keys(RESULTS).sort());
  });

  test.each(Object.entries(commands))('%s is as its schema says', async (name, lines) => {
    const schema = z.fromJSONSchema(
      closed(JSON.parse(readFileSync(join(root, 'schemas', `${name}.json`), 'utf8'))) as never,
    );
    for (const line of lines) {
      const [sampled, ...scored] = servers;
      const named = { score: scored, sample: [sampled!] }[line[0]!] ?? [];
      const served = named.flatMap(({ url, options }) => ['--server', `${options.model}=${url}`]);
      const words = [...line, ...served];
      const { error } = schema.safeParse(await printed(words));
      expect(error === undefined ? '' : z.prettifyError(error), words.join(' ')).toBe('');
    }
  });
});
