import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoverageError } from './error.js';

/**
 * Writes a report file so that a reader sees the old file or the whole new one, never half of it: written beside it,
 * flushed, renamed over it; a content of several pieces is written piece by piece. Folders on the way are made; the
 * partial file is removed if writing fails.
 *
 * @throws CoverageError `ERR_WRITE_FAILED` naming the file, `ERR_INVALID_OPTION` for what is no path or no content
 */
export async function writeReportFile(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  if (typeof path !== 'string') {
    throw new CoverageError('ERR_INVALID_OPTION', 'writeReportFile() takes the path of a file first.');
  }
  if (typeof content !== 'string' && typeof Object(content)[Symbol.iterator] !== 'function') {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'writeReportFile() takes second what the file is to hold: text or bytes.',
    );
  }
  // Loaded here: commands that write no file should not pay for it.
  const { randomBytes } = await import('node:crypto');
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    await makeFolder(dirname(path));
    // `wx`: never through a link or over a file that happens to be there.
    const file = await open(partial, 'wx');
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) await file.writeFile(content);
      else for (const piece of content) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (cause) {
    // If even this fails, the first failure is the one to tell.
    await rm(partial, { force: true }).catch(() => undefined);
    throw writeFailure(path, cause);
  }
}

/** The error of a file or folder that cannot be written, for its user; one that says already what is to be done stays. */
export function writeFailure(path: string, cause: unknown): CoverageError {
  if (cause instanceof CoverageError) return cause;
  return new CoverageError('ERR_WRITE_FAILED', `${path} cannot be written: ${explain(cause)}.`, {
    place: { file: path },
    cause,
  });
}

/** Makes a folder and those that it lies in. Node's own `recursive` never returns for a folder below /proc. */
export async function makeFolder(path: string): Promise<void> {
  if (await exists(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error) => {
    // Another may have made it meanwhile.
    if (!(await exists(path))) throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether a file of this name is what a process that was killed had not finished writing. */
export function isPartial(name: string): boolean {
  return /\.[0-9a-f]{12}\.partial$/.test(name);
}

/** Removes what a killed process left half-written in `folder`, as far as that can be done. */
export async function removePartials(folder: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter(isPartial);
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true }).catch(() => undefined)));
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EISDIR: 'it is a folder; give the name of a file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a part of its path is a file, not a folder',
  ENAMETOOLONG: 'the name is too long',
};

function explain(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return (code && REASONS[code]) || message;
}
