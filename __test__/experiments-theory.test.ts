import { expect, test } from 'vitest';
import { bestOfNExperiment } from '../src/experiments/best-of-n.js';
import { covOf, drawHeldOut, drawOnPolicy, eventsClass, score } from '../src/experiments/events-class.js';
import type { Experiment } from '../src/experiments/experiment.js';
import { Inequality } from '../src/experiments/inequality.js';
import { prop31 } from '../src/experiments/prop-3-1.js';
import { uniforms } from '../src/experiments/random.js';
import { averagedCov, randomProblem } from '../src/experiments/random-class.js';
import { onConstructions } from '../src/experiments/sgd-constructions.js';
import { signSgd } from '../src/experiments/sign-sgd.js';
import { exponentVerdict } from '../src/experiments/sweep.js';
import { theorem51 } from '../src/experiments/theorem-5-1.js';
import { theorem63 } from '../src/experiments/theorem-6-3.js';
import { theorem64 } from '../src/experiments/theorem-6-4.js';
import { winnersCov } from '../src/experiments/tournament-trials.js';
import { RULES } from '../src/experiments/update-rules.js';

const run = (experiment: Experiment, threads?: number) =>
  experiment.run({ quick: true, seed: 0, threads, signal: undefined, progress: () => {} });

test.each([
  [prop31, 10],
  [bestOfNExperiment, 2],
])('$name: every inequality is tested and holds', async (experiment, count) => {
  const { verdicts } = await run(experiment);
  const inequalities = verdicts.filter(({ predicted }) => predicted === '≤ 1');
  expect(inequalities).toHaveLength(count);
  expect(verdicts.every(({ holds }) => holds)).toBe(true);
  for (const verdict of inequalities) {
    expect(verdict).toMatchObject({ claim: expect.stringMatching(/\S/), predicted: '≤ 1', holds: true });
    expect(verdict.source).toMatch(/^Proposition/);
    expect(verdict.measured).toBeGreaterThan(0.1);
  }
  expect((await run(experiment)).verdicts).toEqual(verdicts);
});

test('an inequality that fails once does not hold; one never tested is undecided', () => {
  const broken = new Inequality('a ≤ b', 'nowhere');
  broken.check(0.5, 1);
  broken.check(2, 1);
  expect(broken.verdict()).toMatchObject({ measured: 2, holds: false });
  const idle = new Inequality('a ≤ b', 'nowhere');
  idle.check(0, 1);
  expect(idle.verdict()).toMatchObject({ measured: null, holds: null, reason: expect.stringContaining('never') });
});

test('an exponent of a wide interval decides nothing, unless a bound holds beyond doubt; nor does an infinite value', () => {
  const series = (values: readonly number[]) => ({
    name: '',
    points: values.map((value, index) => ({ x: 2 ** index, value, standardError: 0 })),
  });
  const claim = { claim: '', source: '' };
  const wide = series([1, 1 / 8, 1 / 3, 1 / 20]);
  expect(exponentVerdict({ ...claim, exponent: -1 }, wide).holds).toBeNull();
  expect(exponentVerdict({ ...claim, exponent: -0.5, relation: 'atMost' }, wide).holds).toBeNull();
  expect(exponentVerdict({ ...claim, exponent: 2, relation: 'atMost' }, wide).holds).toBe(true);
  expect(exponentVerdict({ ...claim, exponent: -2, relation: 'atLeast' }, series([1, 1 / 4, 1 / 16])).holds).toBe(true);
  const infinite = exponentVerdict({ ...claim, exponent: 0 }, series([1, 1, Number.POSITIVE_INFINITY]));
  expect(infinite).toMatchObject({ holds: null, measured: null, reason: expect.stringContaining('infinite') });
});

/** Verdicts by what their claim begins with. */
async function verdictsOf(experiment: Experiment, threads?: number) {
  const outcome = await run(experiment, threads);
  const find = (part: string) => {
    const found = outcome.verdicts.filter(({ claim }) => claim.includes(part));
    expect(found, part).toHaveLength(1);
    return found[0]!;
  };
  const values = (id: string, series: number) => {
    const plot = outcome.plots.find((each) => each.id === id);
    if (plot?.kind !== 'sweep') throw new Error(id);
    return plot.series[series]!.points.map(({ value }) => value);
  };
  return { ...outcome, find, values };
}

