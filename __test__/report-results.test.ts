import { describe, expect, it } from 'vitest';
import { passAtK } from '../src/pass-at-k/pass-at-k.js';
import { linearAxis, shareAxis, ticks } from '../src/report/charts/axis.js';
import { learningCurveFigure } from '../src/report/charts/learning-curve.js';
import { lineChart, spread } from '../src/report/charts/line-chart.js';
import { LIGHT } from '../src/report/charts/theme.js';
import { experimentReport, type ReportedExperiment } from '../src/report/experiment/report.js';
import { reportCsv } from '../src/report/export/csv.js';
import { figureSvg } from '../src/report/export/draw.js';
import { reportHtml } from '../src/report/export/page.js';
import { reportText } from '../src/report/export/text.js';
import { offsetReport } from '../src/report/offset/report.js';
import { passAtKReport } from '../src/report/pass-at-k/report.js';
import { coverageProfileReport } from '../src/report/profile/report.js';
import { reportFigures } from '../src/report/report.js';
import { runsOf } from '../src/report/selection/figures.js';
import { selectionReport } from '../src/report/selection/report.js';
import type { OffsetTournament } from '../src/tournament/offset-tournament.js';
import { plainSelection, syntheticRows } from './report-fixture.js';
import { plainPassAtK, plainProfiles } from './report-plain-results.js';

