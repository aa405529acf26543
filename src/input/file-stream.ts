import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { located } from '../error.js';

/** Bytes read at a time. */
const CHUNK = 1 << 20;

/**
 * Longest line or JSON value, in UTF-16 units: half of what a string may be, which leaves room for parsing it.
 * Files may be of any length.
 */
const MAX_VALUE = 2 ** 28;

/** Who looks on while a file is read. */
export interface FileWatch {
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
  /** Told the length of every piece that was read. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A file that is read from beginning to end, hashed on the way; gzip, told by its first bytes, is decompressed. */
export class FileStream {
  readonly path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #sha256: string | undefined;

  constructor(path: string, { signal, onBytes }: FileWatch = {}) {
    this.path = path;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  /** SHA-256 of the file's bytes, known once the file was read to its end. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /** The bytes, decompressed. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    await checkFile(this.path);
    const hash = createHash('sha256');
    const raw = this.#rawBytes(hash);
    try {
      const first = await raw.next();
      const whole = first.done ? raw : chained(first.value, raw);
      if (!first.done && first.value[0] === 0x1f && first.value[1] === 0x8b) {
        const gunzip = createGunzip({ chunkSize: CHUNK });
        const feeding = feed(whole, gunzip);
        yield* gunzip;
        await feeding;
      } else {
        yield* whole;
      }
    } catch (error) {
      throw this.#typed(error);
    }
    this.#sha256 = hash.digest('hex');
  }

  async *#rawBytes(hash: Hash): AsyncGenerator<Uint8Array> {
    const stream = createReadStream(this.path, { highWaterMark: CHUNK, ...(this.#signal && { signal: this.#signal }) });
    for await (const chunk of stream) {
      hash.update(chunk);
      this.#onBytes?.(chunk.length);
      yield chunk;
    }
  }

  /** Reads the file to its end for its hash alone. */
  async drain(): Promise<void> {
    for await (const _ of this.bytes());
  }

  /** The text, in pieces; a byte order mark is dropped. */
  async *text(): AsyncGenerator<string> {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let first = true;
    try {
      for await (const chunk of this.bytes()) {
        if (first && ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff))) {
          throw this.error('ERR_UNSUPPORTED_FILE', 'The file is UTF-16: save it as UTF-8.');
        }
        first = false;
        yield decoder.decode(chunk, { stream: true });
      }
      yield decoder.decode();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
      throw this.error('ERR_MALFORMED_FILE', 'The file is not UTF-8 text: save it as UTF-8.', error);
    }
  }

  /** Lines in batches, each with its one-based number; blank lines are left out. */
  async *lines(): AsyncGenerator<{ text: string; row: number }[]> {
    // Pieces of a line that has not ended: each is looked through once, however long the line.
    let rest: string[] = [];
    let length = 0;
    let row = 0;
    for await (const piece of this.text()) {
      const pieces = piece.split('\n');
      const last = pieces.pop()!;
      if (pieces.length > 0) {
        pieces[0] = rest.join('') + pieces[0];
        rest = [];
        length = 0;
      }
      rest.push(last);
      length += last.length;
      this.#checkLength(length, row + pieces.length + 1);
      yield numbered(pieces, row);
      row += pieces.length;
    }
    yield numbered([rest.join('')], row);
  }

  /**
   * The JSON values of the file in batches: the elements of an array, or values that follow one another. `row` is the
   * zero-based position of the value.
   */
  async *jsonValues(): AsyncGenerator<{ text: string; row: number }[]> {
    const splitter = new JsonSplitter();
    let row = 0;
    for await (const piece of this.text()) {
      const values = splitter.push(piece);
      this.#checkLength(splitter.pending.length, row + values.length);
      yield values.map((text) => ({ text, row: row++ }));
    }
    const last = splitter.end();
    if (last === null) {
      throw this.error(
        'ERR_MALFORMED_FILE',
        'The file ends in the middle of a JSON value: it is truncated. Write it again.',
      );
    }
    if (last !== '') yield [{ text: last, row }];
  }

