import type { GraphCheckpoint } from '../problems/graph-task.js';
import type { Verdict } from '../results/verdict.js';
import { coverageAt, LEFT_N, PASS_N, passAt, pathProbability, type Seed } from './figure-1-checkpoints.js';
import { type RunsClaim, rankCorrelation, runsVerdict } from './runs.js';

const FIGURE = 'Figure 1';
/** How far a limit may be off, relatively. */
const TOLERANCE = 0.05;
/** KL may rise from one checkpoint to the next by this share of its whole fall: SGD is noisy. */
const RISE = 0.005;
/** Cov_N must have come down and up again by this much to have turned: more than late checkpoints differ by. */
const MARGIN = 0.002;
/** From this N on a claim about large N is about N. */
const LARGE_N = 8;
/** By how much a rank correlation must be greater to be called so, and a Pass@N: a tenth of a point. */
const GREATER = { correlation: 0.01, pass: 0.001 };

/**
 * Figure 1's claims against the runs, and its limits against those of the calibrated learner. Cov_2 is not among them: to
 * each prompt the path of one class or the other has at most ½, so that with a learner that cannot tell the classes apart
 * it is never below 0.1, and falls to that; nor is Pass@4, since the paper speaks of large N. Both are drawn.
 *
 * @param calibrated - fine-tuning checkpoints of each run of the calibrated learner
 */
export function figure1Verdicts(
  seeds: readonly Seed[],
  calibrated: readonly (readonly GraphCheckpoint[])[],
): Verdict[] {
  const large = PASS_N.filter((N) => N >= LARGE_N);
  return [
    klFalls(seeds),
    ...LEFT_N.filter((N) => N > 2).map((N) => coverageTurns(seeds, N)),
    ...large.map((N) => predicts(seeds, N)),
    ...PASS_N.map((N, at) => picksBetter(seeds, N, at)),
    ...limits(calibrated),
  ];
}

function klFalls(seeds: readonly Seed[]): Verdict {
  const rises = seeds.map(({ fineTuning }) => {
    const kl = fineTuning.map(({ measures }) => measures.all.kl!);
    const rise = Math.max(...kl.slice(1).map((value, at) => value - kl[at]!), 0);
    return rise / (kl[0]! - kl.at(-1)!);
  });
  const claim =
    'KL falls throughout fine-tuning, up to the noise of SGD: greatest rise between two checkpoints as a share of the whole fall';
  return runsVerdict({ claim, source: FIGURE, values: rises, relation: 'atMost', value: RISE });
}

function coverageTurns(seeds: readonly Seed[], N: number): Verdict {
  const turns = seeds.map(({ fineTuning }) => {
    const coverage = fineTuning.map((checkpoint) => coverageAt(checkpoint, N));
    const least = Math.min(...coverage);
    return Math.min(coverage[0]! - least, coverage.at(-1)! - least);
  });
  const claim = `Cov_${N} dips and turns up again in fine-tuning: the lesser of its start and its end less its least value`;
  return runsVerdict({ claim, source: FIGURE, values: turns, relation: 'atLeast', value: MARGIN });
}

/** Rank correlations of Pass@N with −Cov_{N/2} and with −KL over the fine-tuning checkpoints. */
export function correlations(fineTuning: readonly GraphCheckpoint[], N: number) {
  const pass = fineTuning.map((checkpoint) => passAt(checkpoint, N));
  const with_ = (cost: (checkpoint: GraphCheckpoint) => number) =>
    rankCorrelation(
      pass,
      fineTuning.map((checkpoint) => -cost(checkpoint)),
    );
  return { coverage: with_((each) => coverageAt(each, N / 2)), kl: with_(({ measures }) => measures.all.kl!) };
}

function predicts(seeds: readonly Seed[], N: number): Verdict {
  const differences = seeds.flatMap(({ fineTuning }) => {
    const { coverage, kl } = correlations(fineTuning, N);
    return coverage === null || kl === null ? [] : [coverage - kl];
  });
  const claim = `Cov_${N / 2} predicts Pass@${N} better than KL: rank correlation with −Cov_${N / 2} less that with −KL over the fine-tuning checkpoints`;
  if (differences.length < seeds.length) {
    const reason = `Cov_${N / 2} is the same at all checkpoints of some seed: it has no rank correlation`;
    return { claim, source: FIGURE, predicted: '≥ 0.01', measured: null, interval: null, holds: null, reason };
  }
  return runsVerdict({ claim, source: FIGURE, values: differences, relation: 'atLeast', value: GREATER.correlation });
}

function picksBetter(seeds: readonly Seed[], N: number, at: number): Verdict {
  const differences = seeds.map(({ fineTuning, picks }) => {
    const of = (index: number) => passAt(fineTuning[index]!, N);
    return of(picks.tournament[at]!) - of(picks.leastKl);
  });
  const claim = `The tournament's pick has the better Pass@${N} than the checkpoint of least KL: the difference`;
  return runsVerdict({ claim, source: FIGURE, values: differences, relation: 'atLeast', value: GREATER.pass });
}

function limits(calibrated: readonly (readonly GraphCheckpoint[])[]): Verdict[] {
  const limit = (claim: string, value: number, values: readonly number[], tolerance = TOLERANCE * value): Verdict =>
    runsVerdict({
      claim: `Calibrated learner: ${claim}`,
      ...({ source: 'Appendix C', values, relation: 'equal', value, tolerance } satisfies Omit<RunsClaim, 'claim'>),
    });
  const start = calibrated.map((fineTuning) => fineTuning[0]!);
  const end = calibrated.map((fineTuning) => fineTuning.at(-1)!);
  // m = ½ is between two checkpoints; Pass@12 is flat there.
  const middle = calibrated.map((fineTuning) => {
    const off = (each: GraphCheckpoint) => Math.abs(pathProbability(each, 0) - pathProbability(each, 1));
    return fineTuning.reduce((best, each) => (off(each) < off(best) ? each : best));
  });
  const kl = 0.9 * Math.log(1 / 0.9) + 0.1 * Math.log(10);
  return [
    limit(
      'pre-training leaves the matching path at 5/12',
      5 / 12,
      start.map((each) => pathProbability(each, 0)),
    ),
    limit(
      'pre-training leaves the opposite path at 5/12',
      5 / 12,
      start.map((each) => pathProbability(each, 1)),
    ),
    limit(
      'KL at the end tends to 0.9 log(1/0.9) + 0.1 log 10',
      kl,
      end.map(({ measures }) => measures.all.kl!),
    ),
    limit(
      'Cov_5.7 at the end tends to the weight of the class given up',
      0.1,
      end.map((each) => coverageAt(each, 5.7)),
    ),
    limit(
      'Pass@12 at the checkpoint where both paths are most nearly equally likely, the mixed paths of pre-training still being there',
      0.9998,
      middle.map((each) => passAt(each, 12)),
      0.002,
    ),
    limit(
      'Pass@12 at the end',
      0.972,
      end.map((each) => passAt(each, 12)),
      0.005,
    ),
  ];
}
