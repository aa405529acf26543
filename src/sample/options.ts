import type { JobOptions } from '../job.js';
import { jobOptionsShape, seedSchema } from '../options.js';
import { clientShape, rowShardSchema, serversSchema } from '../score/options.js';
import * as z from '../zod.js';

/** Schema of the time that a command has. */
export const commandSecondsSchema = z
  .number()
  .positive()
  .max(86_400)
  .default(10)
  .describe('seconds that the command has for a response; what takes longer is wrong');

/** Schema of {@link VerifierOptions}. */
const verifierSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exact') }),
  z.strictObject({ kind: z.literal('number') }),
  z.strictObject({ kind: z.literal('pattern'), pattern: z.string().min(1) }),
  z.strictObject({
    kind: z.literal('command'),
    command: z.string().min(1),
    seconds: commandSecondsSchema,
  }),
]);

/** Schema of {@link SampleOptions}. */
export const sampleSchema = z
  .strictObject({
    signal: jobOptionsShape.signal,
    onProgress: jobOptionsShape.onProgress,
    servers: serversSchema,
    out: z.string().min(1),
    ...clientShape,
    n: z.int().min(1).max(100_000).describe('responses to each prompt'),
    verifier: verifierSchema,
    temperature: z.number().min(0).max(100).default(1).describe('temperature of the samples'),
    topP: z.number().gt(0).max(1).default(1).describe('share of the probability that tokens are drawn from'),
    maxTokens: z.int().min(1).max(1_000_000).default(1024).describe('most tokens of a response; what is longer is cut'),
    stop: z.array(z.string().min(1)).max(16).readonly().default([]).describe('texts that end a response'),
    seed: seedSchema.default(0).describe('seed of the samples, each of which has one of its own'),
    shard: rowShardSchema,
    jobs: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe('commands that verify at a time (default: the processors there are)'),
  })
  .refine(({ n, temperature }) => n === 1 || temperature > 0, {
    path: ['temperature'],
    message: 'at temperature 0 all responses to a prompt are the same: draw one (n = 1), or at a temperature above 0',
  });

/**
 * What tells whether a response is right:
 *
 * - `exact`: without the blanks around it, it is the `answer` of its row (or one of them);
 * - `number`: its last number equals the answer, up to a millionth of its size;
 * - `pattern`: a regular expression. With a group, what the group of the last match holds is the answer; without one, any
 *   match is right, and rows have no answer;
 * - `command`: a command of the shell that gets the response on standard input and ends with 0 if it is right. It finds the
 *   row as JSON in the environment, `COVERAGE_PRINCIPLE_ROW`. Ending with 126 or 127, it could not be run, which ends the
 *   run; anything else, or taking more than `seconds`, is wrong.
 */
export type VerifierOptions = z.input<typeof verifierSchema>;

/**
 * Options of `sample`. Authorisation is taken from the environment only, as for `score`: `COVERAGE_PRINCIPLE_API_KEY`, or
 * `COVERAGE_PRINCIPLE_API_KEY_NAME` for the checkpoint `NAME`.
 */
export type SampleOptions = Omit<z.input<typeof sampleSchema>, keyof Watch> & Watch;

/** Who looks on. */
type Watch = Pick<JobOptions, 'signal' | 'onProgress'>;

/** The options, checked and complete. */
export type CheckedSampleOptions = z.output<typeof sampleSchema>;
