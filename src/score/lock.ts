import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { CoverageError } from '../error.js';
import { writeFailure } from '../write-file.js';

/** Milliseconds after which a lock that names no process is left over: its writer needs far less between making and filling it. */
const UNFINISHED = 10_000;

/**
 * Keeps a file for one process: two that score the same would pay twice. A lock whose process on this machine is gone, as
 * after kill −9, is taken over.
 *
 * @throws CoverageError `ERR_OUTPUT_IN_USE`
 */
export async function lock(path: string): Promise<() => Promise<void>> {
  const file = `${path}.lock`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await place(file, JSON.stringify({ process: process.pid, host: hostname() }));
      return () => rm(file, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeFailure(path, cause);
      if (attempt > 3 || !(await takeAway(file))) {
        throw new CoverageError(
          'ERR_OUTPUT_IN_USE',
          `Another process writes ${path}: wait for it. If it runs no more, as on a machine that is gone, remove ${file}.`,
          { place: { file }, cause },
        );
      }
    }
  }
}

/** Makes the lock with its content in one step, so that no end of the process leaves one that says nothing. */
async function place(file: string, text: string): Promise<void> {
  const filled = aside(file);
  try {
    await writeFile(filled, text, { flag: 'wx' });
    await link(filled, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !WITHOUT_LINKS.has(code)) throw error;
    const handle = await open(file, 'wx');
    await handle.writeFile(text);
    await handle.close();
  } finally {
    await rm(filled, { force: true });
  }
}

/** What file systems say that have no hard links. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

function aside(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}.partial`;
}

/** Removes a lock that nobody holds any more; `false` if somebody does. */
async function takeAway(file: string): Promise<boolean> {
  const held = await readFile(file, 'utf8').catch(() => null);
  if (held === null) return true;
  if (!(await isStale(file, held))) return false;
  const taken = aside(file);
  try {
    await rename(file, taken);
    // Another process may have come first, so that this is its new lock.
    if ((await readFile(taken, 'utf8')) !== held) await link(taken, file);
  } catch {
    // Gone, or there again: the next attempt sees.
  } finally {
    await rm(taken, { force: true });
  }
  return true;
}

async function isStale(file: string, text: string): Promise<boolean> {
  let holder: { process: number; host: string };
  try {
    holder = JSON.parse(text);
  } catch {
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs > UNFINISHED;
  }
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.process, 0);
    return false;
  } catch (error) {
    // No such process.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
