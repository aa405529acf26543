// A training that is killed at random moments and resumed comes to the bytes of one that was not.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main, numbers, scratch } from './shared.mjs';

const KILLS = 50;

export async function kills() {
  const folder = scratch('kills');
  writeFileSync(
    join(folder, 'long.json'),
    JSON.stringify({
      data: { kind: 'problem', name: 'prop-i.1', options: { horizon: 64 }, heldOut: 200 },
      training: { steps: 3_000_000, stepSize: 0.001, average: true },
      validation: { every: 100_000, N: [2] },
      checkpoints: { every: 300_000 },
    }),
  );
  const next = numbers(7);
  const failures = [];
  let killed = 0;
  for (let attempt = 0; ; attempt += 1) {
    const resume = existsSync(join(folder, 'killed', 'config.json')) ? ['--resume'] : [];
    const args = [main, 'train', 'long.json', '-o', 'killed', '--save-every', '0.1', '--quiet', ...resume];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let messages = '';
    child.stderr.on('data', (chunk) => {
      messages += chunk;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const timer = killed < KILLS && setTimeout(() => child.kill('SIGKILL'), 200 + 1_000 * next());
    const code = await ended;
    clearTimeout(timer);
    if (code === 0) break;
    if (code !== null) {
      failures.push(`attempt ${attempt} exited with ${code}: ${messages}`);
      break;
    }
    killed += 1;
  }
  spawnSync(process.execPath, [main, 'train', 'long.json', '-o', 'through', '--quiet'], { cwd: folder });
  const names = readdirSync(join(folder, 'through'));
  if (readdirSync(join(folder, 'killed')).sort().join() !== [...names].sort().join()) failures.push('other files');
  for (const name of names) {
    const [a, b] = ['killed', 'through'].map((output) => readFileSync(join(folder, output, name)));
    if (!a.equals(b)) failures.push(`${name} differs`);
  }
  return { found: `training killed −9 ${killed} times, resumed to ${names.length} files of the same bytes`, failures };
}
