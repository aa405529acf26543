/** Uniform numbers in [0, 1), always the same for the same key: a counter hashed by splitmix-like rounds. */
export function uniforms(...key: readonly number[]): () => number {
  let state = key.reduce((sum, part) => mix((sum ^ mix(part >>> 0)) + 0x9e3779b9), 0x243f6a88);
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    const high = mix(state) >>> 5;
    const low = mix(state ^ 0x5bd1e995) >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  };
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A random distribution on `size` outcomes, the more uneven the greater `spread` (nats). */
export function randomDistribution(size: number, spread: number, uniform: () => number): number[] {
  const weights = Array.from({ length: size }, () => Math.exp(spread * (uniform() - 0.5)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
