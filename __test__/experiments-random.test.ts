import { expect, test } from 'vitest';
import { randomDistribution, uniforms, xoshiro128 } from '../src/experiments/random.js';

test('xoshiro128** gives its published values', () => {
  const next = xoshiro128([1, 2, 3, 4]);
  expect(Array.from({ length: 10 }, next)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test('a stream depends on every part of its key, beyond 32 bits and in order, and on nothing else', () => {
  const first = (...key: number[]) => {
    const uniform = uniforms(...key);
    return [uniform(), uniform()];
  };
  const keys = [[], [0], [0, 0], [0, 1], [1, 0], [2 ** 32, 1], [2 ** 32 + 1, 0], [0.5]];
  expect(new Set(keys.map((key) => first(...key).join())).size).toBe(keys.length);
  // These numbers are recorded with seeds: they may not change.
  expect(first(0, 63, 64)).toEqual(FROZEN);
});

const FROZEN = [0.37252198555017313, 0.24598552138320007];

test('numbers are uniform on [0, 1) and streams of neighbouring keys are not correlated', () => {
  const [a, b] = [uniforms(5, 0), uniforms(5, 1)];
  const n = 100_000;
  let [sum, product] = [0, 0];
  for (let index = 0; index < n; index += 1) {
    const [x, y] = [a(), b()];
    expect(x >= 0 && x < 1).toBe(true);
    sum += x - 0.5;
    product += (x - 0.5) * (y - 0.5);
  }
  // Five standard errors.
  expect(Math.abs(sum / n)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(product / n)).toBeLessThan((5 * (1 / 12)) / Math.sqrt(n));
  const shares = randomDistribution(7, 4, a);
  expect(shares.reduce((total, share) => total + share, 0)).toBeCloseTo(1, 12);
});
