import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';

/** A test that takes seconds: left out of the edit loop (`npm run test:fast`). */
export const slow: ReturnType<typeof test.skipIf> = test.skipIf(process.env['COVERAGE_TEST_FAST'] !== undefined);

/** Path of a file of the reference data, which lies beside the project and is not part of it. */
export function sharedPath(name: string): string {
  return fileURLToPath(new URL(`../../shared/${name}`, import.meta.url));
}

/** Whether the reference data is there; says so where it is not. */
export function hasShared(name: string): boolean {
  const there = existsSync(sharedPath(name));
  if (!there) process.stderr.write(`skipped: ../shared/${name} is not there\n`);
  return there;
}

/**
 * A golden-vector file, parsed; numbers that JSON cannot hold are the strings "-inf" and "inf". Without cases where the file
 * is missing: what a suite that is skipped does to collect its tests is done all the same.
 */
export function readVectors<T extends { readonly cases: readonly unknown[] }>(name: string): T {
  if (!existsSync(sharedPath(`vectors/${name}`))) return { cases: [] as readonly unknown[] } as T;
  return JSON.parse(readFileSync(sharedPath(`vectors/${name}`), 'utf8'), (_, value) => {
    if (value === '-inf') return Number.NEGATIVE_INFINITY;
    return value === 'inf' ? Number.POSITIVE_INFINITY : value;
  });
}

/** Runs the built command in a process of its own; `onStart` gets what ends it by kill −9. */
export function runCli(
  args: readonly string[],
  onStart?: (kill: () => void) => void,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (piece) => {
      stdout += piece;
    });
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    child.once('close', (status) => resolve({ status, stdout, stderr }));
    onStart?.(() => child.kill('SIGKILL'));
  });
}
