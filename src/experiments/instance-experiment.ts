import { native } from '../native.js';
import { describeProblem, type ProblemClaim, type ProblemOptions } from '../problems/problem.js';
import { type EstimatorTrials, type ProblemTrials, problemTrials } from '../problems/trials.js';
import type { Verdict } from '../report/experiment/verdict.js';
import { compact, plural } from '../report/format.js';
import type { Phrase } from '../report/phrase.js';
import type { Table } from '../report/table.js';
import type { Interval } from '../result.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import type { Plot } from './plot.js';
import { exponentVerdict, type Series, sweepTable } from './sweep.js';

/** A sweep of one variable over instances of a problem. */
interface InstanceSweep {
  /** The variable as the problem's claims name it: `n`, `H`, `d`, `log N`, … */
  readonly variable: string;
  readonly points: readonly { readonly x: number; readonly problem: Readonly<Record<string, unknown>> }[];
  /** The sweep of the quick version; default every second point. */
  readonly quickPoints?: readonly number[];
}

/** A named problem with its sweeps: what is claimed is the problem's own data, what is fitted follows from it. */
export interface InstanceExperiment {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** Name of the problem; default the experiment's. */
  readonly problem?: string;
  readonly sweeps: readonly InstanceSweep[];
  /** Data sets drawn at each point, in full and in the quick version. */
  readonly replicates: readonly [full: number, quick: number];
  /** Further values of N at which Cov_N is measured. */
  readonly N?: readonly number[];
  /** What more there is to say of the trials. */
  readonly further?: (trials: readonly SweepTrials[]) => readonly Verdict[];
}

/** The trials of one sweep. */
interface SweepTrials {
  readonly sweep: InstanceSweep;
  readonly trials: readonly ProblemTrials[];
  readonly N: readonly number[];
}

const CONFIDENCE = 0.95;
const Z = 1.959964;

/** An experiment that draws data sets of a problem along sweeps and holds each of its claims against them. */
export function instanceExperiment(settings: InstanceExperiment): Experiment {
  const { name, title, source } = settings;
  return { name, title, source, run: (context) => run(settings, context) };
}

async function run(settings: InstanceExperiment, context: ExperimentContext): Promise<Outcome> {
  const name = settings.problem ?? settings.name;
  const all: SweepTrials[] = [];
  for (const [index, sweep] of settings.sweeps.entries()) {
    const points = chosenPoints(sweep, context.quick);
    const problems = points.map(({ problem }): ProblemOptions => ({ ...problem, name }));
    const N = budgets(problems, settings.N ?? [2, 16]);
    const trials = await problemTrials({
      problems,
      N,
      replicates: settings.replicates[context.quick ? 1 : 0],
      seed: context.seed,
      ...(context.threads !== undefined && { threads: context.threads }),
      ...(context.signal && { signal: context.signal }),
      onProgress: ({ done, total }) =>
        context.progress(
          (index + (total > 0 ? done / total : 0)) / settings.sweeps.length,
          `sweep of ${sweep.variable}`,
        ),
    });
    all.push({ sweep: { ...sweep, points }, trials, N });
  }
  const verdicts = [...valueVerdicts(all), ...all.flatMap(exponentVerdicts), ...(settings.further?.(all) ?? [])];
  return { verdicts, ...present(settings, all) };
}

function chosenPoints({ points, quickPoints }: InstanceSweep, quick: boolean): InstanceSweep['points'] {
  if (!quick) return points;
  return quickPoints ? quickPoints.map((index) => points[index]!) : points.filter((_, index) => index % 2 === 0);
}

/** All values of N that the claims are about, and the further ones. */
function budgets(problems: readonly ProblemOptions[], further: readonly number[]): number[] {
  const claimed = problems.flatMap((problem) => describeProblem(problem).claims.flatMap(({ budget }) => budget ?? []));
  return [...new Set([...claimed, ...further])].sort((a, b) => a - b);
}

/** The values of a claim's quantity over the trials of one problem; `null` if the estimator does not report it. */
function valuesOf(claim: ProblemClaim, estimator: EstimatorTrials, N: readonly number[]): readonly number[] | null {
  if (claim.quantity === 'kl') return [...estimator.klValues];
  if (claim.quantity === 'cov') {
    const column = N.indexOf(claim.budget ?? N[0]!);
    return [...estimator.covValues].filter((_, index) => index % N.length === column);
  }
  return null;
}

