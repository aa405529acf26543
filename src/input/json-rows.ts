import { located } from '../error.js';
import { FileStream } from './file-stream.js';
import { isObject, type JsonObject, parseJson, show } from './json.js';

/**
 * The objects of a JSON Lines file or of a JSON list, one after another; `row` is the one-based line, or the zero-based
 * position where the file is not one object a line.
 */
export async function* readJsonRows(stream: FileStream): AsyncGenerator<{ value: JsonObject; row: number }> {
  for await (const batch of batches(stream)) {
    for (const { text, row } of batch) yield { value: parseRow(text, row, stream.path), row };
  }
}

/** The values as text, many at a time: waiting for each would take longer than parsing it. */
async function* batches(stream: FileStream): AsyncGenerator<{ text: string; row: number }[]> {
  yield* (await isJsonLines(stream)) ? stream.lines() : stream.jsonValues();
}

/** Whether the file has one value a line, judged by how it begins. */
async function isJsonLines(stream: FileStream): Promise<boolean> {
  for await (const piece of new FileStream(stream.path).text()) {
    const text = piece.trimStart();
    if (text === '') continue;
    const end = text.indexOf('\n');
    // A line that ends in the middle of a value belongs to a file that is laid out for reading.
    return text.startsWith('{') && (end < 0 || !/[{[,:]$/.test(text.slice(0, end).trimEnd()));
  }
  return true;
}

/** Parses one value and insists on an object. */
function parseRow(text: string, row: number, file: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    const message = `This is not valid JSON: ${(error as Error).message}. It begins ${show(text.slice(0, 40))}.`;
    throw located('ERR_MALFORMED_FILE', message, { file, row }, error);
  }
  if (isObject(value)) return value;
  throw located('ERR_MALFORMED_FILE', `An object is needed in each row, this is ${show(value)}.`, { file, row });
}
