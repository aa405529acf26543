import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CoverageError, located } from '../error.js';
import { FileStream } from '../input/file-stream.js';
import { isObject } from '../input/json.js';
import { parseManifest, type ScoreManifest } from '../log-probs/manifest.js';
import type { ResponseRow } from './rows.js';
import type { Scored } from './values.js';

/** What a file of scores holds already. */
interface Held {
  readonly manifest: ScoreManifest;
  /** Log-probability of each row that is there, by its position in the input. */
  readonly known: Map<number, number>;
  /** Where the line of each row stands: offset and length in bytes, line break included. */
  readonly places: Map<number, readonly [number, number]>;
  /** Bytes of whole lines. */
  readonly length: number;
}

/** Name of the file of a checkpoint, or of a part of it. */
export function fileName(model: string, part: readonly [number, number] | undefined): string {
  const safe = model.replace(/[^\w.=,+@-]/g, '_').replace(/^\./, '_');
  // Two names must not share a file because neither can be one.
  const tag = safe === model ? '' : `-${createHash('sha256').update(model).digest('hex').slice(0, 8)}`;
  return `${safe}${tag}${part ? `.${part[0]}-of-${part[1]}` : ''}.jsonl`;
}

/**
 * The scores of one checkpoint: a manifest, then a line a response as they come, each on the disk before it counts. Once all
 * are there, the lines are put in the order of the input, so that the same scores are the same bytes, however often the run
 * was cut off.
 */
