// The edit loop: the tests of Rust and of TypeScript at once, without what takes seconds each. Rust's output comes when it
// is done, so that the two are not mixed.
import { spawn } from 'node:child_process';

const env = { ...process.env, COVERAGE_TEST_FAST: '1' };
const shell = process.platform === 'win32';

const vitest = spawn('npx', ['--no-install', 'vitest', 'run'], { env, shell, stdio: 'inherit' });
const cargo = spawn('cargo', ['test', '--workspace', '--tests', '--quiet'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
const said = [];
for (const stream of [cargo.stdout, cargo.stderr]) stream.on('data', (chunk) => said.push(chunk));

const statuses = await Promise.all(
  [vitest, cargo].map(
    (child) =>
      new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (status) => resolve(status ?? 1));
      }),
  ),
);
process.stdout.write(Buffer.concat(said));
process.exitCode = Math.max(...statuses);
