import { experiment } from './declare.js';

/** Propositions D.6 and D.7: Cov_N is sufficient and necessary for Best-of-N to do as well as the target. */
export const bestOfNExperiment = experiment({
  name: 'best-of-n',
  title: 'Best-of-N succeeds if and only if the coverage profile is small',
  source: 'Propositions D.6 and D.7',
  sweeps: (quick) => [
    {
      variable: 'instance',
      replicates: quick ? 1500 : 40_000,
      points: [{ x: 1, problem: { name: 'inequalities', of: 'bestOfN' } }],
    },
  ],
  summary: () => [
    'Rewards of Best-of-N are exact, on pairs of distributions on 1 to 3 prompts of 2 to 20 outcomes, with random rewards and those of the regions where π_T/π̂ is great.',
  ],
});
