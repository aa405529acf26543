import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { CoverageError } from '../error.js';

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
      const handle = await open(file, 'wx');
      await handle.writeFile(JSON.stringify({ process: process.pid, host: hostname() }));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const fail = (errorCode: string, text: string) => new CoverageError(errorCode, text, { place: { file }, cause });
      if (code !== 'EEXIST') throw fail('ERR_WRITE_FAILED', `${path} cannot be written: ${message}.`);
      if (attempt > 3 || !(await isStale(file))) {
        throw fail(
          'ERR_OUTPUT_IN_USE',
          `Another process writes ${path}: wait for it. If it runs no more, as on a machine that is gone, remove ${file}.`,
        );
      }
      await rm(file, { force: true });
    }
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const { process: pid, host } = JSON.parse(await readFile(file, 'utf8')) as { process: number; host: string };
    if (host !== hostname()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // No such process.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
