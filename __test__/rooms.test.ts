import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { slow } from './shared.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const script = join(root, 'scripts/rooms.mjs');
const check = (folder: string) => spawnSync(process.execPath, [script, '--check', folder], { encoding: 'utf8' });

test('imports run downward, and ARCHITECTURE.md shows them as they are', () => {
  expect(check(root).stderr).toBe('');
});

describe('the check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rooms-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const put = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  put('ARCHITECTURE.md', '<!-- rooms: drawn by npm run rooms -->\n<!-- /rooms -->\n');
  put('src/results/table.ts', 'export interface Table {}\n');
  put('src/report/report.ts', "import type { Table } from '../results/table.js';\nexport type { Table };\n");
  put(
    'crates/core/src/error.rs',
    '// crate::linear is only spoken of\n#[cfg(test)]\nmod tests { use crate::linear; }\n',
  );
  put('crates/core/src/linear.rs', 'use crate::{Control, error::{Code, Error}};\n');
  put('crates/node/src/job.rs', 'use crate::error::Error;\n');
  put('crates/node/src/error.rs', '');

  slow('draws, and then has nothing to say', () => {
    expect(check(folder).stderr).toContain('stale');
    expect(spawnSync(process.execPath, [script, folder]).status).toBe(0);
    const drawn = readFileSync(join(folder, 'ARCHITECTURE.md'), 'utf8');
    expect(drawn).toContain('  report   → results\n  results  → –');
    expect(drawn).toContain('  linear  → error\n  error   → –');
    expect(check(folder)).toMatchObject({ status: 0, stderr: '' });
  });

  slow.each([
    [
      'src/results/table.ts',
      "import '../report/report.js';\n",
      'src/results/table.ts imports report, a room above results',
    ],
    [
      'src/results/late.ts',
      "const late = import('../cli/main.js');\n",
      'src/results/late.ts imports cli, a room above',
    ],
    ['src/attic/box.ts', '', 'src: the room attic has no place'],
    [
      'crates/core/src/error.rs',
      'use crate::{linear::Model};\n',
      'crates/core/src/error.rs imports linear, a room above',
    ],
    ['crates/node/src/error.rs', 'use crate::job::Job;\n', 'crates/node/src/error.rs imports job, a room above'],
  ])('refuses %s', (path, text, message) => {
    const copy = mkdtempSync(join(tmpdir(), 'rooms-'));
    cpSync(folder, copy, { recursive: true });
    mkdirSync(join(copy, path, '..'), { recursive: true });
    writeFileSync(join(copy, path), text);
    const { status, stderr } = check(copy);
    rmSync(copy, { recursive: true });
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});
