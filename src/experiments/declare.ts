import { describeProblem, type ProblemClaim } from '../problems/problem.js';
import type { ProblemOptions } from '../problems/problem-options.js';
import type { Phrase } from '../results/phrase.js';
import type { Series, SweepPlot } from '../results/plot.js';
import type { Verdict } from '../results/verdict.js';
import { compact } from '../text/format.js';
import type * as z from '../zod.js';
import type { Experiment, ExperimentContext, Outcome } from './experiment.js';
import type { Choice, Measure, Relation, sweepSchema } from './experiment-options.js';
import { type Finding, runExperiment } from './measure.js';
import { seriesTable } from './series.js';
import { predictedText, valueVerdict, verdictOf } from './verdicts.js';

/** A problem tried at a point, and what tells it from the others there, such as a step size. */
export interface Candidate {
  readonly key: number;
  /** Which series it is for, such as an update rule; default all. */
  readonly group?: string;
  readonly problem: ProblemOptions;
}

/** One value of a sweep's variable. */
export interface Point {
  readonly x: number;
  /** Values of N at which Cov_N is measured there; default 2. Series without an N of their own follow the first. */
  readonly N?: readonly number[];
  /** The problem, or those that series choose from. */
  readonly problem: ProblemOptions | readonly Candidate[];
}

/** A quantity of an estimator along a sweep; see the core's `SeriesOptions`. */
export interface SeriesDeclaration {
  /** Which problems at a point it is about; default all. */
  readonly group?: string;
  readonly estimator: string;
  /** Default Cov_N at the point's first N. */
  readonly quantity?: 'kl' | { readonly cov: number } | { readonly detail: string };
  /** Which of the problems at a point counts; default the first. */
  readonly choice?: 'least' | 'greatest' | 'leastGreatest' | { readonly key: number } | { readonly crossing: number };
  /** Name of the series it is divided by. */
  readonly over?: string;
}

/** What is claimed of a series: an exponent in the variable, or a level at every point. */
export interface Claim {
  readonly claim: string;
  readonly source: string;
  /** Name of the series. */
  readonly series: string;
  readonly exponent?: number;
  readonly level?: number;
  /** `atMost` for an upper bound of the paper (the quantity may fall faster or grow slower); default `equal`. */
  readonly relation?: Relation;
  /** How far from what is claimed the whole interval may lie; default {@link TOLERANCE} for an exponent, 0 for a level. */
  readonly tolerance?: number;
  /** Whether it follows from how the instance is made, so that it is no claim of the paper's. */
  readonly construction?: boolean;
}

/** A sweep of one variable over problems. */
export interface Sweep {
  /** The variable as problems' claims name it: `n`, `H`, `d`, `log N`, … */
  readonly variable: string;
  /** Tells the sweep from others of the experiment, also in the figure's file name; default from the variable. */
  readonly id?: string;
  readonly points: readonly Point[];
  /** Trials of each problem. */
  readonly replicates: number;
  /** By name. Without it the problem's own claims are what is followed and claimed. */
  readonly series?: Readonly<Record<string, SeriesDeclaration>>;
  readonly claims?: readonly Claim[];
  /** Whether the values that problems claim of themselves are held against the trials; default if there are no series. */
  readonly values?: boolean;
  /** Whether the series are drawn; default true. */
  readonly drawn?: boolean;
  readonly title?: string;
  /** The quantity, with its unit. */
  readonly quantity?: string;
  readonly caption?: string;
}

/** What was measured, by sweep and by name of the series. */
type Measured = (sweep: string, series: string) => Series;

/** An experiment as a declaration. */
export interface Declaration {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** The sweeps; the quick version has fewer and smaller points. */
  readonly sweeps: (quick: boolean) => readonly Sweep[];
  /** What was seen, in plain words; default what the first problem says that it shows. */
  readonly summary?: (measured: Measured, quick: boolean) => readonly string[];
}

/** How close an exponent measured at finite size must come to the predicted one. */
const TOLERANCE = 0.15;

