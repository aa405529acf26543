import { CsvError, parse } from 'csv-parse';
import type { FileStream } from './file-stream.js';
import { located } from './findings.js';
import type { RowSink } from './rows.js';

/** Longest record in characters; an unclosed quote would otherwise swallow the file. */
const MAX_RECORD = 2 ** 28;

/** Reads CSV or TSV; the first line has the names of the columns, `row` is the one-based line. */
export async function readCsv(stream: FileStream, makeSink: (columns: readonly string[]) => RowSink): Promise<void> {
  let reader: RowSink | undefined;
  const positions = new Map<string, number>();
  const onRecord = (record: string[], line: number): null => {
    if (reader) {
      reader.read((column) => record[positions.get(column)!], line);
      return null;
    }
    const repeated = record.find((column, index) => record.indexOf(column) !== index);
    if (repeated !== undefined) {
      const message = `The column ${repeated} occurs twice in the header: names must be distinct.`;
      throw located('ERR_MALFORMED_FILE', message, { file: stream.path, row: line });
    }
    record.forEach((column, index) => {
      positions.set(column, index);
    });
    reader = makeSink(record);
    return null;
  };

  let parser: ReturnType<typeof parse> | undefined;
  let finished: Promise<void> | undefined;
  try {
    for await (const piece of stream.text()) {
      if (!parser) {
        parser = parse({
          bom: true,
          delimiter: delimiterOf(piece),
          skip_empty_lines: true,
          trim: true,
          max_record_size: MAX_RECORD,
          on_record: (record: string[], info) => onRecord(record, info.lines),
        });
        finished = settled(parser);
        // Awaited below; until then a failure must not count as unhandled.
        finished.catch(() => {});
        parser.resume();
      }
      if (!parser.write(piece)) await Promise.race([finished, drained(parser)]);
    }
    parser?.end();
    await finished;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const message = `This is not a valid table: ${error.message}. Quote fields that contain the delimiter, quotes or line breaks.`;
    const row = typeof error['lines'] === 'number' ? error['lines'] : undefined;
    throw located('ERR_MALFORMED_FILE', message, { file: stream.path, ...(row !== undefined && { row }) }, error);
  }
}

/** Spreadsheets write semicolons where the comma is the decimal sign; tabs are told from commas by the header, too. */
function delimiterOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]|$/));
  return ['\t', ',', ';'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

function settled(parser: NodeJS.ReadWriteStream): Promise<void> {
  return new Promise((resolve, reject) => parser.once('end', resolve).once('error', reject));
}

function drained(parser: NodeJS.ReadWriteStream): Promise<void> {
  return new Promise((resolve) => parser.once('drain', resolve));
}
