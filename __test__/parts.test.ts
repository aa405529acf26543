import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { commandLine } from '../src/cli/command-line.js';
import { wordsOfWhole } from '../src/cli/parts.js';
import { run } from '../src/cli/program.js';
import { CountsPart, LogProbs, selectCheckpoint } from '../src/index.js';
import { runCli } from './shared.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-parts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const models = ['base', ...[1, 2, 3, 4, 5, 6].map((step) => `step-${step}000`)];
const rows = models.map((_, m) =>
  Float64Array.from({ length: 300 }, (_, i) => -20 + (i % 10 < 8 ? m : -1.1 * m) + Math.sin(7 * i + m)),
);
const logProbs = LogProbs.fromArrays(rows, { models });
const scores = join(folder, 'scores.csv');
const lines = Array.from({ length: 300 }, (_, i) => [`r${i}`, ...rows.map((row) => row[i])].join(','));
writeFileSync(scores, `${[`id,${models.join(',')}`, ...lines].join('\n')}\n`);

/** Runs a command line in this process. */
async function cli(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += text;
      return true;
    }),
  );
  try {
    return { status: await run([...argv, '--quiet']), ...output };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('a selection', () => {
  const parts = (of: number, options: { bestOf?: number[]; N?: number[]; reference?: string }) =>
    Promise.all(Array.from({ length: of }, (_, at) => CountsPart.count(logProbs, { ...options, shard: [at + 1, of] })));

  test.each([1, 2, 3, 40])('of %i parts is that of one process', async (of) => {
    for (const options of [{ bestOf: [4, 16] }, { N: [2], reference: 'base' }]) {
      const whole = await selectCheckpoint(logProbs, { ...options, seed: 3 });
      const counted = await parts(of, options);
      expect(await selectCheckpoint(logProbs, { ...options, seed: 3, parts: counted.reverse() })).toEqual(whole);
    }
  });

  test('refuses parts that are missing, of other questions, or of other values', async () => {
    const [first, second] = await parts(2, { N: [2] });
    const select = (N: number[], counted: (CountsPart | undefined)[], of = logProbs) =>
      selectCheckpoint(of, { N, parts: counted.map((part) => part!) });
    await expect(select([2], [second])).rejects.toMatchObject({ code: 'ERR_MISSING_PART' });
    await expect(select([3], [first, second])).rejects.toMatchObject({ code: 'ERR_INPUT_CHANGED' });
    const renamed = LogProbs.fromArrays(rows, { models: models.map((name) => name.toUpperCase()) });
    await expect(select([2], [first, second], renamed)).rejects.toMatchObject({
      code: 'ERR_INPUT_CHANGED',
      place: { model: 'base' },
    });
    const changed = LogProbs.fromArrays([rows[0]!, ...rows.slice(1).map((row) => row.map((value) => value - 1))], {
      models,
    });
    await expect(select([2], [first, second], changed)).rejects.toMatchObject({
      code: 'ERR_INPUT_CHANGED',
      place: { model: 'step-1000' },
    });
  });

  test('is made by processes of their own, and put together to the same bytes', async () => {
    const part = (at: number) => join(folder, `part-${at}`);
    const command = ['select', scores, '--best-of', '4,16'];
    const made = await Promise.all(
      [1, 2, 3].map((at) => runCli([...command, '--shard', `${at}/3`, '--out', part(at), '--threads', '1'])),
    );
    for (const each of made) expect(each).toMatchObject({ status: 0, stderr: '' });
    expect(made[0]!.stdout).toContain('Part 1 of 3 is in');
    const whole = await cli(...command, '--json');
    const merged = await cli('merge', part(3), part(1), part(2), '--json');
    expect(merged).toEqual(whole);

    vi.stubEnv('SOURCE_DATE_EPOCH', '0');
    const [one, other] = [join(folder, 'one.html'), join(folder, 'other.html')];
    await cli(...command, '--report', one);
    await cli('merge', part(1), part(2), part(3), '--report', other);
    vi.unstubAllEnvs();
    expect(readFileSync(other, 'utf8').replaceAll('other.html', 'one.html')).toBe(readFileSync(one, 'utf8'));

    const before = statSync(part(1)).mtimeMs;
    expect((await cli(...command, '--shard', '1/3', '--out', part(1))).status).toBe(0);
    expect(statSync(part(1)).mtimeMs, 'a part that is there is left as it is').toBe(before);
    const other3 = await cli('select', scores, '-N', '3', '--shard', '1/3', '--out', part(1));
    expect(other3).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_INPUT_CHANGED') });
    const missing = await cli('merge', part(1), part(3));
    expect(missing.stderr).toContain('Missing of 3 parts: 2.');
    const twice = await cli('merge', part(1), part(2), part(3), part(2));
    expect(twice.stderr).toContain('both part 2/3');
    writeFileSync(part(2), readFileSync(part(2)).subarray(0, -1));
    const cut = await cli('merge', part(1), part(2), part(3));
    expect(cut.stderr).toContain('ERR_MALFORMED_FILE');
    expect(cut.stderr).toContain(part(2));
  });

  test('has no result of its own', async () => {
    for (const [flag, ...value] of [['--json'], ['--report', 'r.html'], ['--winner-only'], ['--tournament', 't']]) {
      const { status, stderr } = await cli(
        ...['select', scores, '-N', '2', '--shard', '1/2', '--out', join(folder, 'x'), flag!, ...value],
      );
      expect(status).toBe(2);
      expect(stderr).toContain(`leave out ${flag}`);
    }
    expect((await cli('select', scores, '-N', '2', '--shard', '1/2')).stderr).toContain('--out FILE');
    expect((await cli('select', scores, '-N', '2', '--out', 'x')).stderr).toContain('--shard I/N');
    expect((await cli('select', scores, '-N', '2', '--shard', '3/2', '--out', 'x')).status).toBe(2);
    expect(existsSync('x')).toBe(false);
  });
});

const sweep = join(folder, 'sweep.json');
writeFileSync(
  sweep,
  JSON.stringify({
    data: { kind: 'problem', name: 'prop-i.1', options: { horizon: 4, responses: 50 }, heldOut: 100 },
    training: { stepSize: 0.05, steps: 60 },
    validation: { every: 20 },
    checkpoints: { every: 20 },
    sweep: { 'training.procedure': ['sgd', 'normalizedSgd'], 'training.seed': [0, 1, 2] },
  }),
);

/** Every file of a folder and below, with what it holds. */
function contents(of: string): Map<string, Buffer> {
  const files = readdirSync(of, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(of.length), readFileSync(path)]),
  );
}

