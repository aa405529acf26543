import { CoverageError } from '../error.js';
import { hasOnePrompt, ONE_PROMPT, promptShape, type Rows, readRows, rowIdSchema } from '../score/rows.js';
import * as z from '../zod.js';

const answerSchema = z.union([z.string(), z.number()]);

const rowSchema = z
  .looseObject({
    id: rowIdSchema,
    ...promptShape,
    answer: z.union([answerSchema, z.array(answerSchema).min(1).readonly()]).optional(),
  })
  .refine(hasOnePrompt, ONE_PROMPT);

/** A prompt to respond to: as text, as token ids, or as messages that the server's own template renders. */
export interface PromptRow {
  /** Id of the problem, distinct. */
  readonly id: string | number;
  readonly prompt?: string | undefined;
  readonly promptTokens?: readonly number[] | undefined;
  readonly messages?: readonly { readonly role: string }[] | undefined;
  /** The right answer, or several of them, for verifiers that compare. */
  readonly answer?: string | number | readonly (string | number)[] | undefined;
}

/** The prompts of a run. */
export type Prompts = Rows<PromptRow>;

/**
 * Reads the prompts of a JSON Lines file (or a list), or takes them as they are.
 *
 * @throws CoverageError `ERR_MALFORMED_FILE`, `ERR_DUPLICATE_ID`, `ERR_NO_RESPONSES` naming file and row
 */
export async function readPrompts(input: string | readonly PromptRow[], signal?: AbortSignal): Promise<Prompts> {
  const read = await readRows<PromptRow>(input, rowSchema, 'prompt to respond to', signal);
  if (read.rows.length === 0) throw new CoverageError('ERR_NO_RESPONSES', 'There is no prompt to respond to.');
  return read;
}
