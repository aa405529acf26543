import { experiment } from './declare.js';

/** What is drawn, and how many times in the full and in the quick version. */
const DRAWN = [
  ['distributions', 100_000, 3000],
  ['bernoulli', 1000, 1000],
  ['answers', 100_000, 3000],
  ['shift', 30_000, 1000],
  ['trees', 3000, 150],
  ['linearModels', 3000, 100],
] as const;

/** Proposition 3.1 and its relatives as inequality checks with exact measures on random distributions. */
export const prop31 = experiment({
  name: 'prop-3.1',
  title: 'The coverage profile against KL, Hellinger and stopped KL',
  source: 'Proposition 3.1, Propositions D.1–D.5, D.10, D.11',
  sweeps: (quick) =>
    DRAWN.map(([of, full, few]) => ({
      variable: of,
      replicates: quick ? few : full,
      points: [{ x: 1, problem: { name: 'inequalities', of } }],
    })),
  summary: (_, quick) => [
    `Measures are exact: ${DRAWN.map(([of, full, few]) => `${quick ? few : full} of ${of}`).join(', ')}. Cov_N and stopped KL of linear models, and the inequalities themselves, are the package's own.`,
  ],
});
