import { spawnSync } from 'node:child_process';
import { ROOT } from '../paths.js';
import { LineProcess } from './line-process.js';

/** Builds the core's side of the benchmark with the settings of a release, and returns the program. */
export function buildCore(): string {
  const args = ['build', '--release', '--locked', '--example', 'bench', '-p', 'coverage-principle-core'];
  const { status, stdout, stderr } = spawnSync('cargo', [...args, '--message-format=json-render-diagnostics'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`cargo ${args.join(' ')} failed:\n${stderr}`);
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as { executable?: string | null; target?: { name?: string } };
    if (message.executable && message.target?.name === 'bench') return message.executable;
  }
  throw new Error('cargo built the benchmark program but did not say where it is.');
}

/** Starts the program that times the core inside Rust. */
export function startCore(program: string): LineProcess {
  return new LineProcess(program, []);
}
