import { type JobOptions, runJob } from '../job.js';
import { callNative, native } from '../native.js';
import { checkOptions, jobOptionsShape, seedSchema } from '../options.js';
import * as z from '../zod.js';
import { Policy } from './policy.js';
import { Responses } from './responses.js';

type Handle = InstanceType<typeof native.DataHandle>;

/** How a {@link DataDistribution} is made. */
export interface DataDistributionOptions {
  /** μ: the number of equally likely prompts, or a weight for each (scaled to sum to 1). */
  readonly prompts: number | readonly number[];
  /** π_D. */
  readonly policy: Policy;
  /**
   * H, the tokens of a response.
   * @defaultValue the policy's own; needed where it has none
   */
  readonly horizon?: number;
}

/** Options of {@link DataDistribution.sample}. */
export interface SampleDataOptions extends JobOptions {
  /**
   * Seed of the random numbers.
   * @defaultValue 0
   */
  readonly seed?: number;
  /**
   * Which stream of random numbers under the seed: training runs draw from the stream of their `run`, so held-out data
   * should take another.
   * @defaultValue 1000000
   */
  readonly shard?: number;
}

const optionsSchema = z.strictObject({
  prompts: z.union([z.int().min(1).max(0xffff_ffff), z.array(z.number().min(0)).min(1)], {
    error: 'must be a number of prompts, or weights of at least 0',
  }),
  policy: z.instanceof(Policy),
  horizon: z.int().min(1).max(0xffff_ffff).optional(),
});

/** Shard of held-out data, far from any run's. */
const HELD_OUT_SHARD = 1_000_000;

export const sampleSchema = z.strictObject({
  ...jobOptionsShape,
  count: z.int().min(1).max(0xffff_ffff),
  seed: seedSchema.default(0),
  shard: seedSchema.default(HELD_OUT_SHARD),
});

/** Where prompts and responses come from: x ~ μ, y ~ π_D(· | x). */
export class DataDistribution {
  readonly #handle: Handle;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /**
   * The distribution of μ and π_D.
   *
   * @throws CoverageError `ERR_INVALID_OPTION` for weights that are negative or all zero, or a missing horizon;
   * `ERR_SHAPE_MISMATCH` if μ and π_D disagree
   */
  static from(options: DataDistributionOptions): DataDistribution {
    const { prompts, policy, horizon } = checkOptions('DataDistribution.from', optionsSchema, options);
    const handle = callNative(() =>
      typeof prompts === 'number'
        ? native.DataHandle.uniform(prompts, policy.handle, horizon)
        : native.DataHandle.weighted(Float64Array.from(prompts), policy.handle, horizon),
    );
    return new DataDistribution(handle);
  }

  /** π_D. */
  get policy(): Policy {
    return new Policy(this.#handle.policy());
  }

  /** |X|. */
  get prompts(): number {
    return this.#handle.prompts;
  }

  /** V. */
  get vocabulary(): number {
    return this.#handle.vocabulary;
  }

  /** H. */
  get horizon(): number {
    return this.#handle.horizon;
  }

  /** `count` pairs (x, y). The first of a larger `count` are those of a smaller. */
  async sample(count: number, options: SampleDataOptions = {}): Promise<Responses> {
    const { seed, shard } = checkOptions('sample', sampleSchema, { ...options, count });
    const settings = JSON.stringify({ count, seed, shard });
    return new Responses(await runJob((job) => native.drawData(this.#handle, settings, job), options));
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }
}
