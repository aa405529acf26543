// What an addon was built from, as one hash: a release addon made by `npm ci` from these very sources needs no second
// build for the tests.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');

/** Where a build of the release addon notes the hash of its sources. */
export const releaseSourcesFile = join(native, 'built-from');

/** SHA-256 of all that cargo compiles the addon from, and of the compiler's settings. */
export function addonSources() {
  const hash = createHash('sha256');
  const crates = readdirSync(join(root, 'crates'), { recursive: true })
    .map((name) => join('crates', name))
    .filter((name) => /\.(rs|toml)$/.test(name) && !/^crates.\w+.(tests|examples)\b/.test(name));
  for (const name of ['Cargo.toml', 'Cargo.lock', ...crates.sort()]) {
    hash
      .update(`${name.replaceAll('\\', '/')}\0`)
      .update(readFileSync(join(root, name)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** The addon in `folder`, if there is one. */
export function addonIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.node'))
    .map((name) => join(folder, name))[0];
}

/** The release addon, if there is one of these very sources. */
export function freshRelease() {
  if (!existsSync(releaseSourcesFile)) return undefined;
  return readFileSync(releaseSourcesFile, 'utf8') === addonSources() ? addonIn(native) : undefined;
}
