// Memory stays flat over many calls of each function that does real work.
import { execFileSync } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CASES } from './memory-cases.mjs';
import { residentMegabytes } from './shared.mjs';

const CALLS = 2_000;
const WARM_UP = 500;
/** Calls between two collections: what none has come to yet is not taken for a leak, nor what the allocator keeps of its peak. */
const COLLECTED_EVERY = 100;
/** Growth over the calls after warming up that allocators and the garbage collector explain. */
const ALLOWED_MB = 24;

/** One process a function: what one leaves behind is not taken for another's. */
export function memory() {
  const growths = Object.keys(CASES).map((name) => {
    const command = ['--expose-gc', fileURLToPath(import.meta.url), name];
    const { growth } = JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
    // Some take minutes: what was found stands, however the run ends.
    process.stderr.write(`        ${name}: ${growth.toFixed(1)} MB\n`);
    return [name, growth];
  });
  growths.sort(([, one], [, other]) => other - one);
  const shown = growths.map(([name, growth]) => `${name} ${growth >= 0 ? '+' : ''}${growth.toFixed(1)}`);
  return {
    found: `MB after ${WARM_UP} to ${CALLS} calls (or as a case says) of ${growths.length} cases: ${shown.join(', ')}`,
    failures: growths
      .filter(([name, growth]) => growth > (CASES[name].allowedMB ?? ALLOWED_MB))
      .map(([name, growth]) => `${name} grew by ${growth.toFixed(1)} MB`),
  };
}

/** Resident memory once what was collected has been freed, which Node does in a later turn of its loop. */
async function settled() {
  for (let turn = 0; turn < 3; turn += 1) {
    residentMegabytes();
    await setImmediate();
  }
  return residentMegabytes();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const prepared = CASES[process.argv[2]];
  const { calls = CALLS, warmUp = WARM_UP } = prepared;
  const call = await prepared({
    root: await import('coverage-principle'),
    linear: await import('coverage-principle/linear'),
    experiments: await import('coverage-principle/experiments'),
  });
  let before = 0;
  for (let done = 0; done < calls; done += 1) {
    if (done === warmUp) before = await settled();
    await call();
    // What holds memory of the core is freed in a turn of the loop, which a call that is not a job does not wait for.
    await setImmediate();
    if (done % COLLECTED_EVERY === 0) globalThis.gc();
  }
  process.stdout.write(JSON.stringify({ calls: calls - warmUp, growth: (await settled()) - before }));
}
