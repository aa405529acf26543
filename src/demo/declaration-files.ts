import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CoverageError } from '../error.js';

/** A demonstration on real text needs at least so much of it. */
const LEAST_BYTES = 1_000_000;
const MOST_BYTES = 3_000_000;

/** Where declaration files are looked for: packages with a good deal of real text, best first. */
const PLACES = [
  ['typescript/package.json', 'lib'],
  ['echarts/package.json', 'types/dist'],
  ['zod/package.json', 'v4'],
] as const;

/**
 * Declaration files of installed packages, 1 to 3 MB of real text: those of TypeScript where it is installed, else of
 * this package's own dependencies. The same files in the same order on every machine with the same versions.
 *
 * @throws CoverageError `ERR_IO` if there are too few
 */
export function declarationFiles(): string[] {
  const files: string[] = [];
  let bytes = 0;
  for (const [manifest, folder] of PLACES) {
    for (const file of declarationsIn(manifest, folder)) {
      const { size } = statSync(file);
      if (bytes + size > MOST_BYTES) continue;
      files.push(file);
      bytes += size;
    }
    if (bytes >= LEAST_BYTES) return files;
  }
  throw new CoverageError(
    'ERR_IO',
    `Only ${bytes} bytes of declaration files were found to train on: name text files: coverage-principle demo text FILE….`,
  );
}

function declarationsIn(manifest: string, folder: string): string[] {
  let path: string;
  try {
    path = join(dirname(createRequire(import.meta.url).resolve(manifest)), folder);
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.d.ts'))
      .sort()
      .map((name) => join(path, name));
  } catch {
    return [];
  }
}
