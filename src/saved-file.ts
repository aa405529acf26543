import { readFile } from 'node:fs/promises';
import { CoverageError } from './error.js';

/**
 * What `decode` makes of the bytes of a file that an earlier run wrote; `what` names it in messages: `race`.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` unless `file` is a path, `ERR_IO` if it cannot be read, and whatever `decode` throws, with the file as the place
 */
export async function readSaved<T>(what: string, file: string, decode: (bytes: Buffer) => T | Promise<T>): Promise<T> {
  if (typeof file !== 'string') throw new CoverageError('ERR_INVALID_OPTION', `A saved ${what} is read from a path.`);
  const place = { file };
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const message = `The saved ${what} ${file} cannot be read: ${(cause as Error).message}.`;
    throw new CoverageError('ERR_IO', message, { place, cause });
  }
  try {
    return await decode(bytes);
  } catch (error) {
    if (!(error instanceof CoverageError)) throw error;
    throw new CoverageError(error.code, `${error.message} (file ${file})`, { place, cause: error });
  }
}
