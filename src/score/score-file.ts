import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import { parseManifest, type ScoreManifest } from '../log-probs/manifest.js';
import type { LineFormat } from './line-file.js';
import type { ResponseRow } from './rows.js';
import type { Scored } from './values.js';

/** What Windows takes for a device, whatever follows the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=$|\.)/i;

/** Name of the file of a checkpoint, or of a part of it. */
export function fileName(model: string, part: readonly [number, number] | undefined): string {
  const safe = model
    .replace(/[^\w.=,+@-]/g, '_')
    .replace(/^\./, '_')
    .replace(DEVICE, '_$&');
  // Two names must not share a file because neither can be one.
  const tag = safe === model ? '' : `-${createHash('sha256').update(model).digest('hex').slice(0, 8)}`;
  return `${safe}${tag}${part ? `.${part[0]}-of-${part[1]}` : ''}.jsonl`;
}

/**
 * Paths of what may be files of scores in a folder.
 *
 * @throws CoverageError `ERR_IO` where the folder cannot be read
 */
export async function scoreFilesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'it is not there, or no longer' : cause.message;
    throw new CoverageError('ERR_IO', `${folder} cannot be read: ${why}.`, { place: { file: folder }, cause });
  });
  return names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name));
}

/** The scores of one checkpoint: a line a response, its key the position in the input, its number the log-probability. */
export function scoreFormat(rows: readonly ResponseRow[]): LineFormat<ScoreManifest> {
  const positions = new Map(rows.map(({ id }, index) => [String(id), index]));
  return {
    command: 'score',
    parseHead: parseManifest,
    parseLine: ({ id, logProb }) => {
      const value = logProb === '-Infinity' ? Number.NEGATIVE_INFINITY : logProb;
      if (typeof value !== 'number') return null;
      return { what: `Response ${id}`, key: positions.get(String(id)), value };
    },
  };
}

/** The line of a response. */
export function scoreLine(
  { model, tokenLogProbs }: ScoreManifest,
  { id, promptId }: ResponseRow,
  { logProb, tokens }: Scored,
  contentHash: string,
): object {
  return {
    model,
    id,
    ...(promptId !== undefined && promptId !== null && { promptId }),
    logProb: plain(logProb),
    tokenCount: tokens.length,
    contentHash,
    ...(tokenLogProbs && { tokenLogProbs: tokens.map(plain) }),
  };
}

/** JSON has no infinity: the readers take it as text. */
function plain(value: number): number | string {
  return value === Number.NEGATIVE_INFINITY ? '-Infinity' : value;
}
