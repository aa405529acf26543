import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-watch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Forty responses under a model that gives up on the first `bad`. */
function checkpoint(name: string, bad: number, rows = 40): void {
  const row = (i: number) => JSON.stringify({ id: `r${i}`, model: name, logProb: i < bad ? -9 : -1 });
  writeFileSync(join(folder, 'in', `${name}.jsonl`), `${Array.from({ length: rows }, (_, i) => row(i)).join('\n')}\n`);
}

/** A watch, and what it has printed so far. */
function watch(...args: string[]) {
  const child = spawn(process.execPath, [
    main,
    'select',
    join(folder, 'in'),
    '-N',
    '2',
    '--watch',
    '--every',
    '0.1',
    ...args,
  ]);
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    printed.err += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const until = async (holds: () => boolean) => {
    for (let waited = 0; !holds(); waited += 50) {
      if (waited > 60_000) throw new Error(`nothing came: ${JSON.stringify(printed)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { child, printed, ended, until };
}

describe('select --watch', () => {
  test('chooses anew as checkpoints come, waits for what is half written, and ends when interrupted', async () => {
    mkdirSync(join(folder, 'in'));
    checkpoint('step-1', 20);
    const report = join(folder, 'report.md');
    const { child, printed, ended, until } = watch('--markdown', report);
    await until(() => printed.err.includes('not yet'));
    expect(printed.out).toBe('');
    checkpoint('step-2', 10);
    await until(() => printed.out.includes('2 models'));
    expect(printed.out).toMatch(/\d\d:\d\d:\d\d 2 models, 40 responses: take step-2/);
    const before = readFileSync(report, 'utf8');
    checkpoint('step-3', 0, 25);
    await until(() => /not yet: .*step-3/.test(printed.err));
    checkpoint('step-3', 0);
    await until(() => printed.out.includes('3 models'));
    expect(printed.out).toMatch(/3 models, 40 responses: take step-3/);
    expect(readFileSync(report, 'utf8')).not.toBe(before);
    // A checkpoint that is scored anew is compared anew.
    checkpoint('step-1', 0);
    await until(() => /3 models[\s\S]*3 models/.test(printed.out));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  }, 180_000);

  test('refuses what cannot go with it', async () => {
    const { printed, ended } = watch('--require-significant');
    expect(await ended).toBe(2);
    expect(printed.err).toMatch(/--watch goes on until it is interrupted: leave out --require-significant/);
  }, 60_000);
});
