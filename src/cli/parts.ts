import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CoverageError } from '../error.js';
import { callNative, native } from '../native.js';
import { shardSchema } from '../options.js';
import { readSaved } from '../saved-file.js';
import { CountsPart } from '../selection/counts-part.js';
import { packageVersion } from '../version.js';
import { writeReportFile } from '../write-file.js';
import * as z from '../zod.js';
import { commandLine } from './command-line.js';

/** A part of a command that several processes share. */
export interface Part {
  readonly path: string;
  readonly shard: readonly [number, number];
  /** The words of the command that the parts are of, its name first. */
  readonly command: readonly string[];
  /** Whether all of it is there. */
  readonly finished: boolean;
}

const FILE = 'part.json';
const fileSchema = z.object({
  version: z.string(),
  shard: shardSchema,
  command: z.array(z.string()).min(1),
  finished: z.boolean(),
});

/**
 * Reads which part a file of `select --shard` is, or a folder of `train --shard` or `reproduce --shard`.
 *
 * @throws CoverageError `ERR_IO`, `ERR_MALFORMED_FILE`
 */
export async function readPart(path: string): Promise<Part> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const { shard, command } = await CountsPart.read(path);
    return { path, shard, command, finished: true };
  }
  return readSaved('part', join(path, FILE), (bytes) => {
    const found = fileSchema.safeParse(parseJson(bytes));
    if (!found.success) throw new CoverageError('ERR_MALFORMED_FILE', 'This does not say which part it is.');
    const { shard, command, finished } = found.data;
    return { path, shard, command, finished };
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Makes a folder that of a part, or makes sure that it is that already: a part that was interrupted goes on.
 *
 * @throws CoverageError `ERR_OUTPUT_EXISTS` if it is another
 */
export async function claimFolder(path: string, shard: readonly [number, number]): Promise<void> {
  const command = wordsOfWhole();
  const there = await readPart(path).catch((error: unknown) => {
    if (error instanceof CoverageError && error.code === 'ERR_IO') return null;
    throw error;
  });
  if (there === null) {
    await writePart({ path, shard, command, finished: false });
    return;
  }
  if (`${there.shard}` === `${shard}` && JSON.stringify(there.command) === JSON.stringify(command)) return;
  throw new CoverageError(
    'ERR_OUTPUT_EXISTS',
    `${path} is part ${there.shard.join('/')} of: ${there.command.join(' ')}. Write this part elsewhere.`,
    { place: { file: path } },
  );
}

async function writePart({ path, ...part }: Part): Promise<void> {
  await writeReportFile(join(path, FILE), `${JSON.stringify({ version: packageVersion, ...part })}\n`);
}

/** Says of a folder that all of its part is there, and what to do next. */
export async function finishPart(path: string, shard: readonly [number, number]): Promise<string> {
  await writePart({ path, shard, command: wordsOfWhole(), finished: true });
  return madePart(shard, path);
}

/**
 * Makes sure that all parts of one command are there, each once and finished.
 *
 * @throws CoverageError `ERR_MISSING_PART`, `ERR_INPUT_CHANGED`
 */
export function checkParts(parts: readonly Part[]): void {
  callNative(() =>
    native.checkParts(
      parts.map(({ shard: [part, of] }) => [part, of]),
      parts.map(({ path }) => path),
    ),
  );
  const unfinished = parts.find(({ finished }) => !finished);
  if (unfinished !== undefined) {
    throw new CoverageError(
      'ERR_MISSING_PART',
      `Part ${unfinished.shard.join('/')} in ${unfinished.path} is not finished: run it again, it goes on where it was.`,
      { place: { file: unfinished.path } },
    );
  }
  const [first, ...others] = parts;
  const other = others.find(({ command }) => JSON.stringify(command) !== JSON.stringify(first!.command));
  if (other === undefined) return;
  throw new CoverageError(
    'ERR_INPUT_CHANGED',
    `${first!.path} is of “${first!.command.join(' ')}”, ${other.path} of “${other.command.join(' ')}”: put together parts of one command.`,
    { place: { file: other.path } },
  );
}

/** Options that are a part's own, with and without a value: they are not of the whole. */
const OWN_VALUES = new Set(['--shard', '--out', '--output', '-o', '--threads', '--save-every']);
const OWN_FLAGS = new Set(['--quiet', '--resume', '--overwrite']);

/** The words of the command line without what is the part's own: the command that all parts are of. */
export function wordsOfWhole(words: readonly string[] = commandLine.words): string[] {
  const whole: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (OWN_FLAGS.has(word) || OWN_VALUES.has(word.split('=', 1)[0]!)) {
      if (OWN_VALUES.has(word)) at += 1;
    } else whole.push(word);
  }
  return whole;
}

/** What a command says when it has made a part. */
export function madePart([part, of]: readonly [number, number], path: string): string {
  return `Part ${part} of ${of} is in ${path}. When all are there: coverage-principle merge PART…\n`;
}
