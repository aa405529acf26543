// All that is looked at without being run, two things at a time: what asks cargo, which takes one at a time, and what asks Node.
// What each says comes when it is done; all are run, whatever the others say.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const LANES = [
  ['lint', 'check:instructions', 'docs'],
  ['typecheck', 'check:unused', 'check:package', 'check:installed'],
];

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a script of package.json; whether it is content. */
function run(script) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', script], { cwd, shell: process.platform === 'win32' });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    child.on('close', (status) => {
      process.stdout.write(Buffer.concat(output));
      resolve(status === 0);
    });
  });
}

const failed = [];
await Promise.all(
  LANES.map(async (scripts) => {
    for (const script of scripts) if (!(await run(script))) failed.push(script);
  }),
);
if (failed.length > 0) {
  process.stderr.write(`Not in order: ${failed.map((script) => `npm run ${script}`).join(', ')}\n`);
  process.exitCode = 1;
}