test('theorem-5.1: normalized SGD does not feel H where SGD needs prompts in proportion; its terms in T and K', async () => {
  const { verdicts, find, values, plots } = await verdictsOf(theorem51);
  expect(verdicts).toHaveLength(7);
  expect(find('SGD at its largest step that settles')).toMatchObject({ holds: true, predicted: 1 });
  expect(find('Normalized SGD at its best step')).toMatchObject({ holds: true, predicted: 0 });
  expect(find("Normalized SGD with theory's η")).toMatchObject({ holds: true, predicted: 0 });
  // Responses are all but certain: these are the dynamics themselves.
  expect(values('theorem-5-1-h', 0)).toEqual([7, 11, 16, 23, 33]);
  expect(values('theorem-5-1-h', 1)).toEqual([1, 1, 1, 1, 1]);
  for (const needed of values('theorem-5-1-h', 2)) expect(needed).toBeCloseTo(1234, -1);
  expect(find('at its best step falls at least like 1/√T')).toMatchObject({ holds: true });
  expect(find("theory's η and λ falls at least like 1/√T").measured).toBeLessThan(-0.65);
  expect(find('√(σ*²/(T log N)) is attained')).toMatchObject({ holds: null, reason: expect.stringContaining('128B') });
  const inK = find('exponent in K');
  expect(inK.holds).toBe(true);
  expect(inK.measured).toBeCloseTo(-1, 0.7);
  expect(values('theorem-5-1-k', 1).every((value) => value === 0)).toBe(true);
  expect(plots).toHaveLength(3);
}, 120_000);

test('sign-sgd: per-coordinate rules, measured, and Adam without averages to the bit', async () => {
  const { verdicts, find, values } = await verdictsOf(signSgd);
  expect(verdicts).toHaveLength(12);
  expect(find('that SGD needs')).toMatchObject({ holds: true, predicted: 1, source: 'Proposition 5.1' });
  for (const [at, rule] of ['normalized SGD', 'SignSGD', 'Adam'].entries()) {
    expect(find(`that ${rule} needs`)).toMatchObject({ holds: true, predicted: 0 });
    expect(Math.max(...values('sign-sgd-h', at + 1))).toBeLessThan(3);
  }
  for (const rule of ['SignSGD', 'Adam']) {
    expect(find(`that ${rule} needs`).claim).toContain('(conjecture, measured)');
    const inT = find(`Averaged Cov_4 of ${rule} on random classes falls`);
    expect(inT.source).toContain('conjecture');
    expect(inT.measured).toBeLessThan(-0.4);
  }
  expect(find('Averaged Cov_4 of SGD').measured).toBeLessThan(-0.6);
  expect(find('Averaged Cov_4 of normalized SGD on random classes falls').measured).toBeLessThan(-0.6);
  expect(find('Adam without averages')).toMatchObject({ measured: 0, holds: true });
}, 120_000);

test('theorem-6.3: the winner is within the bound; n, M, N and the best model each enter as claimed', async () => {
  const { verdicts, find, values, plots } = await verdictsOf(theorem63);
  expect(verdicts).toHaveLength(8);
  expect(find('though the only model of Cov 0')).toMatchObject({ holds: true, measured: 1 });
  expect(find('exponent in n')).toMatchObject({ holds: true });
  expect(find('exponent in n').measured).toBeGreaterThan(-1.2);
  expect(find('exponent in log(M/δ)').measured).toBeCloseTo(1, 0.5);
  for (const a of [0.125, 0.25, 0.5]) {
    expect(find(`at a = ${a}:`)).toMatchObject({ holds: true });
    expect(find(`at a = ${a}:`).measured).toBeCloseTo(a - 1, 6);
  }
  expect(find('At each of these a')).toMatchObject({ holds: true, measured: 1 });
  expect(find('exponent in min Cov')).toMatchObject({ holds: true });
  expect(values('theorem-6-3-n', 0)[0]).toBeLessThan(0.05);
  expect(plots).toHaveLength(4);
}, 120_000);

