import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { claimsOverSeeds, claimsTable } from '../src/experiments/over-seeds.js';
import { experimentNames, reproduce } from '../src/experiments.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-reproduce-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = ['best-of-n', 'prop-3.1', 'prop-3.2'];
/** What a run says of itself: which experiments made progress, and what came out. */
async function watched(options: Parameters<typeof reproduce>[1]) {
  const ran = new Set<string>();
  const results = await reproduce(names, { ...options, quick: true, onProgress: (experiment) => ran.add(experiment) });
  return { ran: [...ran], results };
}

test('an interrupted run is taken up at the experiment it was in, with the same numbers', async () => {
  const kept = join(folder, 'kept');
  const abort = new AbortController();
  const interrupted = reproduce(names, {
    ...{ quick: true, folder: kept, signal: abort.signal, threads: 2 },
    onProgress: (experiment, share) => {
      if (experiment === 'prop-3.1' && share > 0) abort.abort(new Error('enough'));
    },
  });
  await expect(interrupted).rejects.toThrow('enough');
  expect(readdirSync(kept)).toEqual(['best-of-n-quick-seed0.json']);

  const resumed = await watched({ folder: kept, threads: 1 });
  expect(resumed.ran).toEqual(['prop-3.1', 'prop-3.2']);
  const through = await watched({});
  expect(through.ran).toEqual(names);
  expect(resumed.results).toEqual(through.results);
  expect(JSON.stringify(resumed.results)).toBe(JSON.stringify(through.results));
  const again = await watched({ folder: kept });
  expect(again).toEqual({ ran: [], results: through.results });
});

test('only whole results of the same settings and version are taken from the folder', async () => {
  const kept = join(folder, 'settings');
  const run = async (options: Parameters<typeof reproduce>[1]) => {
    let ran = false;
    const progress = () => {
      ran = true;
    };
    const [result] = await reproduce('prop-3.1', { quick: true, folder: kept, ...options, onProgress: progress });
    return { ran, result };
  };
  const first = await run({});
  expect(first.ran).toBe(true);
  expect((await run({})).ran).toBe(false);
  const other = await run({ seed: 1 });
  expect(other.ran).toBe(true);
  expect(other.result!.verdicts).not.toEqual(first.result!.verdicts);

  const file = join(kept, 'prop-3.1-quick-seed0.json');
  const whole = readFileSync(file, 'utf8');
  const damage = [
    whole.slice(0, -40),
    whole.replace('"holds":true', '"holds":false'),
    whole.replace(/"version":"[^"]*"/, '"version":"0.0.0"'),
    whole.replace('"quick":true', '"quick":false'),
  ];
  for (const damaged of damage) {
    expect(damaged).not.toBe(whole);
    writeFileSync(file, damaged);
    expect(await run({})).toEqual(first);
    expect(readFileSync(file, 'utf8')).toBe(whole);
  }
});

test('a claim counts only if it held at every seed', async () => {
  const result = (name: string, ...holds: (boolean | null)[]) => ({
    ...{ name, title: name, source: 's', quick: true, seed: 0, summary: [], tables: [], plots: [] },
    verdicts: holds.map((each, at) => ({
      ...{ claim: `claim ${at}`, source: 's', predicted: 1, measured: 1, interval: null, holds: each },
      ...(at === 2 && { construction: true }),
    })),
  });
  const claims = claimsOverSeeds([
    [result('a', true, true, true), result('b', null)],
    [result('a', true, false, true), result('b', true)],
    [result('a', true, null, true), result('b', true)],
  ]);
  expect(claims.map(({ counts }) => counts)).toEqual([true, false, true, false]);
  expect(claims[1]).toMatchObject({ experiment: 'a', held: 1, failed: 1, undecided: 1, construction: false });
  expect(claims[1]!.holds.map(String).sort()).toEqual(['false', 'null', 'true']);
  // The check of the construction is not among the claims.
  expect(claimsTable(claims, 3).caption).toBe('1 of 3 claims held at all of 3 seeds');
});

test('an unknown name is refused before anything runs', async () => {
  await expect(reproduce(['best-of-n', 'theorem-9'])).rejects.toMatchObject({
    code: 'ERR_UNKNOWN_EXPERIMENT',
    message: expect.stringContaining(experimentNames().join(', ')),
  });
});

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const command = [main, 'reproduce', 'best-of-n', 'prop-4.1b', '--quick', '--json'];

test('the command, interrupted from the keyboard and given again, prints what it would have printed', async () => {
  const child = spawn(process.execPath, [...command, '--out', 'cli'], { cwd: folder });
  let messages = '';
  child.stderr.on('data', (chunk) => {
    messages += chunk;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  while (!existsSync(join(folder, 'cli/best-of-n-quick-seed0.json'))) await new Promise((wake) => setTimeout(wake, 20));
  await new Promise((wake) => setTimeout(wake, 100));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(messages).toContain('Finished experiments are in cli');
  expect(readdirSync(join(folder, 'cli'))).toEqual(['best-of-n-quick-seed0.json']);
  const print = (...options: string[]) =>
    spawnSync(process.execPath, [...command, '--quiet', ...options], { encoding: 'utf8', cwd: folder });
  const resumed = print('--out', 'cli', '--threads', '1');
  const through = print();
  expect({ status: resumed.status, stderr: resumed.stderr }).toEqual({ status: 0, stderr: '' });
  expect(resumed.stdout).toBe(through.stdout);
  expect(JSON.parse(resumed.stdout).verdicts.length).toBeGreaterThan(5);
  const seeds = print('--out', 'cli', '--seeds', '0..1');
  expect(JSON.parse(seeds.stdout)).toMatchObject({ seeds: [0, 1], quick: true });
  expect(readdirSync(join(folder, 'cli'))).toContain('prop-4.1b-quick-seed1.json');
  expect(print('--seeds', '3').status).toBe(2);
}, 120_000);
