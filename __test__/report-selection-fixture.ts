import type { SelectionResult } from '../src/selection/result.js';

/** A small selection with every part that may be missing present, and names that test quoting. */
export const SELECTION: SelectionResult = {
  models: ['step-100', 'step-200, "warm"', 'step-300'],
  responses: 400,
  prompts: 100,
  confidence: 0.95,
  tournaments: [
    {
      N: 2,
      winner: 'step-300',
      scores: [0.5, 0.25, 0.1],
      scoreCounts: [200, 100, 40],
      rivals: ['step-300', 'step-300', 'step-200, "warm"'],
      ranking: ['step-300', 'step-200, "warm"', 'step-100'],
      margin: 0.15,
      scoreIntervals: [
        [0.45, 0.55],
        [0.21, 0.3],
        [0.07, 0.14],
      ],
      counts: [
        [400, 60, 12],
        [150, 400, 40],
        [200, 100, 400],
      ],
      bootstrap: {
        replicates: 1000,
        unit: 'prompt',
        units: 100,
        confidence: 0.95,
        winShares: [0, 0.001, 0.999],
        scoreIntervals: [null, [0.2, 0.31], [0.06, 0.15]],
        margin: { value: 0.15, interval: [0.09, 0.21] },
        reason: 'step-100 was not followed.',
      },
      significant: true,
      verdict: 'step-300 wins 99.9% of the resamples.',
      nearTies: 0,
    },
    {
      N: 16,
      winner: 'step-200, "warm"',
      scores: [0.2, 0.05, 0.055],
      scoreCounts: [80, 20, 22],
      rivals: ['step-300', 'step-100', 'step-200, "warm"'],
      ranking: ['step-200, "warm"', 'step-300', 'step-100'],
      margin: 0.005,
      scoreIntervals: [
        [0.16, 0.24],
        [0.03, 0.08],
        [0.035, 0.08],
      ],
      counts: [
        [400, 20, 0],
        [60, 400, 22],
        [80, 20, 400],
      ],
      bootstrap: {
        replicates: 1000,
        unit: 'prompt',
        units: 100,
        confidence: 0.95,
        winShares: [0, 0.58, 0.42],
        scoreIntervals: [null, [0.02, 0.09], [0.03, 0.09]],
        margin: { value: 0.005, interval: [-0.02, 0.03] },
      },
      significant: false,
      verdict: 'step-200, "warm" is within noise of step-300.',
      nearTies: 3,
    },
  ],
  crossEntropy: {
    winner: 'step-300',
    values: [null, 12.5, 11.75],
    intervals: [null, [12, 13], [11.25, 12.25]],
    infinite: [2, 0, 0],
  },
  kl: {
    reference: 'teacher',
    winner: 'step-300',
    values: [
      { value: null, interval: null, reason: 'infinite: the model rules out 2 responses' },
      { value: 1.5, interval: [1.25, 1.75] },
      { value: 0.75, interval: [0.5, 1] },
    ],
  },
  passAtN: {
    picks: [
      {
        N: 2,
        winner: 'step-300',
        values: [
          { value: 0.25, interval: [0.2, 0.3] },
          { value: 0.5, interval: [0.45, 0.55] },
          { value: 0.625, interval: [0.5, 0.7] },
        ],
      },
      {
        N: 16,
        winner: null,
        values: [
          { value: null, interval: null, reason: 'fewer than 16 samples' },
          { value: null, interval: null, reason: 'fewer than 16 samples' },
          { value: null, interval: null, reason: 'fewer than 16 samples' },
        ],
      },
    ],
  },
  disagreements: [
    {
      N: 16,
      criterion: 'cross-entropy',
      pick: 'step-300',
      winner: 'step-200, "warm"',
      pickScore: 0.055,
      winnerScore: 0.05,
      uncovered: 22,
      rival: 'step-200, "warm"',
      worst: [
        { response: 'q-17/3', logRatio: null },
        { response: 'q-2/1', logRatio: 25.5 },
        { response: 'q-9/0', logRatio: 3.25 },
      ],
    },
    {
      N: 16,
      criterion: 'kl',
      pick: 'step-300',
      winner: 'step-200, "warm"',
      pickScore: 0.055,
      winnerScore: 0.05,
      uncovered: 22,
      rival: 'step-200, "warm"',
      worst: [{ response: 'q-17/3', logRatio: null }],
    },
  ],
  curves: {
    N: [1, 2, 4, 8, 16],
    scores: [
      [0.7, 0.5, 0.4, 0.3, 0.2],
      [0.5, 0.25, 0.15, 0.1, 0.05],
      [0.4, 0.1, 0.08, 0.07, 0.055],
    ],
    winners: ['step-300', 'step-300', 'step-300', 'step-300', 'step-200, "warm"'],
  },
  warnings: [{ code: 'WARN_COARSE_SUMS', message: 'step-100 was stored in half precision.' }],
  provenance: {
    version: '0.1.0',
    sources: [
      { file: 'a.npy', format: 'npy', dtype: 'float16', sha256: 'ab'.repeat(32) },
      { file: 'b.csv', format: 'csv' },
      {},
    ],
    seed: '7',
  },
};
