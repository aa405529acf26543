// Tries to break the built package: `npm run stress [-- calls workers memory jobs kills disk descriptors address-space]`.
// Each part prints what it did and found; the exit code is 1 if anything did not hold. Takes some minutes.

import { calls } from './calls.mjs';
import { kills } from './kills.mjs';
import { memory } from './memory.mjs';
import { addressSpace, descriptors, disk } from './system.mjs';
import { jobs, workers } from './threads.mjs';

const PARTS = { calls, workers, memory, jobs, kills, disk, descriptors, 'address-space': addressSpace };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  process.stderr.write(`There is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}.\n`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const began = performance.now();
  const { found, failures = [] } = await PARTS[name]();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${failures.length > 0 ? 'FAILED' : 'held'}  ${name} (${seconds} s): ${found}\n`);
  for (const failure of failures.slice(0, 20)) process.stdout.write(`        ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
