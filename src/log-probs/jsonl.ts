import type { FileStream } from './file-stream.js';
import { readJsonRows } from './json-rows.js';
import type { ReaderContext } from './reader.js';
import { RowReader } from './row-reader.js';

/** Reads JSON Lines or a JSON list of rows; columns are the keys of the first row. */
export async function readJsonl(stream: FileStream, context: ReaderContext): Promise<void> {
  let reader: RowReader | undefined;
  for await (const { value, row } of readJsonRows(stream)) {
    reader ??= new RowReader(Object.keys(value), context);
    reader.read((column) => value[column], row);
  }
}