/** The experiment of a declaration: everything that computes on trials happens in one job of the core. */
export function experiment(declaration: Declaration): Experiment {
  const { name, title, source } = declaration;
  return { name, title, source, run: (context) => run(declaration, context) };
}

async function run(declaration: Declaration, context: ExperimentContext): Promise<Outcome> {
  const { quick, seed, threads, signal, progress } = context;
  const sweeps = declaration.sweeps(quick).map((sweep) => complete(sweep));
  const measures = await runExperiment(
    { sweeps: sweeps.map(request), seed },
    {
      ...(threads !== undefined && { threads }),
      ...(signal && { signal }),
      onProgress: ({ done, total }) => progress(total > 0 ? done / total : 0, 'trials'),
    },
  );
  const series = sweeps.map((sweep, at) =>
    Object.keys(sweep.series).map((each, index) => ({ name: each, points: measures.sweeps[at]!.series[index]! })),
  );
  const measured: Measured = (id, wanted) =>
    series[sweeps.findIndex((sweep) => sweep.id === id)]!.find((each) => each.name === wanted)!;
  const seen = declaration.summary?.(measured, quick) ?? [`${measures.sweeps[0]!.descriptions[0]!.shows}.`];
  const plots = sweeps.flatMap((sweep, at) => (sweep.drawn ? plotsOf(sweep, series[at]!, declaration) : []));
  return {
    verdicts: [
      ...measures.values.map(valueVerdict),
      ...sweeps.flatMap(({ claims }, at) =>
        claims.map((claim, index) => claimVerdict(claim, measures.sweeps[at]!.findings[index]!)),
      ),
    ],
    tables: plots.map((plot) => seriesTable(plot.title, plot.variable, plot.series)),
    plots,
    summary: seen.map((text): Phrase => [text]),
  };
}

/** A sweep with everything that may be left out, but for what is said of its figures. */
interface Complete extends Omit<Sweep, 'series'> {
  readonly id: string;
  readonly series: Readonly<Record<string, FullSeries>>;
  readonly claims: readonly Claim[];
  readonly values: boolean;
  readonly drawn: boolean;
}

interface FullSeries {
  readonly group?: string;
  readonly estimator: string;
  readonly quantity: Measure;
  readonly choice: Choice;
  readonly over?: string;
  /** What its axis is called where the sweep does not say. */
  readonly label: string;
}

function complete(sweep: Sweep): Complete {
  const { variable, id = idOf(variable), series, claims = [], values = series === undefined, drawn = true } = sweep;
  const own = series ? null : ownClaims(sweep);
  return {
    ...sweep,
    id,
    series: own?.series ?? Object.fromEntries(Object.entries(series!).map(([name, each]) => [name, fullSeries(each)])),
    claims: [...(own?.claims ?? []), ...claims],
    values,
    drawn,
  };
}

function idOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

const LABELS = { kl: 'mean KL (nats)', infiniteKl: 'share', cov: 'mean Cov_N', detail: 'mean' } as const;

function fullSeries({ quantity, choice, ...rest }: SeriesDeclaration): FullSeries {
  const measure = measureOf(quantity);
  return { ...rest, quantity: measure, choice: choiceOf(choice), label: LABELS[measure.kind] };
}

function measureOf(quantity: SeriesDeclaration['quantity']): Exclude<Measure, { kind: 'claim' }> {
  if (quantity === undefined) return { kind: 'cov', N: null };
  if (quantity === 'kl') return { kind: 'kl' };
  return 'cov' in quantity ? { kind: 'cov', N: quantity.cov } : { kind: 'detail', name: quantity.detail };
}

function choiceOf(choice: SeriesDeclaration['choice']): Choice {
  if (choice === undefined) return { kind: 'first' };
  if (typeof choice === 'string') return { kind: choice };
  return 'key' in choice ? { kind: 'key', key: choice.key } : { kind: 'crossing', level: choice.crossing };
}

