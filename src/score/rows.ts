import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import * as z from 'zod';
import { CoverageError, located } from '../error.js';
import { FileStream } from '../input/file-stream.js';
import { readJsonRows } from '../input/json-rows.js';

const ids = z.array(z.int().min(0)).min(1).readonly();

const rowSchema = z
  .looseObject({
    id: z.union([z.string().min(1), z.int()]),
    promptId: z.union([z.string(), z.int()]).nullish(),
    prompt: z.string().optional(),
    promptTokens: ids.optional(),
    messages: z
      .array(z.looseObject({ role: z.string() }))
      .min(1)
      .readonly()
      .optional(),
    response: z.string().min(1, 'must not be empty').optional(),
    responseTokens: ids.optional(),
  })
  .refine(
    (row) => given(row.prompt, row.promptTokens, row.messages) === 1,
    'give exactly one of prompt, promptTokens and messages',
  )
  .refine((row) => given(row.response, row.responseTokens) === 1, 'give exactly one of response and responseTokens');

function given(...values: unknown[]): number {
  return values.filter((value) => value !== undefined).length;
}

/** A response to score: to a prompt as text, as token ids, or as messages that the server's own template renders. */
export interface ResponseRow {
  /** Id of the response, distinct. */
  readonly id: string | number;
  /** Id of the prompt; equal ids mean the same prompt. */
  readonly promptId?: string | number | null | undefined;
  readonly prompt?: string | undefined;
  readonly promptTokens?: readonly number[] | undefined;
  readonly messages?: readonly { readonly role: string }[] | undefined;
  readonly response?: string | undefined;
  readonly responseTokens?: readonly number[] | undefined;
}

/** The responses of a run, in their order. */
export interface Responses {
  readonly rows: readonly ResponseRow[];
  /** What messages and manifests call the input. */
  readonly file: string | null;
  /** SHA-256 of the file, or of the rows as JSON Lines. */
  readonly sha256: string;
}

/**
 * Reads the responses of a JSON Lines file (or a list), or takes them as they are.
 *
 * @throws CoverageError `ERR_MALFORMED_FILE`, `ERR_DUPLICATE_ID`, `ERR_NO_RESPONSES` naming file and row
 */
export async function readResponses(input: string | readonly ResponseRow[], signal?: AbortSignal): Promise<Responses> {
  const seen = new Map<string, number>();
  const rows: ResponseRow[] = [];
  const take = (value: unknown, row: number, file: string | undefined) => {
    const place = { ...(file !== undefined && { file }), row };
    const checked = rowSchema.safeParse(value);
    if (!checked.success) {
      const problems = checked.error.issues.map(({ path, message }) =>
        [path.join('.'), message].filter(Boolean).join(': '),
      );
      throw located('ERR_MALFORMED_FILE', `This is no response to score: ${problems.join('; ')}.`, place);
    }
    const id = String(checked.data.id);
    const first = seen.get(id);
    if (first !== undefined) {
      throw located(
        'ERR_DUPLICATE_ID',
        `The id ${id} is in row ${first} already: give each response an id of its own.`,
        place,
      );
    }
    seen.set(id, row);
    rows.push(checked.data as ResponseRow);
  };
  let sha256: string;
  if (typeof input === 'string') {
    const stream = new FileStream(input, { signal });
    for await (const { value, row } of readJsonRows(stream)) take(value, row, input);
    sha256 = stream.sha256!;
  } else {
    const hash = createHash('sha256');
    for (const [row, value] of input.entries()) {
      take(value, row, undefined);
      hash.update(`${JSON.stringify(value)}\n`);
    }
    sha256 = hash.digest('hex');
  }
  if (rows.length === 0) throw new CoverageError('ERR_NO_RESPONSES', 'There is no response to score.');
  return { rows, file: typeof input === 'string' ? basename(input) : null, sha256 };
}
