import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Ends a command whose output goes to `stdout`, closed at once where it is a pipe. */
function run(words: readonly string[], stdout: 'pipe' | number): Promise<{ status: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', stdout, 'pipe'] });
    child.stdout?.destroy();
    let said = '';
    child.stderr!.on('data', (piece) => {
      said += piece;
    });
    child.once('close', (status) => resolve({ status, said }));
  });
}

test.each([[['--help']], [['score', '--help']], [['--version']], [['completion', 'bash']]])(
  '%j ends in silence, as by SIGPIPE, when nobody reads it to its end',
  async (words) => {
    expect(await run(words, 'pipe')).toEqual({ status: 141, said: '' });
  },
);

test.skipIf(!existsSync('/dev/full'))('says that its output cannot be written', async () => {
  const { status, said } = await run(['score', '--help'], openSync('/dev/full', 'w'));
  expect(status).toBe(1);
  expect(said).toMatch(/^error: Standard output cannot be written: ENOSPC.*\n\[ERR_WRITE_FAILED\]\n$/);
});
