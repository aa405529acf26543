import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoverageError, located } from '../error.js';
import { FileStream } from '../input/file-stream.js';
import { isObject, type JsonObject } from '../input/json.js';
import { writeFailure } from '../write-file.js';

/** What a file of lines holds: a manifest of the form `M`, then a line for each key, a number from 0. */
export interface LineFormat<M> {
  /** The command that writes it, for messages. */
  readonly command: string;
  /** The manifest in the first line; `null` if it is none. */
  readonly parseHead: (text: string) => M | null;
  /** What a line is of, in words and as a key (`undefined`: of nothing in the input), and the number it brings; `null` if it is none. */
  readonly parseLine: (
    line: JsonObject,
  ) => { readonly what: string; readonly key: number | undefined; readonly value: number } | null;
}

/** What a file holds already. */
export interface Held<M> {
  readonly manifest: M;
  /** The number of each key that is there. */
  readonly known: Map<number, number>;
  /** Where the line of each key stands: offset and length in bytes, line break included. */
  readonly places: Map<number, readonly [number, number]>;
  /** Bytes of whole lines. */
  readonly length: number;
}

/**
 * How long what comes waits for more before it is written, in milliseconds. A write costs as much as all else that is done with
 * an answer, on cores that a server beside this process has a use for.
 */
const WRITE_EVERY = 20;

/** How often what is written is brought to the disk, in milliseconds: waiting for it with each line would halve the rate. */
const SYNC_EVERY = 1000;

/**
 * Lines go to the end of the file wherever that is: where another program cuts it just then they stand where it ends, and what
 * is missing is noticed. Written by their place they would stand behind zeros, in a file as long as it should be. Windows would not let a file be
 * cut that is opened so.
 */
const APPENDED = process.platform !== 'win32';
const { O_RDWR, O_CREAT, O_TRUNC, O_APPEND } = constants;
const EXISTING = APPENDED ? O_RDWR | O_APPEND : 'r+';
const NEW = APPENDED ? O_RDWR | O_APPEND | O_CREAT | O_TRUNC : 'w';

/** A line on its way, and whoever waits for it. */
interface PendingLine {
  readonly text: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A manifest, then a line a key as they come, each written before it counts: a run that is killed loses only what was in
 * flight, and a machine that loses its power a second more. Once all are there, the lines are put in the order of the input, so that the
 * same results are the same bytes, however often the run was cut off.
 */
export class LineFile<M> {
  readonly path: string;
  readonly manifest: M;
  readonly #handle: FileHandle;
  readonly #known: Map<number, number>;
  readonly #places: Map<number, readonly [number, number]>;
  /** Bytes with what is on its way. */
  #length: number;
  /** Bytes written. */
  #written: number;
  #pending: PendingLine[] = [];
  /** Under way while something is pending. */
  #writing: Promise<void> | null = null;
  /** Why nothing more is written: a line after one that is missing would stand behind a gap. */
  #failure: unknown = null;
  /** Whether whoever appended was told of it. */
  #told = false;
  #syncTimer: NodeJS.Timeout | null = null;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(path: string, handle: FileHandle, held: Held<M>) {
    this.path = path;
    this.#handle = handle;
    this.manifest = held.manifest;
    this.#known = held.known;
    this.#places = held.places;
    this.#length = held.length;
    this.#written = held.length;
  }

