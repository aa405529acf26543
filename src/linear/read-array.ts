import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';

/** An array of numbers, its last axis varying fastest. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/**
 * Reads an array of numbers of any shape from a `.npy` file, or the only one in a `.npz` or `.safetensors` file: features
 * for `tableFeatures`, hidden states for `hiddenStateFeatures`, θ. Half and single precision are widened.
 *
 * @throws CoverageError `ERR_IO`, `ERR_MALFORMED_FILE`, `ERR_UNSUPPORTED_FILE`, `ERR_TOO_LARGE`
 */
export async function readArray(file: string, options: JobOptions = {}): Promise<NumberArray> {
  const { shape, values } = await readHashedArray(file, options);
  return { shape, values };
}

/**
 * As {@link readArray}, with the BLAKE3 hash of the bytes that were read.
 *
 * @internal
 */
export async function readHashedArray(
  file: string,
  options: JobOptions,
): Promise<NumberArray & { readonly blake3: string }> {
  const output = await runJob((job) => native.readArray(file, job), options);
  return { ...(JSON.parse(output.json) as { shape: number[]; blake3: string }), values: output.floats[0]! };
}
