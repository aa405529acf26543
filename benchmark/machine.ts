import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import type { Machine } from './result.js';

/** Extensions whose presence decides which kernels run. */
const NOTED = ['avx2', 'fma', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_fp16', 'asimd', 'sve'];

/** What this runs on. */
export function describeMachine(python: Machine['python']): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    instructions: instructions(),
    // What follows the version names a build, which says nothing to readers.
    os: `${platform()} ${release().split('-')[0]}`,
    loadBefore: loadavg()[0]!,
    node: process.version,
    rust: spawnSync('rustc', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? 'unknown',
    python,
  };
}

function instructions(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    const there = new Set(line.split(' '));
    return NOTED.filter((name) => there.has(name));
  } catch {
    // Not Linux: what the roofline measured tells which instruction sets there are.
    return [];
  }
}
