import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import * as z from '../zod.js';
import type { LinearModel, Policy } from './policy.js';
import type { Responses } from './responses.js';

/** Options of {@link truncationWeights}. */
export interface TruncationOptions extends JobOptions {
  /** A, positive: how far the student may stray from the teacher, in nats; Theorem 6.2 takes log N. */
  readonly threshold: number;
}

export const truncationSchema = z.strictObject({ ...jobOptionsShape, threshold: z.number().positive() });

/**
 * α_h of every token of every response [25]: 1 while the running sum of ε_j = KL(teacher‖student) stays at or below A, a
 * fraction on the token that crosses A, 0 after, so that Σ_h α_h ε_h = min{A, Σ_h ε_h}. One array a response.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_SHAPE_MISMATCH`
 */
export async function truncationWeights(
  student: LinearModel,
  teacher: Policy,
  responses: Responses,
  options: TruncationOptions,
): Promise<Float64Array[]> {
  const { threshold, threads } = checkOptions('truncationWeights', truncationSchema, options);
  const settings = JSON.stringify({ threshold, threads });
  const output = await runJob(
    (job) => native.truncationWeights(student.handle, teacher.handle, responses.handle, settings, job),
    options,
  );
  return responses.splitByResponse(output.floats[0]!);
}
