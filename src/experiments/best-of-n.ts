import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import { Inequality } from './inequality.js';
import { randomDistribution, uniforms } from './random.js';

/** Propositions D.6 and D.7: Cov_N is sufficient and necessary for Best-of-N to do as well as the target. */
export const bestOfNExperiment: Experiment = {
  name: 'best-of-n',
  title: 'Best-of-N succeeds if and only if the coverage profile is small',
  source: 'Propositions D.6 and D.7',
  run,
};

interface Prompt {
  readonly target: readonly number[];
  readonly model: readonly number[];
}

type Reward = (prompt: number, outcome: number) => number;

async function run({ quick, seed, signal, progress }: ExperimentContext): Promise<Outcome> {
  const instances = quick ? 1500 : 40_000;
  const sufficient = new Inequality(
    'E[r(π_T) − r(BoN)] ≤ Cov_M + ε for N ≥ 2M·log(1/ε) and Cov_M ≤ ½',
    'Proposition D.6',
  );
  const necessary = new Inequality('½·Cov_{2N} ≤ E[r(π_T) − r(BoN)] for r = 1{π_T/π̂ ≥ 2N}', 'Proposition D.7');
  for (let index = 0; index < instances; index += 1) {
    if (index % 200 === 0) {
      signal?.throwIfAborted();
      progress(index / instances, 'random distributions');
    }
    const uniform = uniforms(seed, 6, index);
    const prompts = randomPrompts(uniform);
    const scores = prompts.map(({ model }) => model.map(uniform));
    for (const M of [1.5, 2, 4, 16, 64]) {
      const covM = regionOf(prompts, M);
      if (covM.mass <= 0.5) {
        for (const epsilon of [0.3, 0.05, 0.001]) {
          const N = Math.ceil(2 * M * Math.log(1 / epsilon));
          const rewards: Reward[] = [(prompt, outcome) => scores[prompt]![outcome]!, covM.reward];
          for (const t of [0.5, 1, 4, 2 * N]) rewards.push(regionOf(prompts, t).reward);
          for (const reward of rewards) sufficient.check(Math.max(0, gap(prompts, reward, N)), covM.mass + epsilon);
        }
      }
    }
    for (const N of [1, 2, 4, 16, 64]) {
      const { mass, reward } = regionOf(prompts, 2 * N);
      necessary.check(mass / 2, gap(prompts, reward, N));
    }
  }
  return {
    verdicts: [sufficient.verdict(), necessary.verdict()],
    tables: [],
    plots: [],
    summary: [
      [
        `Rewards of Best-of-N are exact: ${instances} pairs of distributions on 1 to 3 prompts of 2 to 20 outcomes, with random rewards and those of the regions where π_T/π̂ is great.`,
      ],
    ],
  };
}

function randomPrompts(uniform: () => number): Prompt[] {
  const spread = 2 + 12 * uniform();
  return Array.from({ length: 1 + Math.floor(3 * uniform()) }, () => {
    const size = 2 + Math.floor(19 * uniform());
    return {
      target: randomDistribution(size, spread, uniform),
      model: randomDistribution(size, spread * uniform(), uniform),
    };
  });
}

/** The outcomes with π_T/π̂ ≥ N: Cov_N and the reward that is 1 there. */
function regionOf(prompts: readonly Prompt[], N: number): { mass: number; reward: Reward } {
  const within = prompts.map(({ target, model }) => target.map((p, outcome) => p >= N * model[outcome]!));
  const masses = prompts.map(({ target }, prompt) =>
    target.reduce((sum, p, outcome) => (within[prompt]![outcome] ? sum + p : sum), 0),
  );
  return {
    mass: masses.reduce((sum, mass) => sum + mass, 0) / prompts.length,
    reward: (prompt, outcome) => (within[prompt]![outcome] ? 1 : 0),
  };
}

/** E[r(π_T) − r(BoN)], exactly: the greatest of N rewards is at most t with probability π̂(r ≤ t)^N. */
function gap(prompts: readonly Prompt[], reward: Reward, N: number): number {
  const gaps = prompts.map(({ target, model }, prompt) => {
    const order = model.map((q, outcome) => ({ q, r: reward(prompt, outcome) })).sort((a, b) => a.r - b.r);
    let below = 0;
    let best = 0;
    for (const { q, r } of order) {
      const upTo = Math.min(1, below + q);
      best += r * (upTo ** N - below ** N);
      below = upTo;
    }
    return target.reduce((sum, p, outcome) => sum + p * reward(prompt, outcome), 0) - best;
  });
  return gaps.reduce((sum, each) => sum + each, 0) / prompts.length;
}