test('a sweep of parts is that of one process', async () => {
  const part = (at: number) => join(folder, `sweep-${at}`);
  const whole = join(folder, 'whole');
  expect((await cli('train', sweep, '--output', whole)).status).toBe(0);
  for (const at of [1, 2]) {
    expect(await cli('train', sweep, '--shard', `${at}/2`, '--output', part(at))).toMatchObject({ status: 0 });
    expect(existsSync(join(part(at), 'result.json')), 'a part has no results').toBe(false);
  }
  // The same command again has nothing left to do.
  expect((await cli('train', sweep, '--shard', '2/2', '--output', part(2))).status).toBe(0);
  expect((await cli('train', sweep, '--shard', '1/2', '--output', part(2))).stderr).toContain('ERR_OUTPUT_EXISTS');
  const merged = join(folder, 'merged');
  expect((await cli('merge', part(2), part(1), '--output', merged)).status).toBe(0);
  expect(contents(merged)).toEqual(contents(whole));

  // As a process leaves it that is killed in between.
  const said = join(part(1), 'part.json');
  writeFileSync(said, readFileSync(said, 'utf8').replace('"finished":true', '"finished":false'));
  const refused = await cli('merge', part(1), part(2), '--output', join(folder, 'refused'));
  expect(refused.stderr).toContain('ERR_MISSING_PART');
  expect(refused.stderr).toContain(`Part 1/2 in ${part(1)} is not finished`);
  expect(existsSync(join(folder, 'refused'))).toBe(false);
  expect((await cli('train', sweep, '--shard', '7/7', '--output', join(folder, 'none'))).status).toBe(2);
});

test('experiments of parts are those of one process', async () => {
  const part = (at: number) => join(folder, `paper-${at}`);
  const command = ['reproduce', 'best-of-n', 'prop-3.1', '--quick', '--seeds', '0..1'];
  for (const at of [1, 2, 3]) {
    expect((await cli(...command, '--shard', `${at}/3`, '--out', part(at))).status).toBe(0);
  }
  expect(readdirSync(part(1)).sort()).toEqual(['best-of-n-quick-seed0.json', 'part.json', 'prop-3.1-quick-seed1.json']);
  const whole = await cli(...command, '--json');
  expect(await cli('merge', part(1), part(2), part(3), '--json')).toEqual(whole);
  // Also of a part that would not run it, and before anything is written.
  const typo = await cli(
    'reproduce',
    'best-of-n',
    'no-such',
    '--quick',
    '--shard',
    '1/2',
    '--out',
    join(folder, 'typo'),
  );
  expect(typo.stderr).toContain('ERR_UNKNOWN_EXPERIMENT');
  expect(existsSync(join(folder, 'typo'))).toBe(false);
  rmSync(join(part(1), 'prop-3.1-quick-seed1.json'));
  const refused = await cli('merge', part(1), part(2), part(3), '--json');
  expect(refused.stderr).toContain('No part has prop-3.1 at seed 1');
});

test('parts of different commands are not put together', async () => {
  const [one, other] = [join(folder, 'a'), join(folder, 'b')];
  await cli('select', scores, '-N', '2', '--shard', '1/2', '--out', one);
  await cli('select', scores, '-N', '3', '--shard', '2/2', '--out', other);
  const { status, stderr } = await cli('merge', one, other);
  expect(status).toBe(1);
  expect(stderr).toContain('-N 2”');
  expect(stderr).toContain('-N 3”');
  expect((await cli('merge', scores)).stderr).toContain('ERR_MALFORMED_FILE');
});

test('what is a part’s own is no word of the whole', () => {
  const words = ['select', 'a.npy', '--shard', '1/3', '-N', '2', '--out=part', '--threads', '4', '--quiet'];
  expect(wordsOfWhole(words)).toEqual(['select', 'a.npy', '-N', '2']);
  expect(commandLine.words).not.toContain('--shard');
});
