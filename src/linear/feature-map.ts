import type { native } from '../native.js';

type Handle = InstanceType<typeof native.FeaturesHandle>;

/**
 * A feature map φ(x, y_{1:h}) ∈ ℝ^d that lives in Rust: made by `tableFeatures`, `functionFeatures`,
 * `sparseTableFeatures` and the like, combined by `concatFeatures` and `sumFeatures`.
 */
export class FeatureMap {
  readonly #handle: Handle;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** d, the length of θ. */
  get dim(): number {
    return this.#handle.dim;
  }

  /** V, the number of tokens. */
  get vocabulary(): number {
    return this.#handle.vocabulary;
  }

  /** |X|, the number of prompts; `null` where any will do. */
  get prompts(): number | null {
    return this.#handle.prompts ?? null;
  }

  /** Tokens of the longest response; `null` where any length will do. */
  get horizon(): number | null {
    return this.#handle.horizon ?? null;
  }

  /** B ≥ ‖φ(x, y_{1:h})‖ for all prompts and responses: the bound given, or the greatest norm. */
  get bound(): number {
    return this.#handle.bound;
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }
}