test('theorem-6.4: the offset tournament finds the good model where the simple one never does', async () => {
  const { verdicts, find, values } = await verdictsOf(theorem64);
  expect(verdicts).toHaveLength(5);
  expect(verdicts[0]).toMatchObject({ holds: true, claim: expect.stringMatching(/^Cov at .* at most log/) });
  expect(find('exponent in n')).toMatchObject({ holds: true });
  expect(find('keeps a Cov of the order of N^-(1-a)').measured).toBeCloseTo(-0.75, 6);
  expect(find('On the same class')).toMatchObject({ holds: true, measured: 1 });
  // The simple winner stays at N^-(1-a)/5 = 1/320, the offset winner does not.
  expect(values('theorem-6-4-n', 0).at(-1)).toBeGreaterThan(0.9 / 320);
  expect(values('theorem-6-4-n', 1).at(-1)).toBeLessThan(0.4 / 320);
  expect(values('theorem-6-4-budget', 1)).toEqual([0, 0, 0, 0, 0]);
  expect(find('exponent in log(M/δ)').holds).not.toBe(false);
  expect(values('theorem-6-4-m', 0).at(-1)).toBeLessThan(Math.log(24 / 0.05) / 48);
}, 120_000);

test('the class of the tournaments is what it says', () => {
  const [N, a] = [256, 0.25];
  const task = eventsClass({ N, a, wrong: [0.1, 0.02], bold: true });
  const [flat, bold, first, second] = task.models;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  for (const { outside, inside } of task.models) {
    expect(sum(outside)).toBeCloseTo(1, 12);
    expect(sum(inside)).toBeCloseTo(1, 12);
  }
  // flat is within a·log N of π_D everywhere, in both directions.
  for (const [response, p] of task.truth.entries()) {
    expect(Math.abs(Math.log(p / flat!.outside[response]!))).toBeLessThanOrEqual(a * Math.log(N) + 1e-9);
  }
  expect(covOf(task, flat!, N ** a * 1.001)).toBe(0);
  expect(covOf(task, bold!, 2 * N ** (1 + a))).toBeCloseTo(0.2 * N ** (a - 1), 12);
  expect(covOf(task, first!, 2 * N ** (1 + a))).toBeCloseTo(0.1, 12);
  expect(covOf(task, second!, N ** (1 + a))).toBeCloseTo(0.02, 12);
  // What bold claims it claims N times as much as flat, N^(1-a) as much as π_D.
  expect(bold!.outside[1]! / flat!.outside[1]!).toBeGreaterThan(N);
  expect(bold!.outside[1]! / first!.outside[1]!).toBeLessThan(N);
  const held = drawHeldOut(task, 20_000, uniforms(1));
  const share = (response: number) => held.responses.filter((each) => each === response).length / 20_000;
  for (const [response, p] of task.truth.entries()) {
    expect(Math.abs(share(response) - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 20_000));
  }
  expect(held.sets[2]!.length / 20_000).toBeCloseTo(first!.share, 1.5);
  const own = drawOnPolicy(task, 2, held, 3, uniforms(2));
  expect(own.responses).toHaveLength(60_000);
  // In its set the wrong model hardly ever gives the main response.
  const within = [...own.sets[2]!].map((index) => own.responses[index]);
  expect(within).toHaveLength(3 * held.sets[2]!.length);
  expect(within.filter((response) => response === 0).length).toBeLessThan(within.length / 100);
  using scores = score(task, held);
  expect(scores.models).toEqual(['flat', 'bold', 'wrong-0', 'wrong-1']);
});

test('experiments give the same numbers at any number of threads, and stop when aborted', async () => {
  const small = async (threads: number) => {
    const context = { quick: true, seed: 3, signal: undefined, threads, replicate: 1 };
    const contestants = RULES.map((rule) => ({ rule, stepSize: rule === 'SGD' ? 1e-5 : 0.05 }));
    const problem = await randomProblem(4, 6, 0, context);
    const runs = [0.01, 0.03].map((stepSize) => ({ problem, steps: 50, run: 0, stepSize }));
    const task = eventsClass({ N: 64, a: 0.25, wrong: [0.1, 0.02], bold: true });
    const settings = { n: 200, replicates: 5, key: 1 };
    return [
      await onConstructions(contestants, 512, 40, context),
      await averagedCov(runs, context),
      await winnersCov(['simple', 'offset'], task, 100, settings, context),
    ];
  };
  expect(await small(2)).toEqual(await small(1));
  for (const experiment of [theorem51, signSgd, theorem63, theorem64]) {
    const abort = new AbortController();
    const began = performance.now();
    const running = experiment.run({
      ...{ quick: false, seed: 0, threads: 1, signal: abort.signal },
      progress: () => setTimeout(() => abort.abort(new Error('enough')), 50),
    });
    await expect(running).rejects.toThrow('enough');
    expect(performance.now() - began).toBeLessThan(10_000);
  }
}, 120_000);
