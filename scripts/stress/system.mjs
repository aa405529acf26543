// Full disks, read-only folders, few file descriptors, little address space.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demo, main, root, scratch } from './shared.mjs';

const run = (...args) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 120_000 });
const shell = (script) => spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 120_000 });

/** A tmpfs of 64 KiB, then one that is read-only: an error that says so, nothing half-written. */
export function disk() {
  const folder = scratch('disk');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (!mounted) return { found: 'skipped: mounting a tmpfs needs Linux and root' };
  const failures = [];
  const input = join(demo(), 'logprobs.npy');
  const config = join(scratch('config'), 'train.json');
  const training = { data: { kind: 'problem', name: 'prop-i.1', heldOut: 5_000 }, training: { steps: 400 } };
  writeFileSync(config, JSON.stringify({ ...training, checkpoints: { every: 20 } }));
  const attempts = (phase) => [
    ['select', ['select', input, '--best-of', '4', '--report', join(folder, 'report.html')]],
    ['tournament', ['select', input, '--best-of', '4', '--tournament', join(folder, `saved-${phase}`)]],
    ['train', ['train', config, '-o', join(folder, `training-${phase}`), '--quiet']],
  ];
  const check = (what, [name, args]) => {
    const { status, stderr, signal } = run(...args);
    const said = /ERR_WRITE_FAILED/.test(stderr);
    if (status !== 1 || signal || !said)
      failures.push(`${what}, ${name}: exit ${status ?? signal}, “${stderr.trim()}”`);
    const partial = readdirSync(folder, { recursive: true }).filter((file) => /partial$/.test(file));
    if (partial.length > 0) failures.push(`${what}, ${name}: left ${partial.join(', ')}`);
  };
  try {
    writeFileSync(join(folder, 'fill'), Buffer.alloc(60 * 1024));
    for (const attempt of attempts('full')) check('full disk', attempt);
    rmSync(join(folder, 'fill'));
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    for (const attempt of attempts('read-only')) check('read-only', attempt);
  } finally {
    execFileSync('umount', [folder]);
  }
  return { found: 'reports, saved tournaments and trainings on a full and on a read-only disk', failures };
}

/** Two hundred files with few descriptors left, and as many descriptors after reading as before. */
export function descriptors() {
  const folder = scratch('descriptors');
  mkdirSync(join(folder, 'models'));
  for (let model = 0; model < 200; model += 1) {
    const rows = Array.from({ length: 30 }, (_, id) => `r${id},${-1 - ((id * (model + 3)) % 17) / 5}`);
    writeFileSync(join(folder, 'models', `m${model}.csv`), `id,logprob\n${rows.join('\n')}\n`);
  }
  const code = `
    import { openSync, readdirSync } from 'node:fs';
    import { readLogProbs } from 'coverage-principle';
    const folder = ${JSON.stringify(join(folder, 'models'))};
    const open = () => readdirSync('/proc/self/fd').length;
    const read = async () => (await readLogProbs([folder])).models.length;
    await read();
    const before = open();
    for (let time = 0; time < 20; time += 1) await read();
    const after = open();
    while (open() < 250) openSync('/dev/null');
    console.log(JSON.stringify({ before, after, models: await read().catch((error) => error.code ?? String(error)) }));
  `;
  const script = join(root, 'native', 'stress-descriptors.mjs');
  writeFileSync(script, code);
  const { status, stdout, stderr } = shell(`ulimit -n 256; '${process.execPath}' '${script}'`);
  rmSync(script);
  if (status !== 0) return { found: 'a process with 256 descriptors', failures: [stderr.slice(-400)] };
  const { before, after, models } = JSON.parse(stdout);
  const failures = [];
  if (after > before) failures.push(`${after} descriptors after 20 readings, ${before} before`);
  if (models !== 200 && !String(models).startsWith('ERR_')) failures.push(`with six descriptors left: ${models}`);
  return {
    found: `200 files read 20 times: ${before} descriptors before, ${after} after; with 6 left: ${models}`,
    failures,
  };
}

/** Importing needs no more address space than 4 GB. */
export function addressSpace() {
  const limited = (code) =>
    shell(`cd '${root}' && ulimit -v 4194304; '${process.execPath}' --input-type=module -e "${code}"`);
  const failures = ['coverage-principle', 'coverage-principle/linear', 'coverage-principle/experiments']
    .map((door) => [door, limited(`await import('${door}')`)])
    .filter(([, { status }]) => status !== 0)
    .map(([door, { stderr }]) => `${door}: ${stderr.slice(-300)}`);
  return { found: 'all doors opened within 4 GB of address space', failures };
}
