import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { located } from './findings.js';
import { isObject, parseJson } from './json.js';
import type { LogProbsInput } from './reader.js';

/** Larger JSON files beside the data are taken for something else. */
const MAX_SIDECAR = 256 << 20;

/** `samples_<task>_<date>.jsonl`, as lm-evaluation-harness names its files. */
const SAMPLES = /^samples_(?<task>.+)_(?<date>\d{4}-\d{2}-\d{2}T[\d.-]+?)\.jsonl(\.gz)?$/;

/** Reads `NAME=PATH` or `PATH`; an existing path that contains `=` is a path. */
export async function parseInput(input: string | LogProbsInput): Promise<LogProbsInput> {
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

/** What the name of a file of lm-evaluation-harness and the results beside it say. */
export interface LmEvalFile {
  /** Name of the model; `undefined` if only the folder's name is known and two files of a task share it. */
  readonly model: string;
  /** Name of the task, if the file name has it. */
  readonly task: string | undefined;
}

/**
 * Model and task of a `samples_<task>_<date>.jsonl` file. The folder is named after the repository alone, so that
 * revisions of one model share it; `results_<date>.json` beside it has the arguments the model was loaded with.
 */
export async function describeLmEvalFile(path: string): Promise<LmEvalFile> {
  const match = SAMPLES.exec(basename(path));
  const folder = basename(dirname(path));
  const fallback = folder === '' || folder === '.' ? nameFiles([path])[0]! : folder;
  if (!match?.groups) return { model: nameFiles([path])[0]!, task: undefined };
  const { task, date } = match.groups;
  const results = await readSidecar(join(dirname(path), `results_${date}.json`));
  return { model: (results && modelOfResults(results)) ?? fallback, task };
}

function modelOfResults(results: object): string | undefined {
  if (!isObject(results)) return undefined;
  const config = isObject(results['config']) ? results['config'] : {};
  const given = config['model_args'];
  const args: Record<string, unknown> =
    typeof given === 'string'
      ? Object.fromEntries(
          given.split(',').map((part) =>
            part
              .split(/=(.*)/s)
              .slice(0, 2)
              .map((text) => text.trim()),
          ),
        )
      : isObject(given)
        ? { ...given }
        : {};
  const name = [args['peft'], args['delta'], args['pretrained'], args['model'], results['model_name']].find(
    (value) => typeof value === 'string' && value !== '',
  );
  const revision = args['revision'];
  return typeof name === 'string'
    ? name + (typeof revision === 'string' && revision !== 'main' ? `@${revision}` : '')
    : undefined;
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
