import { plural } from '../../src/text/format.js';
import type { Case } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';

/** Resampled tournaments. */
export function bootstrapCases(scope: Scope): Case[] {
  const models = 20;
  const responses = 5000;
  const replicates = scope.quick ? 100 : 1000;
  const seed = 5;
  const as = participantsOf({
    kind: 'bootstrap',
    file: '$matrix',
    draws: '$draws',
    budgets: [16],
    replicates,
    seed,
  });
  return [
    {
      name: 'bootstrap',
      title: `Bootstrap, ${plural(replicates, 'replicate')}, ${plural(models, 'model')}, ${plural(responses, 'response')}`,
      about:
        'How many resampled tournaments each model wins. NumPy replays the very resamples that we draw: tournament by ' +
        'tournament as one writes it first (numpy), and all counts of all replicates as one matrix product ' +
        '(numpyIndicators). NumPy finds the draws in a file; ours include drawing.',
      inputs: {
        matrix: { kind: 'checkpoints', models, responses, dtype: 'f4', noise: 0.3, measured: true, seed },
        draws: { kind: 'draws', units: responses, replicates, seed },
      },
      participants: [
        as('core'),
        ...scope.threads.slice(1).map((threads) => as('core', { threads })),
        as('numpy'),
        as('numpyIndicators'),
      ],
      work: { unit: 'replicates', amount: replicates },
      tolerance: 0,
      goals: [{ kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: 50 }],
    },
  ];
}
