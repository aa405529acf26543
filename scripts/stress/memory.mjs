// Memory stays flat over many calls of each function that does real work.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { demo, residentMegabytes } from './shared.mjs';

const CALLS = 2_000;
const WARM_UP = 500;
/** Growth over the calls after warming up that allocators and the garbage collector explain. */
const ALLOWED_MB = 24;

/** One process a function: what one leaves behind is not taken for another's. */
export function memory() {
  const failures = [];
  const found = [];
  for (const name of Object.keys(CASES)) {
    const script = fileURLToPath(import.meta.url);
    const output = execFileSync(process.execPath, ['--expose-gc', script, name, demo()], { encoding: 'utf8' });
    const { growth } = JSON.parse(output);
    found.push(`${name} ${growth >= 0 ? '+' : ''}${growth.toFixed(1)}`);
    if (growth > ALLOWED_MB) failures.push(`${name} grew by ${growth.toFixed(1)} MB`);
  }
  return { found: `MB after ${WARM_UP} to ${CALLS} calls: ${found.join(', ')}`, failures };
}

const CASES = {
  readLogProbs: async ({ readLogProbs }, _, folder) => {
    await readLogProbs([join(folder, 'logprobs.npy')]);
  },
  selectCheckpoint: async ({ selectCheckpoint }, matrix) => {
    await selectCheckpoint(matrix, { bestOf: [4, 16], replicates: 20 });
  },
  selectWinner: async ({ selectWinner }, matrix) => {
    await selectWinner(matrix, { N: [4] });
  },
  coverageProfile: async ({ coverageProfile }, matrix) => {
    await coverageProfile(matrix, { reference: matrix.models[0], N: [2, 4] });
  },
  passAtK: async ({ passAtK }) => {
    const counts = { models: ['a'], problems: ['p', 'q', 'r'], samples: [[4, 4, 4]], correct: [[1, 2, 0]] };
    await passAtK(counts, { k: [1, 2] });
  },
  'reading that fails': async ({ readLogProbs }) => {
    await readLogProbs([fileURLToPath(import.meta.url)]).catch(() => undefined);
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , name, folder] = process.argv;
  const api = await import('coverage-principle');
  const matrix = await api.readLogProbs([join(folder, 'logprobs.npy')]);
  let before = 0;
  for (let call = 0; call < CALLS; call += 1) {
    if (call === WARM_UP) before = residentMegabytes();
    await CASES[name](api, matrix, folder);
  }
  process.stdout.write(JSON.stringify({ growth: residentMegabytes() - before }));
}