/** Mean and standard error of a claim's quantity. */
function measure(
  claim: ProblemClaim,
  estimator: EstimatorTrials,
  N: readonly number[],
): { mean: number; error: number } | null {
  const values = valuesOf(claim, estimator, N);
  if (values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const error = Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
    return Number.isFinite(mean) ? { mean, error } : null;
  }
  const detail = estimator.details[claim.text.split(':')[0]!];
  if (detail) return { mean: detail.mean, error: detail.standardError ?? 0 };
  // The only other figure is how often KL is infinite.
  const trials = estimator.klValues.length;
  const share = estimator.infiniteKl / trials;
  return { mean: share, error: Math.sqrt((share * (1 - share)) / trials) };
}

interface Occasion {
  readonly claim: ProblemClaim;
  readonly estimator: EstimatorTrials;
  readonly N: readonly number[];
  readonly holds: boolean;
}

/** The same claim at every point of every sweep, for each estimator it is about. */
function occasions(all: readonly SweepTrials[]): Map<string, Occasion[]> {
  const found = new Map<string, Occasion[]>();
  for (const { trials, N } of all) {
    for (const { description, estimators } of trials) {
      const holds = description.conditions.every((condition) => condition.holds);
      for (const [index, claim] of description.claims.entries()) {
        for (const estimator of estimators) {
          if (claim.estimator !== null && claim.estimator !== estimator.estimator) continue;
          const key = `${index} ${estimator.estimator}`;
          found.set(key, [...(found.get(key) ?? []), { claim, estimator, N, holds }]);
        }
      }
    }
  }
  return found;
}

/** Verdicts on claims with a value: each must hold at every point where its premises do. */
function valueVerdicts(all: readonly SweepTrials[]): Verdict[] {
  return [...occasions(all).values()].flatMap((every) => {
    const within = every.filter(({ claim, holds }) => holds && claim.value !== null && claim.relation !== 'scales');
    if (within.length === 0) return [];
    return [within[0]!.claim.probability === null ? meanVerdict(within) : shareVerdict(within)];
  });
}

/** A claim that holds with some probability over data sets: the point where it held least often decides. */
function shareVerdict(occasions: readonly Occasion[]): Verdict {
  let worst: { share: number; interval: Interval; needed: number } | null = null;
  for (const { claim, estimator, N } of occasions) {
    const values = valuesOf(claim, estimator, N) ?? [];
    const slack = 1e-9 * Math.abs(claim.value!) + 1e-12;
    const kept = values.filter((value) =>
      claim.relation === 'atLeast' ? value >= claim.value! - slack : value <= claim.value! + slack,
    ).length;
    const [low, high] = native.binomialIntervals(Uint32Array.of(kept), values.length, CONFIDENCE);
    const candidate = { share: kept / values.length, interval: [low!, high!] as const, needed: claim.probability! };
    if (worst === null || candidate.share - candidate.needed < worst.share - worst.needed) worst = candidate;
  }
  const { share, interval, needed } = worst!;
  const { claim, estimator } = occasions[0]!;
  return {
    claim: `${claim.text} (${estimator.estimator}; share of data sets at the least favourable of ${plural(occasions.length, 'point')})`,
    source: claim.source,
    predicted: `≥ ${compact(needed)}`,
    measured: share,
    interval,
    // Certain claims may not fail once; others not significantly.
    holds: needed >= 1 ? share === 1 : interval[1] >= needed,
  };
}