  /** What `path` holds; `null` if there is no such file, or nothing whole in it. */
  static async peek<M>(path: string, format: LineFormat<M>): Promise<Held<M> | null> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw writeFailure(path, error);
    });
    if (handle === null) return null;
    const { size } = await handle.stat();
    await handle.close();
    return size === 0 ? null : read(path, format);
  }

  /** Goes on with the file that `held` was read from, or begins it. */
  static async open<M>(path: string, manifest: M, held: Held<M> | null): Promise<LineFile<M>> {
    try {
      const handle = await open(path, held === null ? NEW : EXISTING);
      if (held !== null) {
        await handle.truncate(held.length);
        return new LineFile(path, handle, held);
      }
      const head = Buffer.from(`${JSON.stringify(manifest)}\n`);
      await writeAll(handle, head, 0);
      await handle.sync();
      return new LineFile(path, handle, { manifest, known: new Map(), places: new Map(), length: head.length });
    } catch (error) {
      throw writeFailure(path, error);
    }
  }

  /** The number of a key that is there. */
  known(key: number): number | undefined {
    return this.#known.get(key);
  }

  get count(): number {
    return this.#known.size;
  }

  /** Appends the line of a key; resolves once it is written. */
  async append(key: number, value: number, line: object): Promise<void> {
    if (this.#known.has(key)) throw new CoverageError('ERR_INTERNAL', `Line ${key} of ${this.path} came twice.`);
    const text = Buffer.from(`${JSON.stringify(line)}\n`);
    this.#known.set(key, value);
    this.#places.set(key, [this.#length, text.length]);
    this.#length += text.length;
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ text, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Writes all that is pending, again and again: what comes meanwhile is written together. */
  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      await sleep(WRITE_EVERY);
      const lines = this.#pending;
      this.#pending = [];
      if ((await this.#put(lines)) === null) continue;
      // A disk that is full takes those that it still has room for.
      for (const line of lines) {
        const failure = await this.#put([line]);
        if (failure === null) continue;
        this.#failure ??= writeFailure(this.path, failure);
        this.#told = true;
        line.reject(this.#failure);
      }
    }
    this.#writing = null;
  }

  /** Writes lines as one piece; resolves to why that failed, or to `null`. */
  async #put(lines: readonly PendingLine[]): Promise<unknown> {
    if (this.#failure !== null) return this.#failure;
    const bytes = Buffer.concat(lines.map(({ text }) => text));
    try {
      // Written behind an end that came nearer, lines would stand behind a gap.
      if ((await this.#handle.stat()).size < this.#written) return this.#wasChanged();
      await writeAll(this.#handle, bytes, this.#written);
    } catch (error) {
      // What follows would stand behind a line in part.
      await this.#cutBack().catch((failure: unknown) => {
        this.#failure ??= writeFailure(this.path, failure);
      });
      return error;
    }
    this.#written += bytes.length;
    this.#syncTimer ??= setTimeout(() => this.#sync(), SYNC_EVERY).unref();
    for (const { resolve } of lines) resolve();
    return null;
  }

  /** Brings to the disk what is written by now; where that fails, nothing more is written. */
  #sync(): void {
    this.#syncTimer = null;
    this.#syncing = this.#syncing
      .then(() => this.#handle.datasync())
      .catch((error: unknown) => {
        this.#failure ??= writeFailure(this.path, error);
      });
  }

  /**
   * Closes the file, with all that was appended on the disk; if every key of `keys` is there, they are put in this order.
   *
   * @throws CoverageError `ERR_WRITE_FAILED` where the disk refuses what had seemed to be written
   */
  async close(keys: readonly number[]): Promise<void> {
    await this.#writing;
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer);
    this.#sync();
    await this.#syncing;
    // Whole lines only; where even that fails, the next run leaves out what is no line to its end.
    if (this.#failure !== null) await this.#cutBack().catch(() => undefined);
    if (this.#failure === null) this.#failure = await this.#displaced();
    await this.#handle.close();
    if (this.#failure !== null && !this.#told) throw this.#failure;
    if (this.#failure !== null) return;
    const lines = [...this.#places.keys()];
    const complete = lines.length === keys.length;
    if (complete && !lines.every((key, index) => key === keys[index])) await this.#arrange(keys);
  }

  /** Takes off what was written of a line in part. Never makes longer what another program has cut: zeros would stand there. */
  async #cutBack(): Promise<void> {
    if ((await this.#handle.stat()).size > this.#written) await this.#handle.truncate(this.#written);
  }

  /** Why what was written is not what stands at the path; `null` if it is. */
  async #displaced(): Promise<CoverageError | null> {
    const [own, there] = await Promise.all([
      this.#handle.stat({ bigint: true }),
      stat(this.path, { bigint: true }).catch(() => null),
    ]);
    const moved = own.ino !== there?.ino || own.dev !== there.dev;
    if (!moved && own.size === BigInt(this.#written)) return null;
    return moved
      ? this.#lost('was moved or removed while it was written: what was written since went with it')
      : this.#wasChanged();
  }

  #wasChanged(): CoverageError {
    return this.#lost('was changed by another program while it was written: it is no longer what was written');
  }

  #lost(what: string): CoverageError {
    const message = `${this.path} ${what}. Put it back as it was, or begin again.`;
    return new CoverageError('ERR_WRITE_FAILED', message, { place: { file: this.path } });
  }

  async #arrange(keys: readonly number[]): Promise<void> {
    const partial = `${this.path}.partial`;
    try {
      const [from, to] = [await open(this.path, 'r'), await open(partial, 'w')];
      try {
        // Not spread into a call: there may be millions.
        let start = this.#length;
        for (const [offset] of this.#places.values()) start = Math.min(start, offset);
        await to.write(await readAt(from, 0, start));
        for (let at = 0; at < keys.length; at += 4096) {
          const pieces = keys.slice(at, at + 4096).map((key) => readAt(from, ...this.#places.get(key)!));
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
      throw writeFailure(this.path, error);
    }
  }
}

/** Closes files, each of them even where one fails, and then throws the first failure. */
export async function closeAll<M>(files: readonly LineFile<M>[], keys: readonly number[]): Promise<void> {
  const closed = await Promise.allSettled(files.map((file) => file.close(keys)));
  for (const each of closed) if (each.status === 'rejected') throw each.reason;
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const place = APPENDED ? null : position + done;
    done += (await handle.write(bytes, done, bytes.length - done, place)).bytesWritten;
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

/** Reads what a run before has written; a last line without an end was cut off and is left out. */
async function read<M>(path: string, { command, parseHead, parseLine }: LineFormat<M>): Promise<Held<M> | null> {
  const known = new Map<number, number>();
  const places = new Map<number, readonly [number, number]>();
  let manifest: M | null = null;
  let [offset, row] = [0, 0];
  const take = (bytes: Buffer) => {
    row += 1;
    const text = bytes.toString('utf8');
    if (row === 1) {
      manifest = parseHead(text);
      if (manifest === null) {
        const message = `This file is there already and is not what ${command} writes: choose another folder.`;
        throw located('ERR_OTHER_RUN', message, { file: path });
      }
    } else {
      const line = objectIn(text);
      const found = line === null ? null : parseLine(line);
      const refuse = (code: string, message: string) => located(code, message, { file: path, row });
      if (found === null)
        throw refuse('ERR_MALFORMED_FILE', `This is no line of ${command}: the file was changed since it was written.`);
      const { what, key, value } = found;
      if (key === undefined)
        throw refuse(
          'ERR_OTHER_RUN',
          `${what} is not in the input: go on with what it was begun with, or choose another folder.`,
        );
      if (known.has(key)) throw refuse('ERR_DUPLICATE_ID', `${what} is there twice: take one of the two lines away.`);
      known.set(key, value);
      places.set(key, [offset, bytes.length + 1]);
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

function objectIn(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
