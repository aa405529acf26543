import { expect, test } from 'vitest';
import { coverageProfile, LogProbs, passAtK } from '../src/index.js';

test('a base gives the others their coverage ratios, problems by name; a budget beyond the samples is extrapolated', async () => {
  const counts = {
    models: ['base', 'tuned'],
    problems: ['always', 'lost', 'won', 'same'],
    samples: [
      [10, 10, 10, 10],
      [10, 10, 10, 10],
    ],
    correct: [
      [10, 5, 2, 4],
      [10, 2, 4, 4],
    ],
  };
  const { base, perK, fits } = await passAtK(counts, { k: [1, 100], base: 'base', replicates: 50 });
  expect(base).toBe('base');
  const [none, ratio] = perK[0]!.coverageRatios!;
  expect(none).toBeNull();
  expect(ratio).toMatchObject({
    problems: 3,
    problemsLost: [{ problem: 'lost', base: 0.5, tuned: 0.2 }],
    problemsWon: [{ problem: 'won', base: 0.2, tuned: 0.4 }],
    null: { replicates: 50 },
  });
  expect(ratio!.value).toBeCloseTo(1.5, 12);
  expect(perK[0]!.extrapolated).toEqual([null, null]);
  expect(perK[1]!.values[0]!.value).toBeNull();
  expect(perK[1]!.extrapolated[0]).toBeGreaterThan(0.5);
  expect(fits).toHaveLength(2);
  await expect(passAtK(counts, { base: 'nobody' })).rejects.toMatchObject({
    code: 'ERR_UNKNOWN_MODEL',
    place: { field: 'base' },
  });
});

test('prompts that repeat are the units of a profile', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => String(index));
  const row = ids.map((_, index) => -1 - (index % 4) * 0.5);
  const of = (promptIds?: readonly string[]) =>
    coverageProfile(LogProbs.fromArrays([row], { ...(promptIds && { promptIds }) }), {
      reference: Float64Array.from(ids, () => -1),
      N: [2],
    });
  const [apart, together] = [await of(), await of(ids.map((_, index) => `prompt ${index % 4}`))];
  expect([apart.prompts, together.prompts]).toEqual([null, 4]);
  const width = ({ models }: typeof apart) => models[0]!.coverage[0]!.interval[1] - models[0]!.coverage[0]!.interval[0];
  expect(width(together)).toBeGreaterThan(width(apart));
  expect(together.models[0]!.kl.warning).toContain('4 prompts');
  expect(together.models[0]!.likelihoodQuantiles.map(({ epsilon }) => epsilon)).toEqual([0.5, 0.2, 0.1, 0.05]);
});
