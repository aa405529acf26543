import { plural } from '../../src/text/format.js';
import type { Case, Goal, InputSpec } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';
import { threadGoals } from './threads.js';
import { affordable } from './tournament.js';

const RESPONSES = 5000;
const HEADLINE_MODELS = 1000;

/** The winner alone, most pairs never looked at. */
export function winnerCases(scope: Scope): Case[] {
  const sizes = scope.quick ? [250, 500] : [250, 500, HEADLINE_MODELS, 2000, 4000];
  return sizes.map((models) => winnerCase(models, scope));
}

function winnerCase(models: number, scope: Scope): Case {
  const matrix: InputSpec = {
    kind: 'checkpoints',
    models,
    responses: RESPONSES,
    dtype: 'f4',
    noise: 0.3,
    measured: true,
    seed: 3,
  };
  const work = ((models * (models - 1)) / 2) * RESPONSES;
  const as = participantsOf({ kind: 'winner', file: '$matrix', budgets: [16] });
  const headlineGoals: Goal[] = [
    { kind: 'ratio', slow: 'fullMatrix', fast: 'core', atLeast: 20 },
    { kind: 'ratio', slow: 'numpy', fast: 'core', atLeast: 700 },
    { kind: 'fact', participant: 'core', fact: 'pairsLookedAt', atMost: 0.03 },
  ];
  return {
    name: `winner-${models}`,
    title: `Winner only, ${plural(models, 'checkpoint')}, ${plural(RESPONSES, 'response')}`,
    about:
      'Who wins, without the matrix of counts. fullMatrix is our own tournament; NumPy has no other way than all pairs. ' +
      'Between neighbours of one training run the differences are small, so that most candidates are out early.',
    inputs: { matrix },
    participants: [
      ...['core', 'fullMatrix', 'facade', 'previous'].map((method) => as(method)),
      ...scope.threads.slice(1).map((threads) => as('core', { threads })),
      ...affordable(['numpy', 'numpyPairs', 'numbaPairs'], work, scope).map((method) => as(method)),
    ],
    work: { unit: 'pairs of elements of the full matrix', amount: work },
    tolerance: 0,
    goals: [
      ...(models === HEADLINE_MODELS ? headlineGoals : []),
      ...threadGoals(scope),
      { kind: 'exponent', participant: 'core', atMost: 1.15 },
    ],
    series: { name: 'winner-by-models', axis: 'models', value: models },
  };
}
