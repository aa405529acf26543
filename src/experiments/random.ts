import { createHash } from 'node:crypto';

/** State of xoshiro128**: 128 bits, not all zero. */
export type XoshiroState = readonly [number, number, number, number];

/** Blackman and Vigna's xoshiro128** 1.1: integers below 2^32, with a period of 2^128 − 1. */
export function xoshiro128(state: XoshiroState): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/**
 * Uniform numbers on [0, 1), multiples of 2^-53, always the same for the same key. The generator starts from 128 bits of
 * the key's SHA-256, so that streams of different keys do not meet.
 */
export function uniforms(...key: readonly number[]): () => number {
  const digest = createHash('sha256').update(Float64Array.from(key)).digest();
  const next = xoshiro128([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as unknown as XoshiroState);
  return () => {
    const high = next() >>> 5;
    return (high * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992;
  };
}

/** A random distribution on `size` outcomes, the more uneven the greater `spread` (nats). */
export function randomDistribution(size: number, spread: number, uniform: () => number): number[] {
  const weights = Array.from({ length: size }, () => Math.exp(spread * (uniform() - 0.5)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
