import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CoverageError } from '../error.js';

/**
 * Reads a configuration: `.json`, the default export of `.js`, `.mjs` or `.cjs`, or of `.ts` (or `.mts`), for which the
 * package `typescript` must be installed beside the configuration or this package. Not checked yet.
 *
 * @throws CoverageError `ERR_IO`, `ERR_MALFORMED_FILE`, `ERR_UNSUPPORTED_FILE`, `ERR_TYPESCRIPT_UNAVAILABLE`
 */
export async function loadConfig(path: string): Promise<unknown> {
  switch (extname(path)) {
    case '.json':
      return parseJson(path, await readText(path));
    case '.js':
    case '.mjs':
    case '.cjs':
      await readText(path);
      return importDefault(path, path);
    case '.ts':
    case '.mts':
      return importTypeScript(path);
    default:
      throw failure('ERR_UNSUPPORTED_FILE', path, 'a configuration is a .json, .js, .mjs, .cjs, .ts or .mts file');
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw failure('ERR_IO', path, missing ? 'there is no such file' : (cause as Error).message, cause);
  }
}

function parseJson(path: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw failure('ERR_MALFORMED_FILE', path, `it is not valid JSON: ${(cause as Error).message}`, cause);
  }
  const deep = deepPlace(value);
  if (deep === null) return value;
  throw failure('ERR_MALFORMED_FILE', path, `it is nested more than ${DEEPEST} levels deep, at ${deep}…`);
}

/** Levels of a configuration: features made of features, no more. */
const DEEPEST = 100;

/** Where a value is nested deeper than a configuration can be, or `null`. */
function deepPlace(value: unknown): string | null {
  let level: [unknown, string][] = [[value, '']];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return level[0]![1].slice(1, 61);
    level = level.flatMap(([each, place]) =>
      typeof each === 'object' && each !== null
        ? Object.entries(each).map(([key, inner]): [unknown, string] => [inner, `${place}.${key}`])
        : [],
    );
  }
  return null;
}

async function importDefault(file: string, path: string): Promise<unknown> {
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(resolve(file)).href);
  } catch (cause) {
    throw failure('ERR_MALFORMED_FILE', path, `it fails when loaded: ${(cause as Error).message}`, cause);
  }
  if (loaded.default === undefined) {
    throw failure('ERR_MALFORMED_FILE', path, 'it has no default export: export default { data: …, training: … }');
  }
  return loaded.default;
}

async function importTypeScript(path: string): Promise<unknown> {
  const source = await readText(path);
  const typescript = loadTypeScript(path);
  const { outputText } = typescript.transpileModule(source, {
    fileName: path,
    compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2022 },
  });
  // Beside the original, so that its imports resolve as they would from there.
  const compiled = join(dirname(path), `.${randomBytes(6).toString('hex')}.train-config.mjs`);
  try {
    await writeFile(compiled, outputText, { flag: 'wx' });
  } catch (cause) {
    throw failure('ERR_WRITE_FAILED', path, 'its compiled form cannot be written beside it: use a .mjs file', cause);
  }
  try {
    return await importDefault(compiled, path);
  } finally {
    await rm(compiled, { force: true });
  }
}

function loadTypeScript(path: string): typeof import('typescript') {
  for (const from of [pathToFileURL(resolve(path)).href, import.meta.url]) {
    try {
      return createRequire(from)('typescript');
    } catch {
      // Perhaps the other place has it.
    }
  }
  throw failure(
    'ERR_TYPESCRIPT_UNAVAILABLE',
    path,
    'a TypeScript configuration needs the package typescript (npm install typescript); a .json or .mjs file needs nothing more',
  );
}

function failure(code: string, path: string, reason: string, cause?: unknown): CoverageError {
  return new CoverageError(code, `${path} cannot be used: ${reason}.`, {
    place: { file: path },
    ...(cause !== undefined && { cause }),
  });
}
