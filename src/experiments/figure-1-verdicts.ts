import type { GraphCheckpoint } from '../problems/graph-task.js';
import type { Verdict } from '../report/experiment/verdict.js';
import type { Interval } from '../result.js';
import { coverageAt, LEFT_N, PASS_N, passAt, pathProbability, type Seed } from './figure-1-checkpoints.js';
import { bootstrapInterval, mean, median, range, rankCorrelation } from './statistics.js';

const FIGURE = 'Figure 1';
const LIMITS = 'Appendix C';
/** How far a limit may be off, relatively. */
const TOLERANCE = 0.05;
/** KL may rise from one checkpoint to the next by this share of its whole fall: SGD is noisy. */
const RISE = 0.005;
/** Cov_N must have come up by this much to have turned: more than late checkpoints differ by. */
const MARGIN = 0.002;
/** From this N on a claim about large N is about N. */
const LARGE_N = 8;

/**
 * Figure 1's claims against the runs, and its limits against those of the calibrated learner.
 *
 * @param calibrated - fine-tuning checkpoints of each run of the calibrated learner
 * @param seed - of the bootstrap over runs
 */
export function figure1Verdicts(
  seeds: readonly Seed[],
  calibrated: readonly (readonly GraphCheckpoint[])[],
  seed: number,
): Verdict[] {
  const overSeeds: OverSeeds = (values) => ({
    measured: mean(values),
    interval: bootstrapInterval(values, mean, seed),
  });
  return [
    klFalls(seeds, overSeeds),
    ...LEFT_N.map((N) => coverageTurns(seeds, N, overSeeds)),
    ...PASS_N.map((N) => predicts(seeds, N, overSeeds)),
    ...PASS_N.map((N, at) => picksBetter(seeds, N, at, overSeeds)),
    ...limits(calibrated),
  ];
}

/** Mean over seeds with its 95% bootstrap interval. */
type OverSeeds = (values: readonly number[]) => { readonly measured: number; readonly interval: Interval };

function klFalls(seeds: readonly Seed[], overSeeds: OverSeeds): Verdict {
  const rises = seeds.map(({ fineTuning }) => {
    const kl = fineTuning.map(({ measures }) => measures.all.kl!);
    const rise = Math.max(...kl.slice(1).map((value, at) => value - kl[at]!), 0);
    return rise / (kl[0]! - kl.at(-1)!);
  });
  const found = overSeeds(rises);
  return {
    claim:
      'KL falls throughout fine-tuning: greatest rise between two checkpoints as a share of the whole fall (mean over seeds)',
    source: FIGURE,
    predicted: `≤ ${RISE} (noise of SGD)`,
    ...found,
    ...decide(found.interval[0] >= 0 && found.interval[1] <= RISE, found.interval[0] > RISE),
  };
}

function coverageTurns(seeds: readonly Seed[], N: number, overSeeds: OverSeeds): Verdict {
  const found = overSeeds(
    seeds.map(({ fineTuning }) => {
      const coverage = fineTuning.map((checkpoint) => coverageAt(checkpoint, N));
      return coverage.at(-1)! - Math.min(...coverage);
    }),
  );
  const verdict = {
    claim: `Cov_${N} turns up again in fine-tuning: its end less its least value before (mean over seeds)`,
    source: FIGURE,
    predicted: `≥ ${MARGIN} (noise of SGD)`,
    ...found,
  };
  // Two paths share at most probability 1: to each prompt one of them has at most ½.
  if (N <= 2) {
    const reason =
      'cannot be shown with a learner that cannot tell the classes apart: to each prompt the path of one class or the other ' +
      'has at most ½, so that Cov_2 is never below 0.1; it falls to that and stays';
    return { ...verdict, holds: null, reason };
  }
  return { ...verdict, ...decide(found.interval[0] >= MARGIN, found.interval[1] < MARGIN) };
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

function predicts(seeds: readonly Seed[], N: number, overSeeds: OverSeeds): Verdict {
  const differences = seeds.flatMap(({ fineTuning }) => {
    const { coverage, kl } = correlations(fineTuning, N);
    return coverage === null || kl === null ? [] : [coverage - kl];
  });
  const base = {
    claim:
      `Cov_${N / 2} predicts Pass@${N} better than KL: rank correlation with −Cov_${N / 2} less that with −KL over the ` +
      'fine-tuning checkpoints (mean over seeds)',
    source: FIGURE,
    predicted: '> 0',
  };
  if (differences.length < seeds.length) {
    const reason = `Cov_${N / 2} is the same at all checkpoints of some seed: it has no rank correlation`;
    return { ...base, measured: null, interval: null, holds: null, reason };
  }
  const found = overSeeds(differences);
  if (N < LARGE_N) {
    return { ...base, ...found, holds: null, reason: 'the paper claims it for large N; shown for comparison' };
  }
  return { ...base, ...found, ...decide(found.interval[0] > 0, found.interval[1] <= 0) };
}

function picksBetter(seeds: readonly Seed[], N: number, at: number, overSeeds: OverSeeds): Verdict {
  const found = overSeeds(
    seeds.map(({ fineTuning, picks }) => {
      const of = (index: number) => passAt(fineTuning[index]!, N);
      return of(picks.tournament[at]!) - of(picks.leastKl);
    }),
  );
  return {
    claim: `The tournament's pick has the better Pass@${N} than the checkpoint of least KL: the difference (mean over seeds)`,
    source: FIGURE,
    predicted: '> 0',
    ...found,
    ...decide(found.interval[0] > 0, found.interval[1] <= 0),
  };
}

/** Decided only if the interval over seeds lies on one side. */
function decide(holds: boolean, fails: boolean): Pick<Verdict, 'holds' | 'reason'> {
  if (holds) return { holds: true };
  if (fails) return { holds: false };
  return { holds: null, reason: 'the interval over seeds lies on both sides' };
}

function limits(calibrated: readonly (readonly GraphCheckpoint[])[]): Verdict[] {
  const check = (claim: string, predicted: number, values: readonly number[], tolerance: number): Verdict => ({
    claim: `Calibrated learner: ${claim} (median and range over seeds)`,
    source: LIMITS,
    predicted,
    measured: median(values),
    interval: range(values),
    holds: Math.abs(median(values) - predicted) <= tolerance * predicted,
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
    check(
      'pre-training leaves the matching path at 5/12',
      5 / 12,
      start.map((each) => pathProbability(each, 0)),
      TOLERANCE,
    ),
    check(
      'pre-training leaves the opposite path at 5/12',
      5 / 12,
      start.map((each) => pathProbability(each, 1)),
      TOLERANCE,
    ),
    check(
      'KL at the end tends to 0.9 log(1/0.9) + 0.1 log 10',
      kl,
      end.map(({ measures }) => measures.all.kl!),
      TOLERANCE,
    ),
    check(
      'Cov_5.7 at the end tends to the weight of the class given up',
      0.1,
      end.map((each) => coverageAt(each, 5.7)),
      TOLERANCE,
    ),
    {
      ...check(
        'Pass@12 at the checkpoint where both paths are most nearly equally likely',
        0.9998,
        middle.map((each) => passAt(each, 12)),
        0.002,
      ),
      reason: 'the mixed paths of pre-training still have some probability there; within 0.002 counts',
    },
    check(
      'Pass@12 at the end',
      0.972,
      end.map((each) => passAt(each, 12)),
      TOLERANCE / 10,
    ),
  ];
}
