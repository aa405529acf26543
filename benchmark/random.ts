/** Seeded random numbers for inputs: the same on every machine. */
export class Random {
  readonly #state = new Uint32Array(4);
  readonly #normals = new Float64Array(1 << 16);

  constructor(seed: number) {
    // SplitMix32 spreads a small seed over the state of xoshiro128**.
    let state = seed >>> 0;
    for (let word = 0; word < 4; word++) {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      this.#state[word] = mixed ^ (mixed >>> 15);
    }
    for (let index = 0; index < this.#normals.length; index += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      this.#normals[index] = radius * Math.cos(angle);
      this.#normals[index + 1] = radius * Math.sin(angle);
    }
  }

  /** 32 random bits. */
  bits(): number {
    const state = this.#state;
    const s0 = state[0]!;
    const s1 = state[1]!;
    const s2 = state[2]!;
    const s3 = state[3]!;
    const starred = Math.imul(s1, 5);
    const result = Math.imul((starred << 7) | (starred >>> 25), 9) >>> 0;
    const mixed = s3 ^ s1;
    state[2] = s2 ^ s0;
    state[3] = mixed;
    state[1] = s1 ^ (s2 ^ s0);
    state[0] = s0 ^ mixed;
    state[2] = state[2]! ^ (s1 << 9);
    state[3] = (mixed << 11) | (mixed >>> 21);
    return result;
  }

  /** Uniform on [0, 1). */
  uniform(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform on {0, …, bound − 1}; the bias of 2^-32·bound does not matter to inputs. */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Standard normal: one of 65,536 values drawn beforehand, because inputs hold up to 10^9 of them. */
  normal(): number {
    return this.#normals[this.bits() >>> 16]!;
  }
}