/** A claim about the mean over data sets: the point with the greatest deviation, in standard errors, decides. */
function meanVerdict(occasions: readonly Occasion[]): Verdict {
  let worst: { deviation: number; ratio: number; interval: Interval } | null = null;
  for (const { claim, estimator, N } of occasions) {
    const measured = measure(claim, estimator, N);
    if (measured === null) continue;
    const signed = (measured.mean - claim.value!) / Math.max(measured.error, 1e-12 * Math.abs(claim.value!), 1e-300);
    const deviation = claim.relation === 'equal' ? Math.abs(signed) : claim.relation === 'atLeast' ? -signed : signed;
    const scale = claim.value === 0 ? 1 : claim.value!;
    const ratio = measured.mean / scale;
    const half = (Z * measured.error) / Math.abs(scale);
    if (worst === null || deviation > worst.deviation)
      worst = { deviation, ratio, interval: [ratio - half, ratio + half] };
  }
  const { claim, estimator } = occasions[0]!;
  const sign = { equal: '= 1', atLeast: '≥ 1', atMost: '≤ 1', scales: '' }[claim.relation];
  return {
    claim: `${claim.text} (${estimator.estimator}; measured over predicted at the least favourable of ${plural(occasions.length, 'point')})`,
    source: claim.source,
    predicted: sign,
    measured: worst?.ratio ?? null,
    interval: worst?.interval ?? null,
    // Many points are looked at: four standard errors at the worst of them.
    holds: worst === null ? null : worst.deviation <= 4,
    ...(worst === null && { reason: 'the quantity is infinite in some trial' }),
  };
}

function exponentVerdicts({ sweep, trials, N }: SweepTrials): Verdict[] {
  const first = trials[0]!.description;
  return first.claims.flatMap((claim, index) => {
    const exponent = claim.exponents.find(({ variable }) => variable === sweep.variable);
    if (!exponent) return [];
    const names = claim.estimator === null ? first.estimators : [claim.estimator];
    return names.map((name) => {
      const relation = claim.relation === 'atMost' || claim.relation === 'atLeast' ? claim.relation : 'equal';
      return exponentVerdict(
        {
          claim: `${claim.text} (${name}; exponent in ${sweep.variable})`,
          source: claim.source,
          exponent: exponent.exponent,
          // A lower bound c·x^e claims an exponent of at least e, an upper bound one of at most e.
          relation,
        },
        seriesOf(name, index, sweep, trials, N),
      );
    });
  });
}

function seriesOf(
  name: string,
  claimIndex: number,
  sweep: InstanceSweep,
  trials: readonly ProblemTrials[],
  N: readonly number[],
): Series {
  const points = trials.flatMap(({ description, estimators }, index) => {
    const claim = description.claims[claimIndex]!;
    const estimator = estimators.find((each) => each.estimator === name)!;
    const measured = measure(claim, estimator, N);
    return measured ? [{ x: sweep.points[index]!.x, value: measured.mean, standardError: measured.error }] : [];
  });
  return { name, points };
}

function present(settings: InstanceExperiment, all: readonly SweepTrials[]): Omit<Outcome, 'verdicts'> {
  const tables: Table[] = [];
  const plots: Plot[] = [];
  for (const { sweep, trials, N } of all) {
    for (const quantity of ['cov', 'kl', 'other'] as const) {
      const series = seriesToShow(quantity, { sweep, trials, N });
      if (series.length === 0) continue;
      const label = { cov: 'mean Cov_N', kl: 'mean KL (nats)', other: 'mean' }[quantity];
      const heading = `${settings.title}: ${label} against ${sweep.variable}`;
      const id = `${settings.name}-${quantity}-${sweep.variable}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
      const caption = 'Both axes are logarithmic; bands are two standard errors of the mean over data sets.';
      plots.push({ kind: 'sweep', id, title: heading, caption, variable: sweep.variable, quantity: label, series });
      tables.push(sweepTable(heading, sweep.variable, series));
    }
  }
  const { description } = all[0]!.trials[0]!;
  const summary: Phrase[] = [[`${description.shows}.`]];
  return { tables, plots, summary };
}

/** One series for each claim that the sweep is about; estimators that coincide in what is shown appear once. */
function seriesToShow(quantity: ProblemClaim['quantity'], { sweep, trials, N }: SweepTrials): Series[] {
  const first = trials[0]!.description;
  const shown = new Map<string, Series>();
  for (const [index, claim] of first.claims.entries()) {
    if (claim.quantity !== quantity || !claim.exponents.some(({ variable }) => variable === sweep.variable)) continue;
    for (const name of claim.estimator === null ? first.estimators : [claim.estimator]) {
      const label = quantity === 'cov' && claim.budget !== null ? `${name}, N = ${compact(claim.budget)}` : name;
      shown.set(label, { ...seriesOf(name, index, sweep, trials, N), name: label });
    }
  }
  return [...shown.values()].filter(({ points }) => points.length > 0);
}
