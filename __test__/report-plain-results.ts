/** Coverage profiles and Pass@k worked out in the plainest way, to be reported on. */
import type { PassAtKResult } from '../src/pass-at-k/pass-at-k.js';
import type { CoverageProfiles } from '../src/profile/coverage-profile.js';
import type { Estimate, Interval } from '../src/results/estimate.js';
import { numbers } from './report-fixture.js';

function mean(values: readonly number[]): Estimate {
  const value = values.reduce((sum, each) => sum + each, 0) / values.length;
  if (!Number.isFinite(value)) return { value: null, interval: null, reason: 'infinite' };
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / values.length;
  const half = 1.96 * Math.sqrt(variance / values.length);
  return { value, interval: [value - half, value + half] };
}

/** Profiles of `rows` against `reference`; intervals by the normal approximation, which is good enough to draw. */
export function plainProfiles(
  models: readonly string[],
  rows: readonly Float64Array[],
  reference: { readonly name: string; readonly row: Float64Array },
  N: readonly number[],
): CoverageProfiles {
  const n = reference.row.length;
  const half = Math.sqrt(Math.log(2 / 0.05) / (2 * n));
  return {
    reference: reference.name,
    responses: n,
    prompts: null,
    confidence: 0.95,
    bandHalfWidth: half,
    answers: null,
    models: rows.map((row, index) => {
      const ratios = Array.from(row, (value, i) => reference.row[i]! - value);
      const kl = mean(ratios);
      const places = [0, ...ratios.filter((ratio) => ratio > 0 && Number.isFinite(ratio)).sort((a, b) => a - b)];
      const share = (logN: number) => ratios.filter((ratio) => ratio >= logN).length / n;
      return {
        model: models[index]!,
        coverage: N.map((budget) => {
          const value = share(Math.log(budget));
          const wide = 1.96 * Math.sqrt((value * (1 - value)) / n);
          const around = (width: number): Interval => [Math.max(0, value - width), Math.min(1, value + width)];
          return {
            N: budget,
            count: Math.round(value * n),
            value,
            interval: around(wide),
            band: around(half),
            klBound: kl.value === null || budget === 1 ? null : kl.value / (Math.log(budget) - 1 + 1 / budget),
            eDivergence: { value: null, interval: null, reason: 'not worked out' },
          };
        }),
        kl,
        crossEntropy: mean(Array.from(row, (value) => -value)),
        hellinger: mean(ratios.map((ratio) => 1 - Math.exp(-ratio / 2))),
        likelihoodQuantiles: [],
        logWMax: places.at(-1)!,
        infinite: ratios.filter((ratio) => ratio === Number.POSITIVE_INFINITY).length,
        impossible: 0,
        curve: { logN: places, share: places.map(share) },
      };
    }),
  };
}

/** Unbiased Pass@k as a product, with a bootstrap over problems. */
export function plainPassAtK(
  models: readonly string[],
  correct: readonly (readonly number[])[],
  samples: number,
  k: readonly number[],
  replicates: number,
): PassAtKResult {
  const problems = correct[0]!.length;
  const one = (c: number, budget: number) => {
    let fail = 1;
    for (let j = 0; j < budget; j += 1) fail *= Math.max(0, samples - c - j) / (samples - j);
    return 1 - fail;
  };
  return {
    models,
    problems,
    leastSamples: models.map(() => samples),
    replicates,
    seed: 0,
    confidence: 0.95,
    fits: models.map(() => null),
    perK: k.map((budget) => {
      const few = budget > samples;
      const each = correct.map((row) => row.map((c) => (few ? 0 : one(c, budget))));
      const random = numbers(budget);
      const wins = new Float64Array(models.length);
      const drawn = models.map(() => [] as number[]);
      for (let replicate = 0; replicate < replicates; replicate += 1) {
        const chosen = Array.from({ length: problems }, () => Math.floor(random() * problems));
        const means = each.map((row) => chosen.reduce((sum, i) => sum + row[i]!, 0) / problems);
        wins[means.indexOf(Math.max(...means))]! += 1 / replicates;
        means.forEach((value, model) => {
          drawn[model]!.push(value);
        });
      }
      const values = each.map((row, model): Estimate => {
        if (few) return { value: null, interval: null, reason: `fewer than ${budget} samples` };
        const sorted = drawn[model]!.sort((a, b) => a - b);
        const value = row.reduce((sum, share) => sum + share, 0) / problems;
        return {
          value,
          interval: [sorted[Math.floor(0.025 * replicates)]!, sorted[Math.ceil(0.975 * replicates) - 1]!],
        };
      });
      const best = values.reduce((top, { value }, model) => (value! > values[top]!.value! ? model : top), 0);
      return {
        k: budget,
        values,
        extrapolated: models.map(() => null),
        tooFewSamples: models.map(() => (few ? problems : 0)),
        pick: few ? null : models[best]!,
        possibleWinners: few ? [] : models,
        pickShares: few ? null : [...wins],
      };
    }),
  };
}
