import { expect, test } from 'vitest';
import { bestOfNExperiment } from '../src/experiments/best-of-n.js';
import type { Experiment } from '../src/experiments/experiment.js';
import { Inequality } from '../src/experiments/inequality.js';
import { prop31 } from '../src/experiments/prop-3-1.js';
import { theorem63 } from '../src/experiments/theorem-6-3.js';

const run = (experiment: Experiment) =>
  experiment.run({ quick: true, seed: 0, threads: undefined, signal: undefined, progress: () => {} });

test.each([
  [prop31, 8],
  [bestOfNExperiment, 2],
])('$name: every inequality is tested and holds', async (experiment, count) => {
  const { verdicts } = await run(experiment);
  expect(verdicts).toHaveLength(count);
  for (const verdict of verdicts) {
    expect(verdict).toMatchObject({ claim: expect.stringMatching(/\S/), predicted: '≤ 1', holds: true });
    expect(verdict.source).toMatch(/^Proposition/);
    expect(verdict.measured).toBeGreaterThan(0.1);
  }
  expect((await run(experiment)).verdicts).toEqual(verdicts);
});

test('an inequality that fails once does not hold; one never tested is undecided', () => {
  const broken = new Inequality('a ≤ b', 'nowhere');
  broken.check(0.5, 1);
  broken.check(2, 1);
  expect(broken.verdict()).toMatchObject({ measured: 2, holds: false });
  const idle = new Inequality('a ≤ b', 'nowhere');
  idle.check(0, 1);
  expect(idle.verdict()).toMatchObject({ measured: null, holds: null, reason: expect.stringContaining('never') });
});

test('theorem-6.3: the winner is within the bound, and its Cov falls like 1/n', async () => {
  const { verdicts, plots, tables } = await run(theorem63);
  expect(verdicts.map(({ holds }) => holds)).toEqual([true, true]);
  expect(verdicts[1]!.measured).toBeCloseTo(-1, 0);
  expect(plots).toHaveLength(1);
  expect(tables).toHaveLength(1);
}, 60_000);
