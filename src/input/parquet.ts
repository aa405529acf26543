import { open } from 'node:fs/promises';
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { located } from './findings.js';
import type { RowSink } from './rows.js';

/**
 * Reads the columns of a Parquet file that the sink wants, list columns included, one row group at a time; `row` is
 * the zero-based position.
 */
export async function readParquet(
  file: string,
  signal: AbortSignal | undefined,
  makeSink: (columns: readonly string[]) => RowSink,
): Promise<void> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const buffer: AsyncBuffer = {
      byteLength: size,
      async slice(start, end = size) {
        signal?.throwIfAborted();
        const bytes = new Uint8Array(end - start);
        for (let filled = 0; filled < bytes.length; ) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
          if (bytesRead === 0) throw new Error('the file ends early');
          filled += bytesRead;
        }
        return bytes.buffer;
      },
    };
    const metadata = await damaged(file, () => parquetMetadataAsync(buffer));
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    await readRowGroups(file, buffer, metadata, makeSink(columns));
  } finally {
    await handle.close();
  }
}

async function readRowGroups(file: string, buffer: AsyncBuffer, metadata: FileMetaData, sink: RowSink): Promise<void> {
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const rows = await damaged(file, () =>
      parquetReadObjects({
        file: buffer,
        metadata,
        columns: [...sink.columns],
        rowStart: start,
        rowEnd: end,
        compressors,
      }),
    );
    rows.forEach((values, index) => {
      sink.read((column) => values[column], start + index);
    });
    start = end;
  }
}

async function damaged<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    const message = `The Parquet file cannot be read: ${(error as Error).message}. Copy or write it again.`;
    throw located('ERR_MALFORMED_FILE', message, { file }, error);
  }
}
