import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { closeAll, LineFile } from '../src/score/line-file.js';
import { scoringTests } from './score-server.js';

const folder = mkdtempSync(join(tmpdir(), 'coverage-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { newFolder, serve } = scoringTests('disk');

/** What all open files share. */
async function prototypeOfHandles(): Promise<FileHandle> {
  const handle = await open(join(folder, 'any'), 'w');
  await handle.close();
  return Object.getPrototypeOf(handle);
}

describe('lines', () => {
  test('what comes together is written together, and what still waits when the file is closed', async () => {
    const path = join(folder, 'together.jsonl');
    const file = await LineFile.open(path, { of: 'test' }, null);
    const write = vi.spyOn(await prototypeOfHandles(), 'write');
    const lines = [0, 1, 2].map((id) => file.append(id, -1, { id }));
    await Promise.all(lines);
    expect(write).toHaveBeenCalledTimes(1);
    const last = file.append(3, -1, { id: 3 });
    await file.close([0, 1, 2, 3]);
    await last;
    expect(write).toHaveBeenCalledTimes(2);
    write.mockRestore();
    expect(readFileSync(path, 'utf8')).toBe('{"of":"test"}\n{"id":0}\n{"id":1}\n{"id":2}\n{"id":3}\n');
  });
});

describe('another program', () => {
  test.skipIf(process.platform === 'win32')(
    'cuts the file just before lines are written: no zeros stand there, and it is said',
    async () => {
      const path = join(folder, 'cut.jsonl');
      const file = await LineFile.open(path, { of: 'test' }, null);
      await file.append(0, -1, { id: 0 });
      const handles = await prototypeOfHandles();
      const whole = handles.stat;
      vi.spyOn(handles, 'stat').mockImplementationOnce(async function (this: FileHandle) {
        const stats = await whole.call(this);
        truncateSync(path, 3);
        return stats as never;
      });
      await file.append(1, -1, { id: 1 });
      await expect(file.close([0, 1])).rejects.toMatchObject({
        code: 'ERR_WRITE_FAILED',
        message: expect.stringContaining('changed by another program'),
      });
      expect(readFileSync(path, 'utf8')).toBe('{"o{"id":1}\n');
    },
  );
});

describe('a disk that is full', () => {
  test('nothing stands behind a gap, even where there is room again at once', async () => {
    const path = join(folder, 'gap.jsonl');
    const file = await LineFile.open(path, { of: 'test' }, null);
    await file.append(0, -1, { id: 0 });
    const write = vi.spyOn(await prototypeOfHandles(), 'write');
    // The second comes while the first is on its way, and is written by itself.
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    let second: Promise<unknown> = Promise.resolve();
    write.mockImplementationOnce(async () => {
      second = file.append(2, -1, { id: 2 }).catch((error: unknown) => error);
      throw full;
    });
    write.mockRejectedValueOnce(full);
    const first = await file.append(1, -1, { id: 1 }).catch((error: unknown) => error);
    write.mockRestore();
    expect([first, await second]).toMatchObject([{ code: 'ERR_WRITE_FAILED' }, { code: 'ERR_WRITE_FAILED' }]);
    expect(String((first as Error).message)).toContain('the disk is full');
    await file.close([0, 1, 2]);
    expect(readFileSync(path, 'utf8')).toBe('{"of":"test"}\n{"id":0}\n');
  });

  test('what was written and is refused by the disk later is said when the file is closed, and nothing follows it', async () => {
    const path = join(folder, 'late.jsonl');
    const [file, other] = [
      await LineFile.open(path, { of: 'test' }, null),
      await LineFile.open(join(folder, 'other.jsonl'), { of: 'test' }, null),
    ];
    await file.append(0, -1, { id: 0 });
    const sync = vi.spyOn(await prototypeOfHandles(), 'datasync');
    sync.mockRejectedValueOnce(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    const closed = closeAll([file, other], [0, 1]);
    await expect(closed).rejects.toMatchObject({ code: 'ERR_WRITE_FAILED' });
    // Both are closed and on the disk.
    expect(sync).toHaveBeenCalledTimes(2);
    await expect(other.append(0, -1, { id: 0 })).rejects.toThrow();
    sync.mockRestore();
  });

  test('lines are brought to the disk together, within a second and when the file is closed', async () => {
    const sync = vi.spyOn(await prototypeOfHandles(), 'datasync');
    const path = join(folder, 'together.jsonl');
    const file = await LineFile.open(path, { of: 'test' }, null);
    await Promise.all(Array.from({ length: 50 }, (_, id) => file.append(id, -1, { id })));
    // Written, for whoever reads: a run that is killed now loses none of it.
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(52);
    expect(sync).toHaveBeenCalledTimes(0);
    await vi.waitFor(() => expect(sync).toHaveBeenCalledTimes(1), 5000);
    await file.append(50, -1, { id: 50 });
    await file.close([]);
    expect(sync).toHaveBeenCalledTimes(2);
    sync.mockRestore();
  });

  test.skipIf(process.platform === 'win32')(
    'it is said, and the run goes on once there is room',
    async () => {
      const server = await serve({ model: 'm' });
      const input = join(folder, 'rows.jsonl');
      const rows = Array.from({ length: 400 }, (_, id) => ({
        id,
        promptTokens: [1, 2],
        responseTokens: [1000 + id, 5],
      }));
      writeFileSync(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
      const score = (out: string, limit: string) =>
        new Promise<{ status: number | null; stderr: string }>((resolve) => {
          const words = [main, 'score', input, '--server', `m=${server.url}`, '--out', out, '--token-log-probs'];
          // No file may be longer than this many blocks: what is written beyond fails as on a full disk.
          const shell = ['-c', `trap '' XFSZ; ulimit -f ${limit}; exec "$@"`, 'sh', process.execPath, ...words];
          const child = spawn('sh', shell, { stdio: ['ignore', 'ignore', 'pipe'] });
          let stderr = '';
          child.stderr.on('data', (piece) => {
            stderr += piece;
          });
          child.once('close', (status) => resolve({ status, stderr }));
        });
      const [cut, alone] = [newFolder(), newFolder()];
      expect(await score(alone, 'unlimited')).toMatchObject({ status: 0 });
      const whole = readFileSync(join(alone, 'm.jsonl'), 'utf8');
      expect(whole.length).toBeGreaterThan(2 * 24 * 1024);
      expect(await score(cut, '24')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/m\.jsonl cannot be written: .*[\s\S]*ERR_WRITE_FAILED/),
      });
      const lines = readFileSync(join(cut, 'm.jsonl'), 'utf8').split('\n');
      expect(lines.at(-1)).toBe('');
      expect(lines.length).toBeGreaterThan(20);
      expect(lines.slice(1, -1).every((line) => whole.includes(`\n${line}\n`))).toBe(true);
      expect(await score(cut, 'unlimited')).toMatchObject({ status: 0 });
      expect(readFileSync(join(cut, 'm.jsonl'), 'utf8')).toBe(whole);
    },
    300_000,
  );
});
