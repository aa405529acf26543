import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CoverageError, located } from '../error.js';
import * as z from '../zod.js';

/** One file to read. */
export interface InputFile {
  /** Path of the file, a folder, a pattern such as `runs/*.jsonl`, or `-` for standard input. */
  readonly path: string;
  /** Name of the model whose data the file holds; for files of one model. */
  readonly model?: string | undefined;
}

const inputSchema = z.union([
  z.string().min(1),
  z.strictObject({ path: z.string().min(1), model: z.string().min(1).optional() }),
]);

/** Schema of one or more files, as `PATH`, `NAME=PATH` or objects. */
export const inputsSchema = z.union([inputSchema, z.array(inputSchema).min(1, 'give at least one file')]);

/** A file as the core is told of it. */
export interface PlainFile {
  readonly path: string;
  /** What messages call it, where that is not its path. */
  readonly shown?: string;
  readonly model?: string;
}

/** Extensions of data in a folder; what else lies there is left alone. */
const DATA = /\.(jsonl?|ndjson|csv|tsv|parquet|pq|arrow|feather|np[yz]|safetensors|eval)(\.(gz|zst|xz|bz2))?$/i;

/** Names the files that inputs stand for, calls `read` with them, and removes what had to be kept for a while. */
export async function withFiles<T>(
  inputs: readonly (string | InputFile)[],
  signal: AbortSignal | undefined,
  read: (files: readonly PlainFile[]) => Promise<T>,
): Promise<T> {
  const spool = { folder: undefined as string | undefined };
  try {
    const files: PlainFile[] = [];
    for (const input of inputs) files.push(...(await expand(await parseInput(input), spool, signal)));
    return await read(files);
  } finally {
    if (spool.folder !== undefined) await rm(spool.folder, { recursive: true, force: true });
  }
}

/** Reads `NAME=PATH` or `PATH`; an existing path that contains `=` is a path. */
async function parseInput(input: string | InputFile): Promise<InputFile> {
  if (typeof input !== 'string') return input;
  const equals = input.indexOf('=');
  const name = input.slice(0, Math.max(equals, 0)).trim();
  if (name === '' || isPattern(name) || (await kindOf(input)) !== null) return { path: input };
  const path = input.slice(equals + 1);
  // `org/model=FILE` names a model; `folder/a=b.csv` that is not there is a path.
  const named = !/[/\\]/.test(name) || path === '-' || isPattern(path) || (await kindOf(path)) !== null;
  return named ? { model: name, path } : { path: input };
}

async function expand(
  { path, model }: InputFile,
  spool: { folder: string | undefined },
  signal: AbortSignal | undefined,
): Promise<PlainFile[]> {
  const named = model !== undefined && { model };
  if (path === '-') return [{ path: await spoolStdin(spool, signal), shown: '-', ...named }];
  const kind = await kindOf(path);
  if (kind === 'folder') return (await filesOf(path)).map((file) => ({ path: file, ...named }));
  if (kind !== null || !isPattern(path)) return [{ path, ...named }];
  // Loaded here: few commands are given a pattern that the shell has not filled in.
  const { glob } = await import('tinyglobby');
  const found = await glob(path.replaceAll('\\', '/'), {
    dot: false,
    expandDirectories: false,
    ...(signal && { signal }),
  });
  if (found.length === 0) {
    throw located('ERR_IO', 'No file is called like this pattern: check it, and quote it so that it arrives.', {
      file: path,
    });
  }
  return found.sort(byName).map((file) => ({ path: file, ...named }));
}

function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  return stat(path).then(
    (info) => (info.isDirectory() ? 'folder' : 'file'),
    () => null,
  );
}

/** The files of data in a folder and the folders in it, in the order of their names, numbers by value. */
async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
    const names = entries.filter((entry) => !entry.isDirectory() && DATA.test(entry.name)).map(({ name }) => name);
    const rows = names.filter((name) => !/\.json$/i.test(name));
    // JSON beside other data describes it, as a list of names or a summary of results.
    const data = rows.length > 0 ? rows : names.filter((name) => !/^results_.*\.json$/.test(name));
    files.push(...data.sort(byName).map((name) => join(path, name)));
    for (const { name } of entries.filter((entry) => entry.isDirectory()).sort((a, b) => byName(a.name, b.name))) {
      await visit(join(path, name));
    }
  };
  await visit(folder);
  if (files.length > 0) return files;
  throw located('ERR_UNSUPPORTED_FILE', 'This is a directory, and no file of data is in it: name the files.', {
    file: folder,
  });
}

let collator: Intl.Collator | undefined;

function byName(a: string, b: string): number {
  // Made on first use: it takes a twentieth of the time that a small command does.
  collator ??= new Intl.Collator('en', { numeric: true });
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** Standard input as a file: formats are told by content, and some are read here and there. */
async function spoolStdin(spool: { folder: string | undefined }, signal: AbortSignal | undefined): Promise<string> {
  if (spool.folder !== undefined) {
    throw new CoverageError('ERR_INVALID_OPTION', 'Standard input (-) can be read once only.', {
      place: { file: '-' },
    });
  }
  spool.folder = await mkdtemp(join(tmpdir(), 'coverage-principle-'));
  const path = join(spool.folder, 'stdin');
  await pipeline(process.stdin, createWriteStream(path), { ...(signal && { signal }) }).catch((error) => {
    throw signal?.aborted ? signal.reason : error;
  });
  return path;
}
