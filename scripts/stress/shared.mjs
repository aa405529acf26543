// What the parts share.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const main = join(root, 'dist', 'cli', 'main.js');

/** A folder of its own under the system's temporary one. */
export function scratch(name) {
  return mkdtempSync(join(tmpdir(), `stress-${name}-`));
}

/** Numbers in [0, 1), the same for the same seed (a Weyl sequence through a mixer; nothing depends on its quality). */
export function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Resident memory in MB after what can be collected has been. */
export function residentMegabytes() {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}

let demoFolder;

/** The folder that `demo` writes: log-probabilities of 25 checkpoints. Made once. */
export function demo() {
  if (demoFolder) return demoFolder;
  demoFolder = scratch('demo');
  spawnSync(process.execPath, [main, 'demo', '-o', demoFolder, '--quiet']);
  return demoFolder;
}