/** What the problem of a sweep claims of the sweep's variable: series to follow and their exponents. */
function ownClaims({ variable, points }: Sweep): { series: Record<string, FullSeries>; claims: Claim[] } {
  const { claims, estimators } = describeProblem(candidatesOf(points[0]!)[0]!.problem);
  const series: Record<string, FullSeries> = {};
  const found: Claim[] = [];
  for (const [index, claim] of claims.entries()) {
    const predicted = claim.exponents.find((each) => each.variable === variable);
    if (!predicted) continue;
    for (const estimator of claim.estimator === null ? estimators : [claim.estimator]) {
      const name = seriesName(claim, estimator);
      series[name] ??= {
        estimator,
        quantity: { kind: 'claim', index },
        choice: { kind: 'first' },
        label: LABELS[claim.quantity],
      };
      found.push({
        claim: `${claim.text} (${estimator}; exponent in ${variable})`,
        source: claim.source,
        series: name,
        exponent: predicted.exponent,
        // A lower bound c·x^e claims an exponent of at least e, an upper bound one of at most e.
        relation: claim.relation === 'scales' ? 'equal' : claim.relation,
        construction: claim.construction,
      });
    }
  }
  return { series, claims: found };
}

function seriesName({ quantity, budget, detail }: ProblemClaim, estimator: string): string {
  if (quantity === 'cov') return budget === null ? estimator : `${estimator}, N = ${compact(budget)}`;
  return quantity === 'kl' ? `${estimator}, KL` : `${estimator}${detail === null ? '' : `, ${detail}`}`;
}

function candidatesOf({ problem }: Point): readonly Candidate[] {
  return Array.isArray(problem) ? problem : [{ key: 0, problem: problem as ProblemOptions }];
}

/** The sweep as the core takes it. */
function request({ points, replicates, series, claims, values }: Complete): z.input<typeof sweepSchema> {
  const names = Object.keys(series);
  return {
    points: points.map((point) => ({
      x: point.x,
      N: point.N ?? [2],
      candidates: candidatesOf(point).map((each) => ({ ...each, group: each.group ?? null })),
    })),
    replicates,
    series: Object.values(series).map(({ group, estimator, quantity, choice, over }) => ({
      group: group ?? null,
      estimator,
      quantity,
      choice,
      over: over === undefined ? null : names.indexOf(over),
    })),
    claims: claims.map((claim) => ({ series: names.indexOf(claim.series), ...predictionOf(claim) })),
    values,
  };
}

function predictionOf({ exponent, level, relation = 'equal', tolerance }: Claim) {
  return exponent === undefined
    ? { of: 'level' as const, relation, value: level!, tolerance: tolerance ?? 0 }
    : { of: 'exponent' as const, relation, value: exponent, tolerance: tolerance ?? TOLERANCE };
}

function claimVerdict(claim: Claim, finding: Finding): Verdict {
  const { relation, value, tolerance } = predictionOf(claim);
  return verdictOf(claim, predictedText(relation, value, tolerance), finding);
}

const CAPTION = 'Both axes are logarithmic; bands are two standard errors of the mean over trials.';

/** A figure for each quantity, or one for all where the sweep gives it a name. */
function plotsOf(sweep: Complete, all: readonly Series[], { name, title }: Declaration): SweepPlot[] {
  const drawn = all.filter(({ points }) => points.length > 0);
  const labels =
    sweep.quantity === undefined ? new Set(drawn.map((each) => sweep.series[each.name]!.label)) : [sweep.quantity];
  return [...labels].map((quantity): SweepPlot => {
    const series =
      sweep.quantity === undefined ? drawn.filter((each) => sweep.series[each.name]!.label === quantity) : drawn;
    return {
      kind: 'sweep',
      id: idOf(
        [name, ...(sweep.quantity === undefined ? [quantity.replace(/mean |_N|\(.*/g, '')] : []), sweep.id]
          .join(' ')
          .trim(),
      ),
      title: sweep.title ?? `${title}: ${quantity} against ${sweep.variable}`,
      caption: sweep.caption ?? CAPTION,
      variable: sweep.variable,
      quantity,
      series,
    };
  });
}