  #checkLength(length: number, row: number): void {
    if (length <= MAX_VALUE) return;
    throw located(
      'ERR_TOO_LARGE',
      `A single line or JSON value is longer than ${MAX_VALUE} characters, which is more than can be parsed at once: ` +
        'write one record a line (JSON Lines), or use Parquet.',
      { file: this.path, row },
    );
  }

  /** An error in this file. */
  error(code: string, message: string, cause?: unknown) {
    return located(code, message, { file: this.path }, cause);
  }

  #typed(error: unknown): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_')) {
      return this.error(
        'ERR_MALFORMED_FILE',
        'The file is not valid gzip data, or is truncated: copy it again.',
        error,
      );
    }
    return error instanceof Error && 'syscall' in error ? ioError(this.path, error) : error;
  }
}

async function* chained<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

async function feed(source: AsyncIterable<Uint8Array>, target: ReturnType<typeof createGunzip>): Promise<void> {
  try {
    for await (const chunk of source) {
      if (!target.write(chunk)) await new Promise((resolve) => target.once('drain', resolve).once('close', resolve));
      if (target.destroyed) return;
    }
    target.end();
  } catch (error) {
    target.destroy(error as Error);
  }
}

/**
 * Fails unless `path` is a regular file with something in it.
 *
 * @throws CoverageError `ERR_IO`, `ERR_UNSUPPORTED_FILE`, `ERR_MALFORMED_FILE`
 */
async function checkFile(path: string): Promise<void> {
  const info = await stat(path).catch((error) => {
    throw ioError(path, error);
  });
  if (info.isDirectory()) {
    const files = (await readdir(path).catch(() => [] as string[])).filter((name) => /\.\w+$/.test(name)).sort();
    const some = files.slice(0, 3).join(', ') + (files.length > 3 ? ', …' : '');
    throw located(
      'ERR_UNSUPPORTED_FILE',
      `This is a directory: name the files in it${some ? ` (it has ${some})` : ''}.`,
      { file: path },
    );
  }
  if (!info.isFile()) {
    throw located(
      'ERR_UNSUPPORTED_FILE',
      'This is a pipe or a device, not a regular file: write the data to a file first.',
      {
        file: path,
      },
    );
  }
  if (info.size === 0) {
    throw located(
      'ERR_MALFORMED_FILE',
      'The file is empty: write it again, or check that the run that wrote it has finished.',
      { file: path },
    );
  }
}

function ioError(path: string, error: Error) {
  const { code } = error as NodeJS.ErrnoException;
  const message =
    code === 'ENOENT'
      ? 'There is no such file: check the path.'
      : code === 'EACCES'
        ? 'No permission to read this file.'
        : `The file cannot be read: ${error.message}.`;
  return located('ERR_IO', message, { file: path }, error);
}

function numbered(pieces: readonly string[], before: number): { text: string; row: number }[] {
  const lines: { text: string; row: number }[] = [];
  pieces.forEach((piece, index) => {
    if (piece.trim() !== '') lines.push({ text: piece, row: before + index + 1 });
  });
  return lines;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Cuts a stream of text into JSON values: the elements of one array, or values one after another. */
class JsonSplitter {
  /** Text of the value that is not complete yet. */
  pending = '';
  #inList: boolean | null = null;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #ended = false;

  push(piece: string): string[] {
    const values: string[] = [];
    let start = 0;
    const take = (end: number) => {
      const value = (this.pending + piece.slice(start, end)).trim();
      this.pending = '';
      if (value !== '') values.push(value);
    };
    for (let index = 0; index < piece.length; index += 1) {
      const unit = piece.charCodeAt(index);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (unit === BACKSLASH) this.#escaped = true;
        else if (unit === QUOTE) this.#inString = false;
      } else if (unit === QUOTE) {
        this.#inString = true;
      } else if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
        if (this.#inList === null) {
          this.#inList = unit === OPEN_LIST;
          if (this.#inList) {
            start = index + 1;
            continue;
          }
        }
        this.#depth += 1;
      } else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) {
        if (this.#depth === 0) {
          take(index);
          this.#ended = true;
          start = index + 1;
          continue;
        }
        this.#depth -= 1;
        if (this.#depth === 0 && !this.#inList) {
          take(index + 1);
          start = index + 1;
        }
      } else if (unit === COMMA && this.#depth === 0) {
        take(index);
        start = index + 1;
      }
    }
    this.pending += piece.slice(start);
    return values;
  }

  /** What is left: a value that needs no closing bracket, nothing, or `null` in the middle of a value. */
  end(): string | null {
    const rest = this.pending.trim();
    const open = this.#inString || this.#depth > 0 || (this.#inList === true && !this.#ended);
    return open ? null : rest;
  }
}
