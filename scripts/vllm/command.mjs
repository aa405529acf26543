// The command as people run it, in a process of its own.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '../stress/shared.mjs';

/**
 * Runs `coverage-principle` with the arguments, killed −9 once `killWhen` says so. Resolves with its exit code, `null` if it was
 * killed, and what it wrote.
 */
export async function command(args, { killWhen } = {}) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (piece) => {
      said[stream] += piece;
    });
  }
  let ended = false;
  const closed = new Promise((resolve) => child.once('close', resolve)).then((code) => {
    ended = true;
    return code;
  });
  while (!ended && killWhen) {
    if (killWhen()) child.kill('SIGKILL');
    await Promise.race([sleep(5), closed]);
  }
  return { code: await closed, ...said };
}

/** Runs it with `--json` and resolves with what it found; any exit code but those of `codes` is an error. */
export async function json(args, codes = [0]) {
  const { code, stdout, stderr } = await command([...args, '--json']);
  if (!codes.includes(code)) throw new Error(`${args[0]} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Lines after the manifest, of which the last may be half written. */
export function linesIn(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(1, -1) : [];
}
