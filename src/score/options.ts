import type { JobOptions } from '../job.js';
import { budgetsSchema, jobOptionsShape, seedSchema, shardSchema } from '../options.js';
import * as z from '../zod.js';

/** Address of a server: http or https, nothing in it that is secret or belongs to a single call. */
const urlSchema = z
  .string()
  .refine(isPlainUrl, 'must be http://HOST[:PORT] or https://…, without user name, password or query');

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' && search === '';
}

/** Schema of {@link ServerInput}. */
const serverSchema = z.strictObject({
  name: z.string().min(1),
  url: urlSchema,
  model: z.string().min(1).optional().describe('what the server calls the model, where that is not the name'),
});

/** Schema of the servers of a run. */
export const serversSchema = z.array(serverSchema).min(1, 'name at least one server').readonly();

/** Options that scoring and sampling share: how servers are spoken to. */
export const clientShape = {
  concurrency: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('most requests at a server at a time; fewer are sent while more do not help'),
  retries: z.int().min(0).max(100).default(8).describe('times that a request is sent again after a fault'),
  timeout: z.number().positive().max(86_400).default(300).describe('seconds to wait for an answer'),
} as const;

/** Schema of the part of the rows that a run takes. */
export const rowShardSchema = shardSchema
  .optional()
  .describe('part I of N of the rows, every N-th of them, for a job of its own; parts lie in one folder');

const tokenIds = z.array(z.int().min(0)).readonly();

/** Schema of {@link ScoreOptions}. */
export const scoreSchema = z.strictObject({
  signal: jobOptionsShape.signal,
  onProgress: jobOptionsShape.onProgress,
  servers: serversSchema,
  out: z.string().min(1),
  ...clientShape,
  batch: z.int().min(1).max(1024).default(4).describe('responses a request, where the server takes several'),
  tokenLogProbs: z.boolean().default(false).describe('keep the log-probability of every token'),
  bos: z
    .union([z.enum(['tokenizer', 'none']), tokenIds])
    .default('tokenizer')
    .describe('ids before prompts given as text: tokenizer (those that it puts there), none, or ids'),
  eos: tokenIds.default([]).describe('ids after every response, scored with it'),
  boundary: z
    .enum(['joined', 'separate'])
    .default('joined')
    .describe(
      'joined: prompt and response are one text, which must have a token end between them; separate: each has its own tokens',
    ),
  shard: rowShardSchema,
  preflight: z
    .int()
    .min(0)
    .max(1024)
    .default(32)
    .describe('responses that are scored twice before anything else, 0 for none'),
  N: z
    .array(z.number().min(1))
    .min(1)
    .default([2, 4, 16])
    .describe(
      'ratios at which preflight counts the comparisons that would flip; with --until-decided the one to decide at',
    ),
  bestOf: budgetsSchema.optional().describe('budgets of K samples a prompt in place of ratios: N = (K/2)^(2/3)'),
  untilDecided: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      'score no further than it takes to know which checkpoint is best at one N, wrong with at most this probability',
    ),
  within: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'with --until-decided: take a checkpoint whose score exceeds the least by at most this share of the responses, as 1% or 0.01',
    ),
  settle: z
    .boolean()
    .default(false)
    .describe(
      'with --until-decided: score on until each checkpoint is out as candidate and as rival, for those that come when it is served no more',
    ),
  seed: seedSchema.default(0).describe('with --until-decided: seed of the order in which responses are scored'),
  dtype: z.string().min(1).optional().describe('what the weights are served in, for the record'),
});

/** A server of one checkpoint. */
export interface ServerInput {
  /** Name of the checkpoint; several servers may have the same one and share its work. */
  readonly name: string;
  /** Address, such as `http://localhost:8000`, with or without `/v1`. */
  readonly url: string;
  /**
   * What the server calls the model.
   * @defaultValue the name, which must be what the server serves, or the last part of its path
   */
  readonly model?: string | undefined;
}

/**
 * Options of `score`. Authorisation is taken from the environment only: `COVERAGE_PRINCIPLE_API_KEY`, or
 * `COVERAGE_PRINCIPLE_API_KEY_NAME` for the checkpoint `NAME` (capitals, `_` for all but letters and digits).
 */
export type ScoreOptions = Omit<z.input<typeof scoreSchema>, keyof Watch> & Watch;

/** Who looks on. */
type Watch = Pick<JobOptions, 'signal' | 'onProgress'>;

/** The options, checked and complete. */
export type CheckedScoreOptions = z.output<typeof scoreSchema>;
