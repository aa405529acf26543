import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { located } from './findings.js';
import { isObject, parseJson } from './json.js';

/** One file to read. */
export interface InputFile {
  /** Path of the file. */
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

/** Larger JSON files beside the data are taken for something else. */
const MAX_SIDECAR = 256 << 20;

/** Reads `NAME=PATH` or `PATH`; an existing path that contains `=` is a path. */
export async function parseInput(input: string | InputFile): Promise<InputFile> {
  if (typeof input !== 'string') return input;
  const equals = input.indexOf('=');
  const name = input.slice(0, Math.max(equals, 0)).trim();
  if (name === '' || /[/\\]/.test(name) || (await exists(input))) return { path: input };
  return { model: name, path: input.slice(equals + 1) };
}

/** Names for files of one model that do not say which: what tells them apart of file and folder names. */
export function nameFiles(paths: readonly string[]): string[] {
  const bases = paths.map((path) =>
    basename(path).replace(/(\.(jsonl?|ndjson|csv|tsv|parquet|pq|np[yz]|safetensors|gz))+$/i, ''),
  );
  const folders = paths.map((path) => basename(dirname(path)));
  if (isDistinct(bases)) return bases;
  if (isDistinct(folders)) return folders;
  return bases.map((base, index) => `${folders[index]}/${base}`);
}

/** A JSON object beside the data; `undefined` if there is none. @throws CoverageError `ERR_MALFORMED_FILE` */
export async function readSidecar(path: string): Promise<object | undefined> {
  const size = await stat(path).then(
    (info) => (info.isFile() ? info.size : 0),
    () => 0,
  );
  if (size === 0 || size > MAX_SIDECAR) return undefined;
  const text = await readFile(path, 'utf8');
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    throw located(
      'ERR_MALFORMED_FILE',
      `The JSON file beside the data is not valid: ${(error as Error).message}.`,
      { file: path },
      error,
    );
  }
}

function isDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
