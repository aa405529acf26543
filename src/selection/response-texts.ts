import { FileStream } from '../input/file-stream.js';
import type { JsonObject } from '../input/json.js';
import { readJsonRows } from '../input/json-rows.js';

/** What a response and its prompt say. */
export interface ResponseText {
  /** `null` where the file has none. */
  readonly prompt: string | null;
  /** `null` where the file has none. */
  readonly response: string | null;
}

const IDS = ['id', 'response_id', 'responseId', 'doc_id', 'idx'];
const PROMPTS = ['prompt', 'question', 'context', 'input', 'messages'];
const RESPONSES = ['response', 'completion', 'continuation', 'target', 'text', 'sentence', 'output'];

/**
 * The texts of some responses from JSON Lines (or a JSON list, `.gz` too): each row has the id of its response and, under
 * the usual names, the texts of prompt and response. The first row of an id counts; ids without a row are left out.
 *
 * @throws CoverageError `ERR_FILE_NOT_FOUND`, `ERR_MALFORMED_FILE` naming the row; the signal's reason when aborted
 */
export async function readResponseTexts(
  file: string,
  ids: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Map<string, ResponseText>> {
  const found = new Map<string, ResponseText>();
  for await (const { value } of readJsonRows(new FileStream(file, { signal }))) {
    const id = firstOf(value, IDS);
    if (id === null || !ids.has(id) || found.has(id)) continue;
    found.set(id, { prompt: firstOf(value, PROMPTS), response: firstOf(value, RESPONSES) });
    if (found.size === ids.size) break;
  }
  return found;
}

/** The text of the first of these fields that has one. */
function firstOf(row: JsonObject, names: readonly string[]): string | null {
  for (const name of names) {
    const text = textOf(row[name]);
    if (text !== null) return text;
  }
  return null;
}

/** A text as such, numbers by their digits, messages of a chat one after another. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value) || value.length === 0) return null;
  const parts = value.map((message: unknown) =>
    typeof message === 'object' && message !== null && 'content' in message && typeof message.content === 'string'
      ? message.content
      : null,
  );
  return parts.includes(null) ? null : parts.join('\n');
}