export class ScoreFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #rows: readonly ResponseRow[];
  readonly #manifest: ScoreManifest;
  readonly #known: Map<number, number>;
  readonly #places: Map<number, readonly [number, number]>;
  #length: number;
  #pending: { text: Buffer; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #writing = false;

  private constructor(path: string, handle: FileHandle, rows: readonly ResponseRow[], held: Held) {
    this.path = path;
    this.#handle = handle;
    this.#rows = rows;
    this.#manifest = held.manifest;
    this.#known = held.known;
    this.#places = held.places;
    this.#length = held.length;
  }

  /** What `path` holds; `null` if there is no such file, or nothing whole in it. */
  static async peek(path: string, rows: readonly ResponseRow[]): Promise<Held | null> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw writeError(path, error);
    });
    if (handle === null) return null;
    const { size } = await handle.stat();
    await handle.close();
    return size === 0 ? null : read(path, rows);
  }

  /** Goes on with the file that `held` was read from, or begins it. */
  static async open(
    path: string,
    rows: readonly ResponseRow[],
    manifest: ScoreManifest,
    held: Held | null,
  ): Promise<ScoreFile> {
    try {
      const handle = await open(path, held === null ? 'w' : 'r+');
      if (held !== null) {
        await handle.truncate(held.length);
        return new ScoreFile(path, handle, rows, held);
      }
      const head = Buffer.from(`${JSON.stringify(manifest)}\n`);
      await handle.write(head, 0, head.length, 0);
      await handle.sync();
      return new ScoreFile(path, handle, rows, { manifest, known: new Map(), places: new Map(), length: head.length });
    } catch (error) {
      throw writeError(path, error);
    }
  }

  get manifest(): ScoreManifest {
    return this.#manifest;
  }

  /** Log-probability of a row that is there. */
  known(row: number): number | undefined {
    return this.#known.get(row);
  }

  get count(): number {
    return this.#known.size;
  }

  /** Appends the score of a row; resolves once it is on the disk. */
  async append(row: number, { logProb, tokens }: Scored, contentHash: string): Promise<void> {
    if (this.#known.has(row)) throw new CoverageError('ERR_INTERNAL', `Row ${row} was scored twice.`);
    const { id, promptId } = this.#rows[row]!;
    const text = Buffer.from(
      `${JSON.stringify({
        model: this.#manifest.model,
        id,
        ...(promptId !== undefined && promptId !== null && { promptId }),
        logProb: plain(logProb),
        tokenCount: tokens.length,
        contentHash,
        ...(this.#manifest.tokenLogProbs && { tokenLogProbs: tokens.map(plain) }),
      })}\n`,
    );
    this.#known.set(row, logProb);
    this.#places.set(row, [this.#length, text.length]);
    this.#length += text.length;
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ text, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  /** Writes all that is pending, again and again: what comes while the disk works is written together. */
  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        const bytes = Buffer.concat(batch.map(({ text }) => text));
        await writeAll(this.#handle, bytes, this.#length - bytes.length);
        await this.#handle.datasync();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(writeError(this.path, error));
      }
    }
    this.#writing = false;
  }

  /** Closes the file; if every row of `rows` (positions) is there, they are put in this order. */
  async close(rows: readonly number[]): Promise<void> {
    await this.#handle.close();
    const lines = [...this.#places.keys()];
    const complete = lines.length === rows.length;
    if (complete && !lines.every((row, index) => row === rows[index])) await this.#arrange(rows);
  }

  async #arrange(rows: readonly number[]): Promise<void> {
    const partial = `${this.path}.partial`;
    try {
      const [from, to] = [await open(this.path, 'r'), await open(partial, 'w')];
      try {
        const start = Math.min(...[...this.#places.values()].map(([offset]) => offset));
        await to.write(await readAt(from, 0, start));
        for (let at = 0; at < rows.length; at += 4096) {
          const pieces = rows.slice(at, at + 4096).map((row) => readAt(from, ...this.#places.get(row)!));
          await to.write(Buffer.concat(await Promise.all(pieces)));
        }
        await to.sync();
      } finally {
        await from.close();
        await to.close();
      }
      await rename(partial, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw writeError(this.path, error);
    }
  }
}

/** JSON has no infinity: the readers take it as text. */
function plain(value: number): number | string {
  return value === Number.NEGATIVE_INFINITY ? '-Infinity' : value;
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('the file became shorter');
    done += bytesRead;
  }
  return buffer;
}

/** So that a name is on the disk, too. Not every system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function writeError(path: string, cause: unknown): unknown {
  if (cause instanceof CoverageError) return cause;
  return new CoverageError('ERR_WRITE_FAILED', `${path} cannot be written: ${(cause as Error).message}.`, {
    place: { file: path },
    cause,
  });
}

/** Reads what a run before has written; a last line without an end was cut off and is left out. */
async function read(path: string, rows: readonly ResponseRow[]): Promise<Held | null> {
  const positions = new Map(rows.map(({ id }, index) => [String(id), index]));
  const known = new Map<number, number>();
  const places = new Map<number, readonly [number, number]>();
  let manifest: ScoreManifest | null = null;
  let [offset, line] = [0, 0];
  const take = (bytes: Buffer) => {
    line += 1;
    const text = bytes.toString('utf8');
    if (line === 1) {
      manifest = parseManifest(text);
      if (manifest === null)
        throw located(
          'ERR_OTHER_RUN',
          'This file is there already and is not what score writes: choose another folder.',
          { file: path },
        );
    } else {
      const { id, logProb } = parseLine(text, path, line);
      const row = positions.get(id);
      if (row === undefined)
        throw located('ERR_OTHER_RUN', `Response ${id} is not in the input: the file is of other responses.`, {
          file: path,
          row: line,
        });
      if (known.has(row))
        throw located('ERR_DUPLICATE_ID', `Response ${id} is there twice: take one of the two lines away.`, {
          file: path,
          row: line,
        });
      known.set(row, logProb);
      places.set(row, [offset, bytes.length + 1]);
    }
    offset += bytes.length + 1;
  };
  let rest: Buffer[] = [];
  for await (const piece of new FileStream(path).bytes()) {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      take(Buffer.concat([...rest, piece.subarray(from, end)]));
      rest = [];
      from = end + 1;
    }
    if (from < piece.length) rest.push(Buffer.from(piece.subarray(from)));
  }
  return manifest === null ? null : { manifest, known, places, length: offset };
}

function parseLine(text: string, file: string, row: number): { id: string; logProb: number } {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) {
      const { id, logProb } = value;
      const number = logProb === '-Infinity' ? Number.NEGATIVE_INFINITY : logProb;
      if (typeof number === 'number') return { id: String(id), logProb: number };
    }
  } catch {
    // Said below.
  }
  throw located('ERR_MALFORMED_FILE', 'This line is no score: the file was changed since it was written.', {
    file,
    row,
  });
}
