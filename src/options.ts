import { answer, CoverageError, type Problem } from './error.js';
import * as z from './zod.js';

/** Schema of the options every computation takes; see `JobOptions`. */
export const jobOptionsShape = {
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z
    .custom<(progress: never) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  threads: z.int().min(1).max(1024).optional(),
} as const;

/** Schema of a seed: a non-negative integer up to 2^53 − 1. */
export const seedSchema = z.int().min(0);

/** Schema of a confidence, strictly between 0 and 1. */
export const confidenceSchema = z.number().gt(0).lt(1);

/** Schema of a set of budgets K, in samples a prompt. */
export const budgetsSchema = z
  .array(z.int().min(3, 'a budget must be at least 3 samples a prompt').max(0xffff_ffff))
  .refine((values) => new Set(values).size === values.length, 'the same budget is given twice')
  .readonly();

/** Schema of a set of ratios N. */
export const ratiosSchema = z
  .array(z.number().min(1, 'N must be at least 1'))
  .min(1, 'give at least one N')
  .refine((values) => new Set(values).size === values.length, 'the same N is given twice')
  .readonly();

/**
 * Checks the options of `call` and returns them; all problems are reported at once, with dotted paths.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`
 */
export function checkOptions<S extends z.ZodType>(call: string, schema: S, options: unknown): z.output<S> {
  // What nests without end has none that a schema could come to.
  const result = answer(`${call}()`, () => schema.safeParse(options ?? {}));
  if (result.success) return result.data;
  const problems = result.error.issues.map(mostTelling).map(toProblem);
  const list = problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  throw new CoverageError('ERR_INVALID_OPTION', `Invalid options of ${call}(): ${list}.`, {
    problems,
    ...(problems[0]?.path && { place: { field: problems[0].path } }),
  });
}

/**
 * An issue of a union in terms of the member that was meant: the only one whose complaints are about its parts, not about
 * the kind of value.
 */
function mostTelling(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const meant = issue.errors.filter((member) => member.every(isAboutParts));
  const [first] = meant.length === 1 ? meant[0]! : [];
  return first ? mostTelling({ ...first, path: [...issue.path, ...first.path] }) : issue;
}

function isAboutParts({ code, path }: z.core.$ZodIssue): boolean {
  return path.length > 0 || ['too_small', 'too_big', 'unrecognized_keys'].includes(code);
}

function toProblem(issue: z.core.$ZodIssue): Problem {
  return { path: issue.path.map(String).join('.'), message: issue.message.replace(/\.$/, '') };
}

/** Part I of N, counted from 1, of work that several processes share. */
export const shardSchema = z
  .tuple([z.int().min(1), z.int().min(1).max(1_000_000)])
  .refine(([part, of]) => part <= of, 'must be I/N with I from 1 to N');
