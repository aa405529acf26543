import type { Verdict } from '../report/experiment/verdict.js';
import type { Interval } from '../result.js';
import { atEnd, CHOICES, HARD, HORIZONS, type Learners, LIMIT_SLOPE, type Quantity } from './figure-2-runs.js';
import { bootstrapInterval, mean, median, range, slope } from './statistics.js';

const FIGURE = 'Figure 2';
const LIMITS = 'Appendix C';
/** How far a limit of the calibrated learner may be off, relatively. */
const TOLERANCE = 0.05;
/** How far from 1 the interval of a factor that is to be 1 may reach. */
const FLAT = 0.1;
const [SHORT, MIDDLE, LONG] = HORIZONS;

/**
 * Figure 2's claims against the learner that overfits, and its limits against the calibrated one.
 *
 * @param seed - of the bootstrap over runs
 */
export function figure2Verdicts({ overfitting, calibrated }: Learners, seed: number): Verdict[] {
  const values = (quantity: Quantity) => overfitting.map((each) => atEnd(each, quantity));
  const [kl, coverage, ratio] = [values('kl'), values('coverage'), values('ratio')] as const;
  const perSeed = (of: (run: number) => number) => {
    const each = kl[0]!.map((_, run) => of(run));
    return { measured: mean(each), interval: bootstrapInterval(each, mean, seed) };
  };
  const slopes = perSeed((run) =>
    slope(
      HORIZONS,
      kl.map((ends) => ends[run]!),
    ),
  );
  const greatest = perSeed((run) => Math.max(...coverage.map((ends) => ends[run]!)));
  const growth = perSeed((run) => ratio[2]![run]! / ratio[0]![run]!);
  return [
    {
      claim: `KL at convergence grows linearly in H: its rise from H = ${MIDDLE} to ${LONG} over that from ${SHORT} to ${MIDDLE} (mean over seeds)`,
      source: FIGURE,
      predicted: 1,
      ...isOne(perSeed((run) => (kl[2]![run]! - kl[1]![run]!) / (kl[1]![run]! - kl[0]![run]!))),
    },
    {
      claim:
        'KL at convergence grows in H at least as fast as that of the calibrated learner: slope in nats a layer (mean over seeds)',
      source: FIGURE,
      predicted: `≥ ${LIMIT_SLOPE.toPrecision(4)}`,
      ...slopes,
      ...decide(slopes.interval[0] >= LIMIT_SLOPE, slopes.interval[1] < LIMIT_SLOPE),
    },
    {
      claim:
        'Cov_16 at convergence is bounded by the weight of the classes with a choice, whatever H is: the greatest over H (mean over seeds)',
      source: FIGURE,
      predicted: `≤ ${CHOICES}`,
      ...greatest,
      ...decide(greatest.interval[1] <= CHOICES, greatest.interval[0] > CHOICES),
    },
    {
      claim: `Cov_16 at convergence does not move with H: from H = ${MIDDLE} to ${LONG} by the factor (mean over seeds)`,
      source: FIGURE,
      predicted: 1,
      ...isOne(perSeed((run) => coverage[2]![run]! / coverage[1]![run]!)),
    },
    atTheEdge(perSeed((run) => coverage[1]![run]! / coverage[0]![run]!)),
    {
      claim: `KL over Cov_16 grows with H: from H = ${SHORT} to ${LONG} by the factor (mean over seeds)`,
      source: FIGURE,
      predicted: '> 1',
      ...growth,
      ...decide(growth.interval[0] > 1, growth.interval[1] <= 1),
    },
    ...limits(calibrated),
  ];
}

type Found = Pick<Verdict, 'holds' | 'reason'> & { readonly measured: number; readonly interval: Interval };

function isOne({ measured, interval }: { readonly measured: number; readonly interval: Interval }): Found {
  const within = interval[0] >= 1 - FLAT && interval[1] <= 1 + FLAT;
  const beyond = interval[1] < 1 - FLAT || interval[0] > 1 + FLAT;
  return { measured, interval, ...decide(within, beyond) };
}

/** At H = 8, 2^(H/2) = N: whether a path counts there is not the learner's calibration but its noise. */
function atTheEdge(factor: { readonly measured: number; readonly interval: Interval }): Verdict {
  const found = isOne(factor);
  const verdict: Verdict = {
    claim: `Cov_16 at convergence does not move with H: from H = ${SHORT} to ${MIDDLE} by the factor (mean over seeds)`,
    source: FIGURE,
    predicted: 1,
    ...found,
  };
  if (found.holds) return verdict;
  const reason =
    `cannot be shown with this learner: at H = ${SHORT} a path of the 5% has probability 2^(−H/2) = 1/16 when calibrated, just at ` +
    'N = 16, so that what is learned by heart moves some of them below; the calibrated learner has 0.05 there, too';
  return { ...verdict, holds: null, reason };
}

/** Decided only if the interval over seeds lies on one side. */
function decide(holds: boolean, fails: boolean): Pick<Verdict, 'holds' | 'reason'> {
  if (holds) return { holds: true };
  if (fails) return { holds: false };
  return { holds: null, reason: 'the interval over seeds lies on both sides' };
}

function limits(calibrated: Learners['calibrated']): Verdict[] {
  const check = (claim: string, predicted: number, values: readonly number[]): Verdict => ({
    claim: `Calibrated learner: ${claim} (median and range over seeds)`,
    source: LIMITS,
    predicted,
    measured: median(values),
    interval: range(values),
    holds: Math.abs(median(values) - predicted) <= TOLERANCE * predicted,
  });
  return calibrated.flatMap((each) => [
    check(`KL at H = ${each.H} tends to 0.05 · (H/2) · log 2`, LIMIT_SLOPE * each.H, atEnd(each, 'kl')),
    check(
      `Cov_16 at H = ${each.H} tends to the weight of the class that cannot be learned`,
      HARD,
      atEnd(each, 'coverage'),
    ),
  ]);
}