describe('coverage profiles', () => {
  // Log ratios to the reference: a has 0, 1, 2, 3; b has 0, 0, 0, ∞.
  const reference = { name: 'teacher', row: Float64Array.of(-1, -1, -1, -1) };
  const rows = [Float64Array.of(-1, -2, -3, -4), Float64Array.of(-1, -1, -1, Number.NEGATIVE_INFINITY)];
  const result = plainProfiles(['a', 'b'], rows, reference, [2, 16]);

  it('are said in plain words, with the noise', () => {
    const text = reportText(coverageProfileReport(result), { columns: 200 });
    expect(text).toContain(
      'a has the least Cov_N: 25% (0–67%) at N = 16. Within noise: the interval of b overlaps its own.',
    );
    expect(text).toContain('b has the least Cov_N: 25% (0–67%) at N = 2.');
    expect(text).toContain('KL divergence is least for a; it does not have the least Cov_N at N = 2.');
    expect(text).toContain('1 model rules out responses, which count at every N: b.');
  });

  it('are one CSV row for each N and model, unknown figures empty', () => {
    const lines = reportCsv(coverageProfileReport(result)).split('\r\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(/^N,model,reference,coverage,count,responses,low,high/);
    expect(lines[1]).toMatch(/^2,a,teacher,0.75,3,4,/);
    expect(lines[2]).toMatch(/^2,b,teacher,0.25,1,4,.*,,,,,,,,0.25,1$/);
  });

  it('are drawn as steps that end at what is ruled out', () => {
    const [curves, ...scatters] = reportFigures(coverageProfileReport(result));
    expect(scatters).toEqual([]);
    const series = [curves!.option.series ?? []].flat() as { type: string; step?: string; data: number[][] }[];
    const lines = series.filter(({ type }) => type === 'line');
    expect(lines.map(({ step }) => step)).toEqual(['start', 'start']);
    const ends = lines.map(({ data }) => data.at(-1)!);
    // Later lines lie above: a, which leads at N = 16, is second to b, which leads at N = 2.
    expect(ends[1]).toEqual([32, 0.25]);
    expect(ends[0]![1]).toBeLessThanOrEqual(0.25);
  });
});

describe('Pass@k', () => {
  const result = plainPassAtK(
    ['good', 'bad'],
    [
      [4, 4, 2, 1],
      [1, 0, 2, 0],
    ],
    4,
    [1, 2, 8],
    200,
  );

  it('is said in plain words; what is unknown is said to be', () => {
    const text = reportText(passAtKReport(result), { columns: 200 });
    expect(text).toMatch(
      /Pass@1 is greatest for good, 68\.8% \(.*\)\. Within noise: bad may have as much\. It leads in (100|9\d(\.\d)?)% of 200 resamples/,
    );
    expect(text).toContain('Pass@8 is not known for any model: each has a problem with fewer than 8 samples.');
  });

  it('is clear where every other is shown to have less, never of equals or of one problem', async () => {
    const said = async (problems: number, models: readonly string[], correct: (model: number) => number) => {
      const of = (value: (model: number) => number) =>
        models.map((_, m) => Array.from({ length: problems }, () => value(m)));
      const names = Array.from({ length: problems }, (_, index) => `p${index}`);
      const counts = { models, problems: names, samples: of(() => 10), correct: of(correct) };
      return reportText(passAtKReport(await passAtK(counts, { replicates: 50 })), { columns: 300 });
    };
    expect(await said(200, ['base', 'tuned'], (m) => 2 + 5 * m)).toContain(
      'Clear: every other model is shown to have less. It leads in 100% of 50 resamples.',
    );
    expect(await said(200, ['one', 'same'], () => 7)).toContain('Within noise: same may have as much.');
    expect(await said(1, ['base', 'tuned'], (m) => 10 * m)).toContain('Within noise: base may have as much.');
  });

  it('of a single model compares it with none', () => {
    const one = plainPassAtK(['only'], [[1, 2]], 4, [1, 2], 10);
    const text = reportText(passAtKReport(one), { columns: 200 });
    expect(text).toMatch(/Pass@1 of only is 37\.5% \(.*\)\.\n/);
    expect(text).not.toContain('resamples');
    const [curves, intervals] = reportFigures(passAtKReport(one));
    expect([curves!.id, intervals!.id]).toEqual(['pass-at-k', 'pass-at-k-1']);
    expect(intervals!.caption).not.toContain('other');
    // The axis holds the band.
    const [low, high] = one.perK[0]!.values[0]!.interval!;
    const { min, max } = curves!.option.yAxis as { min: number; max: number };
    expect([min <= low, high <= max]).toEqual([true, true]);
  });

  it('is one CSV row for each k and model', () => {
    const lines = reportCsv(passAtKReport(result)).split('\r\n');
    expect(lines[1]).toMatch(/^1,good,1,0.6875,.*,true,.*,true,4,0,4$/);
    expect(lines.at(-2)).toBe('8,bad,,,,,false,,false,4,4,4');
  });

  it('names the files of all models, however many there are', () => {
    const page = (files: readonly string[]) =>
      reportHtml(
        passAtKReport(result, {
          provenance: { version: '1', seed: '0', sources: files.map((file) => ({ file, blake3: `hash of ${file}` })) },
        }),
      );
    expect(page(['one.jsonl'])).toContain(
      'All models come from <code>one.jsonl</code>, BLAKE3 <code>hash of one.jsonl',
    );
    const three = page(['one.jsonl', 'two.jsonl', 'three.jsonl']);
    expect(three).toContain('The 3 files that were read');
    expect(three).toContain('hash of three.jsonl');
  });

  it('is drawn at known k only', () => {
    expect(reportFigures(passAtKReport(result)).map(({ id }) => id)).toEqual([
      'pass-at-k',
      'pick-shares',
      'pass-at-k-1',
      'pass-at-k-2',
    ]);
    const unknown = plainPassAtK(['m'], [[1, 2]], 4, [8], 10);
    expect(reportFigures(passAtKReport(unknown))).toEqual([]);
    expect(reportText(passAtKReport(unknown))).toContain('not known');
  });
});

describe('the offset tournament', () => {
  const tournament = {
    N: 16,
    a: 0.5,
    offset: 8,
    withinTheorem: false,
    winner: 'late',
    objectives: [0.25, 0.125, 0.5],
    objectiveIntervals: [
      [0.125, 0.375],
      [0.0625, 0.25],
      [0.375, 0.625],
    ],
    rivals: ['late', 'early', 'early'],
    ranking: ['late', 'early', 'wild'],
    possibleWinners: ['late', 'early'],
    verdict: 'noise',
    margin: 0.125,
    values: [],
  } as const satisfies OffsetTournament;
  const report = (change: Partial<OffsetTournament>) =>
    offsetReport({
      models: ['early', 'late', 'wild'],
      responses: 64,
      tournaments: [{ ...tournament, ...change }],
      confidence: 0.95,
      warnings: [],
      provenance: { version: '1', seed: '0', sources: [{ file: 'held.npy', blake3: 'ab' }] },
    });
  const text = (change: Partial<OffsetTournament>) =>
    reportText(report(change), { columns: 200 }).replaceAll('\u00a0', ' ');

  it('says who may be best and how sure that is', () => {
    expect(text({})).toContain('For N = 16 take late. Within noise: early may be best as well.');
    expect(text({ verdict: 'clear', possibleWinners: ['late'] })).toContain('Clear: every other model is ruled out.');
    expect(text({ verdict: 'few' })).toContain(
      'Too few: a verdict takes 30 held-out responses and 30 drawn from every',
    );
  });

  it('holds limits, what weakens it and where it comes from', () => {
    expect(text({})).toMatch(/late +0\.125 +0\.063 to 0\.250 +early/);
    expect(text({})).toContain('Theorem 6.4 promises nothing at N = 16');
    expect(text({ withinTheorem: true })).not.toContain('promises nothing');
    expect(reportHtml(report({}))).toContain('All models come from <code>held.npy</code>, BLAKE3 <code>ab');
    const [, early, , wild] = reportCsv(report({})).split('\r\n');
    expect(early).toBe('16,early,2,false,true,noise,0.25,0.125,0.375,late,0.5,8,false,64');
    expect(wild).toContain('16,wild,3,false,false,noise,0.5,');
  });
});

describe('experiments', () => {
  const experiment: ReportedExperiment = {
    name: 'rates',
    title: 'Rates',
    source: 'Theorem 4.2',
    summary: [['All went well.']],
    verdicts: [
      {
        claim: 'Cov_N falls like 1/n',
        source: 'T4.2',
        predicted: -1,
        measured: -0.97,
        interval: [-1.05, -0.9],
        holds: true,
      },
      { claim: 'KL grows with H', source: 'P3.2', predicted: 'grows', measured: null, interval: null, holds: null },
    ],
    tables: [],
    plots: [],
  };

  it('begin with the verdicts', () => {
    expect(reportText(experimentReport([experiment], { settings: ['seed 1'] }))).toBe(
      [
        'Rates',
        'Theorem 4.2 · seed 1',
        '',
        '1 of 2 claims held, 1 undecided',
        '• holds: Cov_N falls like 1/n (T4.2): predicted −1, measured −0.97, interval',
        '  −1.05 to −0.9',
        '• undecided: KL grows with H (P3.2): predicted grows',
        '',
        'Summary',
        '• All went well.',
        '',
      ].join('\n'),
    );
  });

  it('draw learning curves with gaps, leaving out of a logarithmic axis what it has no place for', () => {
    const figure = learningCurveFigure({
      id: 'kl',
      title: 'KL',
      caption: '',
      description: '',
      steps: [0, 1, 2, 3],
      label: 'KL',
      scale: 'log10',
      curves: [{ name: 'run', values: [2, null, 0, 1], intervals: [[1, 3], null, null, [0.5, 2]] }],
    });
    const svg = figureSvg(figure);
    expect(svg.match(/<title>run, step/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('axes', () => {
  it('have round ends and round ticks', () => {
    expect(linearAxis('x', [1.38, 3.35])).toMatchObject({ min: 1, max: 3.5 });
    expect(linearAxis('x', [7, 7])).toMatchObject({ min: 6, max: 8 });
    expect(ticks({ label: '', scale: 'log2', min: 1, max: 64 })).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(ticks({ label: '', scale: 'log2', min: 1, max: 2 ** 20 }, 8)).toEqual([1, 8, 64, 512, 4096, 32768, 262144]);
    expect(ticks({ label: '', scale: 'log10', min: 0.0015, max: 0.9 })).toEqual([
      0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
    ]);
    expect(ticks({ label: '', scale: 'linear', min: 0, max: 1 }, 11)).toHaveLength(11);
  });

  it('find a place for zero on a logarithmic scale', () => {
    expect(shareAxis('', [0, 0.1], 50)).toMatchObject({ min: 0.01 });
    expect(shareAxis('', [0, 0], 50).min).toBeLessThan(0.02);
    const narrow = shareAxis('', [0.9, 0.95], 50);
    expect(narrow.max).toBe(1);
    expect(ticks(narrow).length).toBeGreaterThan(0);
  });
});

describe('labels at the ends of lines', () => {
  const gaps = (places: readonly number[]) => {
    const sorted = [...places].sort((a, b) => a - b);
    return sorted.slice(1).map((place, index) => place - sorted[index]!);
  };

  it('move apart, keep their order and stay inside', () => {
    const rows = syntheticRows(20, 7, 3);
    for (const row of rows) {
      const wanted = Array.from(row, (value) => Math.abs(value * 20) % 150);
      const placed = spread(wanted, 16, 0, 150);
      expect(Math.min(...gaps(placed))).toBeGreaterThanOrEqual(16 - 1e-9);
      expect(Math.min(...placed)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...placed)).toBeLessThanOrEqual(150);
      const order = (values: readonly number[]) => values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
      expect(order(placed)).toEqual(order(wanted));
    }
  });

  it('stay where they want to be if they can, and share what room there is', () => {
    expect(spread([10, 50, 90], 16, 0, 100)).toEqual([10, 50, 90]);
    expect(spread([5, 5, 5], 16, 0, 20)).toEqual([0, 10, 20]);
    expect(spread([], 16, 0, 20)).toEqual([]);
  });
});

describe('over training step', () => {
  it('finds runs and steps in names', () => {
    const course = (names: readonly string[]) =>
      runsOf(names)?.map(({ name, members }) => [name, ...members.map(({ step }) => step)]) ?? null;
    expect(course(['step-20', 'step-3', 'step-100'])).toEqual([['run', 3, 20, 100]]);
    expect(course(['a/checkpoint-1k', 'b/checkpoint-1k', 'a/checkpoint-2k', 'a/checkpoint-3k'])).toEqual([
      ['a', 1000, 2000, 3000],
      ['b', 1000],
    ]);
    expect(course(['step1000-tokens4B', 'step2000-tokens8B', 'step3000-tokens12B'])).toEqual([
      ['run', 1000, 2000, 3000],
    ]);
    expect(course(['global_step10', 'global_step20', 'global_step30'])).toEqual([['run', 10, 20, 30]]);
    // No step in one of them; the same step twice; too few to show a course; sizes are no steps.
    expect(course(['step-1', 'step-2', 'step-3', 'base'])).toBeNull();
    expect(course(['step-1 x', 'step-1 y', 'step-2 x', 'step-3 x'])).not.toBeNull();
    expect(course(['step-1', 'Step 1', 'step-2'])).toBeNull();
    expect(course(['step-1', 'step-2'])).toBeNull();
    expect(course(['model-7b', 'model-13b', 'model-70b'])).toBeNull();
  });

  it('draws score at each N and cross-entropy, where there are steps', () => {
    const steps = [1, 10, 100, 1000].map((step) => `step-${step}`);
    const result = plainSelection(steps, syntheticRows(4, 50), { N: [2, 4] });
    const ids = (names: readonly string[]) =>
      reportFigures(selectionReport({ ...result, models: names }))
        .map(({ id }) => id)
        .filter((id) => id.includes('over-step'));
    expect(ids(steps)).toEqual(['score-over-step-n-2', 'score-over-step-n-4', 'cross-entropy-over-step']);
    expect(
      selectionReport(plainSelection(['a', 'b'], syntheticRows(2, 50), { N: [2] })).sections.map(({ id }) => id),
    ).not.toContain('training');
  });
});

describe('lines of the background', () => {
  const points = [
    [0, 1],
    [1, 2.337],
    [2, 2.337],
    [3, 2.337],
    [4, null],
    [5, 1],
    [6, 3],
    [7, 9],
  ] as const;

  /** The stretches of the lines of a colour, as drawn, without points in the middle of a level piece. */
  function drawn(colour: string | null, steps: boolean): string[][] {
    const axes = {
      x: { label: 'x', scale: 'linear', min: 0, max: 7 },
      y: { label: 'y', scale: 'log2', min: 1, max: 4 },
    } as const;
    const option = lineChart({ width: 600, height: 300, ...axes, lines: [{ label: '', colour, points, steps }] });
    const words = { id: 'a', title: 'a', caption: '', description: '' };
    const svg = figureSvg({ ...words, width: 600, height: 300, option });
    const stroke = `stroke="${colour ?? LIGHT.faint}"`;
    const paths = [...svg.matchAll(/<path d="([^"]*)"[^>]*>/g)].filter(([tag]) => tag.includes(stroke));
    return paths
      .flatMap(([, path]) => path!.split('M').slice(1))
      .map((stretch) => {
        const pixels = stretch.split('L').map((pixel) => pixel.split(' '));
        const turns = pixels.filter(([, y], at) => y !== pixels[at - 1]?.[1] || y !== pixels[at + 1]?.[1]);
        return turns.map(String);
      })
      .filter((stretch) => stretch.length > 1);
  }

  it.each([false, true])('lie where lines of their own would, in steps: %s', (steps) => {
    const own = drawn(LIGHT.series[0]!, steps);
    expect(own).toHaveLength(2);
    expect(drawn(null, steps)).toEqual(own);
  });

  it('are one path, however many they are', () => {
    const lines = Array.from({ length: 50 }, (_, index) => ({ label: '', colour: null, points, y: index }));
    const axis = { label: 'x', scale: 'linear', min: 0, max: 7 } as const;
    const option = lineChart({ width: 600, height: 300, x: axis, y: axis, lines });
    expect(option.series).toHaveLength(1);
  });
});
