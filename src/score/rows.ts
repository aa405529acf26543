import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { CoverageError, located } from '../error.js';
import { FileStream } from '../input/file-stream.js';
import { readJsonRows } from '../input/json-rows.js';
import * as z from '../zod.js';

/** Token ids. */
const ids = z.array(z.int().min(0)).min(1).readonly();

/** A prompt, in one of three forms. */
export const promptShape = {
  prompt: z.string().optional(),
  promptTokens: ids.optional(),
  messages: z
    .array(z.looseObject({ role: z.string() }))
    .min(1)
    .readonly()
    .optional(),
} as const;

/** Id of a row. */
export const rowIdSchema = z.union(
  [z.string().min(1), z.int()],
  'give each row an id of its own, a text or a whole number',
);

/** What is wrong unless {@link hasOnePrompt}. */
export const ONE_PROMPT = 'give exactly one of prompt, promptTokens and messages';

const rowSchema = z
  .looseObject({
    id: rowIdSchema,
    promptId: z.union([z.string(), z.int()]).nullish(),
    ...promptShape,
    response: z.string().min(1, 'must not be empty').optional(),
    responseTokens: ids.optional(),
  })
  .refine(hasOnePrompt, ONE_PROMPT)
  .refine((row) => given(row.response, row.responseTokens) === 1, 'give exactly one of response and responseTokens');

/** Whether a row has one prompt, in one form. */
export function hasOnePrompt(row: { prompt?: unknown; promptTokens?: unknown; messages?: unknown }): boolean {
  return given(row.prompt, row.promptTokens, row.messages) === 1;
}

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

/** The rows of a run, in their order. */
export interface Rows<R> {
  readonly rows: readonly R[];
  /** What messages and manifests call the input. */
  readonly file: string | null;
  /** SHA-256 of the file, or of the rows as JSON Lines. */
  readonly sha256: string;
}

/** The responses of a run. */
export type Responses = Rows<ResponseRow>;

/**
 * Reads the responses of a JSON Lines file (or a list), or takes them as they are.
 *
 * @throws CoverageError `ERR_MALFORMED_FILE`, `ERR_DUPLICATE_ID`, `ERR_NO_RESPONSES` naming file and row
 */
export async function readResponses(input: string | readonly ResponseRow[], signal?: AbortSignal): Promise<Responses> {
  const read = await readRows<ResponseRow>(input, rowSchema, 'response to score', signal);
  if (read.rows.length === 0) throw new CoverageError('ERR_NO_RESPONSES', 'There is no response to score.');
  return read;
}

/**
 * Reads the rows of a JSON Lines file (or a list), or takes them as they are; `what` names one in messages.
 *
 * @throws CoverageError `ERR_MALFORMED_FILE`, `ERR_DUPLICATE_ID` naming file and row
 */
export async function readRows<R extends { readonly id: string | number }>(
  input: string | readonly R[],
  schema: z.ZodType,
  what: string,
  signal?: AbortSignal,
): Promise<Rows<R>> {
  const seen = new Map<string, number>();
  const rows: R[] = [];
  const take = (value: unknown, row: number, file: string | undefined) => {
    const place = { ...(file !== undefined && { file }), row };
    const checked = schema.safeParse(value);
    if (!checked.success) {
      const problems = checked.error.issues.map(({ path, message }) =>
        [path.join('.'), message].filter(Boolean).join(': '),
      );
      throw located('ERR_MALFORMED_FILE', `This is no ${what}: ${problems.join('; ')}.`, place);
    }
    const data = checked.data as R;
    const id = String(data.id);
    const first = seen.get(id);
    if (first !== undefined)
      throw located(
        'ERR_DUPLICATE_ID',
        `The id ${id} is in row ${first} already: give each row one of its own.`,
        place,
      );
    seen.set(id, row);
    rows.push(data);
  };
  let sha256: string;
  if (input === '-') {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'Standard input cannot be read again when a run that was cut off goes on: write it to a file, and name that.',
    );
  }
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
  return { rows, file: typeof input === 'string' ? basename(input) : null, sha256 };
}

/**
 * Positions of the rows of a part: every row, or every N-th.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` if there are fewer rows than parts
 */
export function rowsOfPart({ rows }: Rows<unknown>, shard: readonly [number, number] | undefined): number[] {
  const [part, of] = shard ?? [1, 1];
  const selected = [...rows.keys()].filter((index) => index % of === part - 1);
  if (selected.length > 0) return selected;
  throw new CoverageError('ERR_INVALID_OPTION', `There are fewer rows than parts: part ${part} of ${of} is empty.`, {
    place: { field: 'shard' },
  });
}
