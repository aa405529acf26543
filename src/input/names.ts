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

const EXTENSIONS = /(\.(jsonl?|ndjson|csv|tsv|parquet|pq|np[yz]|safetensors|gz))+$/i;

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

/** Names for files that hold one model and do not say which: the given one, or what tells file and folder names apart. */
export function nameFiles(inputs: readonly InputFile[]): string[] {
  const paths = inputs.filter(({ model }) => model === undefined).map(({ path }) => path);
  const bases = paths.map((path) => basename(path).replace(EXTENSIONS, ''));
  const folders = paths.map((path) => basename(dirname(path)));
  const choices = [bases, folders, bases.map((base, index) => `${folders[index]}/${base}`)];
  const names = choices.find((choice) => new Set(choice).size === choice.length) ?? choices[2]!;
  let unnamed = 0;
  return inputs.map(({ model }) => model ?? names[unnamed++]!);
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

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
