import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const examples = fileURLToPath(new URL('../examples', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What each program says at the end. */
const SAYS: Readonly<Record<string, RegExp>> = {
  'choose-a-checkpoint.mjs': /^Best-of-4: late \(clear; .*\nBest-of-64: middle .*\nValidation loss would pick late\.$/,
  'head-to-head.mjs': /^better at N = 4: base \(clear\); leads: 60 against 0\n/,
  'own-features.mjs': /^KL 0\.00\d+, Cov_1\.5 0, θ 1\.\d+,-0\.\d+$/,
  'pass-at-k.mjs': /^k = 1: 0\.234 [\s\S]*\nk = 64: 60 of 60 problems have fewer/,
  'train-select-decode.mjs': /^step-\d+: Best-of-16 has a mean reward of \d+(\.\d+)?$/,
};

test('every program is known here and in the list, and no longer than thirty lines', () => {
  const programs = readdirSync(examples).filter((name) => name.endsWith('.mjs'));
  expect(programs.sort()).toEqual(Object.keys(SAYS).sort());
  const list = readFileSync(join(examples, 'README.md'), 'utf8');
  for (const name of programs) {
    expect(list).toContain(`(${name})`);
    expect(readFileSync(join(examples, name), 'utf8').trimEnd().split('\n').length, name).toBeLessThanOrEqual(30);
  }
});

test.each(Object.entries(SAYS))('%s', (name, says) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, name), join(folder, 'report.html')], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.trimEnd()).toMatch(says);
});
