import type { Case } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';

/** Reading files, every value checked. */
export function readingCases(scope: Scope): Case[] {
  const models = 64;
  const responses = scope.quick ? 65_536 : 1_048_576;
  return (['f4', 'f8'] as const).map((dtype) => {
    const bytes = models * responses * (dtype === 'f4' ? 4 : 8);
    const as = participantsOf({ kind: 'read', file: '$matrix' }, { roofs: [{ name: 'bytes-256M' }] });
    return {
      name: `read-npy-${dtype}`,
      title: `Reading a .npy file of ${Math.round(bytes / 2 ** 20)} MiB, ${dtype}`,
      about:
        'The file lies in the cache of the operating system. We check every value (no NaN, nothing positive); ' +
        'np.load does not, so it is also timed with that check. mapped leaves the values in the file.',
      inputs: { matrix: { kind: 'checkpoints', models, responses, dtype, noise: 0.3, seed: 4 } },
      participants: [
        as('core'),
        as('mapped'),
        as('facade'),
        ...scope.threads.slice(1).map((threads) => as('core', { threads })),
        as('numpy'),
        as('numpyChecked'),
      ],
      work: { unit: 'bytes', amount: bytes },
      tolerance: 0,
      goals: [],
    };
  });
}
