import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { LogProbs } from '../src/log-probs/log-probs.js';
import { figureSvg } from '../src/report/export/draw.js';
import { escapeHtml, html, scriptJson } from '../src/report/export/html.js';
import { reportHtml } from '../src/report/export/page.js';
import { reportFigures } from '../src/report/report.js';
import { classBounds } from '../src/report/selection/heat-map.js';
import { selectionReport } from '../src/report/selection/report.js';
import type { SelectionResult } from '../src/selection/result.js';
import { selectCheckpoint } from '../src/selection/select.js';
import { plainSelection, syntheticRows } from './report-fixture.js';
import { SELECTION } from './report-selection-fixture.js';
import { slow } from './shared.js';

const selectionFigures = (result: SelectionResult) => reportFigures(selectionReport(result));
const selectionHtml = (result: SelectionResult) => reportHtml(selectionReport(result));

const HOSTILE = [
  '<script>alert(1)</script>',
  '</script><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "'--><!--<b>&amp;",
  '{a|b}$1 %s {b0}\u0000\n\ud800',
  ' class="zr0-cls-0" ecmeta_series_index="0" ecmeta_data_index="0"',
  '</title></desc></text><script>alert(2)</script>',
  ']]></style><script>alert(3)</script>',
];

describe('names', () => {
  it('that every object has are drawn as others are', () => {
    const objects = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    // As long, letter for letter, so that labels take the same room.
    const plain = ['__prata__', 'constrictor', 'toStreng', 'hasAnyProperty'];
    const drawn = (names: readonly string[]) =>
      selectionFigures(plainSelection(names, syntheticRows(4, 60), { N: [2, 4], replicates: 10 })).map((figure) => {
        const svg = figureSvg(figure);
        const count = (tag: string) => svg.split(`<${tag} `).length - 1;
        return { paths: count('path'), texts: count('text'), names: names.map((name) => svg.includes(name)) };
      });
    const found = drawn(objects);
    expect(found.some(({ names }) => names.every(Boolean))).toBe(true);
    expect(found).toEqual(drawn(plain));
  });
});

describe('escaping', () => {
  it('html`…` escapes text, keeps markup, joins lists', () => {
    expect(html`<a title="${'"<&'}">${[html`<b>x</b>`, '>', 3, null, false]}</a>`.markup).toBe(
      '<a title="&quot;&lt;&amp;"><b>x</b>&gt;3</a>',
    );
  });

  property.prop([fc.string({ unit: 'binary' })])('leaves no character that begins markup', (text) => {
    expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
    expect(escapeHtml(text)).not.toMatch(/\p{Surrogate}/u);
  });

  property.prop([fc.jsonValue()])('JSON blocks cannot be ended from within and read back', (value) => {
    const { markup } = scriptJson(value);
    expect(markup).not.toMatch(/[<>&]/);
    expect(JSON.parse(markup)).toEqual(JSON.parse(JSON.stringify(value)));
  });

  it('hostile names stay text everywhere in a page', () => {
    const result = plainSelection(HOSTILE, syntheticRows(HOSTILE.length, 60), { N: [2, 4], replicates: 20 });
    const page = selectionHtml({
      ...result,
      warnings: [{ code: 'WARN', message: HOSTILE[0]! }],
      provenance: { ...result.provenance, sources: HOSTILE.map((file) => ({ file })) },
    });
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toMatch(/<(img|b>&amp|svg onload)/);
    expect(page).not.toMatch(/<[^<>]*\son\w+=/);
    const block = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(page)![1]!;
    expect(JSON.parse(block).models).toEqual(HOSTILE);
  });
});

describe('figures', () => {
  it('are the same bytes however many were drawn before', () => {
    const [first] = selectionFigures(SELECTION);
    const before = figureSvg(first!);
    for (const figure of selectionFigures(SELECTION)) figureSvg(figure, { theme: 'dark' });
    expect(figureSvg(first!)).toBe(before);
    expect(selectionHtml(SELECTION)).toBe(selectionHtml(SELECTION));
  });

  it('carry nothing of the drawing library’s process-wide numbering or marks', () => {
    for (const figure of selectionFigures(SELECTION)) {
      expect(figureSvg(figure)).not.toMatch(/zr\d|ecmeta|<style/);
    }
  });

  it('use no colour in a page but the page’s own', () => {
    for (const figure of selectionFigures(SELECTION)) {
      const svg = figureSvg(figure, { theme: 'page' }).replaceAll(/<clipPath.*?<\/clipPath>/gs, '');
      const colours = svg.matchAll(/(?:fill|stroke)="([^"]*)"/g);
      for (const [, colour] of colours) expect(colour).toMatch(/^(none|var\(--fig-[\w-]+\))$/);
    }
  });

  it('differ between light and dark in colours alone', () => {
    for (const figure of selectionFigures(SELECTION)) {
      const strip = (svg: string) => svg.replaceAll(/#[0-9a-f]{6}/g, '');
      expect(strip(figureSvg(figure, { theme: 'dark' }))).toBe(strip(figureSvg(figure)));
      expect(figureSvg(figure, { theme: 'dark' })).not.toBe(figureSvg(figure));
    }
  });

  it('say what they show and name every point', () => {
    const figures = selectionFigures(SELECTION);
    expect(figures.map(({ id }) => id)).toEqual([
      'winner-by-n',
      'coverage-profiles',
      'tournament-matrix-n-2',
      'tournament-matrix-n-16',
      'cross-entropy-against-score-n-2',
      'cross-entropy-against-score-n-16',
      'win-shares',
    ]);
    const scatter = figureSvg(figures[5]!);
    expect(scatter).toContain('<title>step-300: cross-entropy 11.750 nats, score 5.5%</title>');
    expect(scatter).toContain('role="img"');
    expect(figures[5]!.caption).toContain('1 model of infinite cross-entropy is not drawn');
    expect(figureSvg(figures[2]!)).toContain('on 25.0% of the responses</title>');
  });

  it('leave out what the result does not hold', () => {
    const bare = plainSelection(['a', 'b'], syntheticRows(2, 30), { N: [4], counts: false });
    const figures = selectionFigures({ ...bare, curves: { N: [], scores: [[], []], winners: [], sharing: [] } });
    expect(figures.map(({ id }) => id)).toEqual(['cross-entropy-against-score-n-4']);
  });

  it('do not pretend to know what lies between the N asked for', () => {
    const [model] = SELECTION.models;
    const known = SELECTION.tournaments.map(({ N }) => N);
    const curves = {
      N: known,
      scores: SELECTION.models.map(() => [0.3, 0.2]),
      winners: [model!, model!],
      sharing: [1, 1],
    };
    const [winner, profile] = selectionFigures({ ...SELECTION, curves });
    const kinds = (option: { series?: unknown }) =>
      [option.series].flat().map((each) => (each as { type: string }).type);
    expect(kinds(winner!.option)).toEqual(['scatter']);
    expect(winner!.caption).toContain('Only the N that were asked for');
    expect(profile!.caption).toContain('Only the N that were asked for');
    expect(selectionFigures(SELECTION)[0]!.caption).toContain('Bars: the model with the best score at each N');
  });

  it('show the best and the last of very many models and say so', () => {
    const models = Array.from({ length: 80 }, (_, index) => `m${index}`);
    const result = plainSelection(models, syntheticRows(80, 30), { N: [2] });
    const matrix = selectionFigures(result).find(({ id }) => id.startsWith('tournament'))!;
    expect(matrix.caption).toContain('Only the first 40 and the last 20 of the 80 models');
    expect(matrix.caption).toContain('the gap stands for the other 20');
    // 40 rows, one that stands for those left out, 20 rows.
    const names = (matrix.option.yAxis as { data: string[] }).data;
    expect([names.length, names[40]]).toEqual([61, '⋮']);
    expect(names.at(-1)).toMatch(/ 80$/);
    // Cells of a colour are one path, and all cells are there.
    const paths = [...figureSvg(matrix).matchAll(/<path d="(M[^"]*Z)"/g)].map(([, path]) => path!);
    expect(paths.length).toBeLessThan(30);
    const side = (matrix.option.grid as { width: number }).width / 61;
    const areas = paths.flatMap((path) => [...path.matchAll(/M([\d.]+) ([\d.]+)[lL][^MZ]*/g)].map(([piece]) => piece));
    expect(areas.length).toBeGreaterThan(60);
    expect(side).toBeGreaterThan(9);
  });

  slow('make a page of a thousand models of no more than 2 MB', async () => {
    const models = Array.from({ length: 1000 }, (_, index) => `run-a/checkpoint-${(index + 1) * 100}`);
    const logProbs = LogProbs.fromArrays([...syntheticRows(1000, 200)], { models });
    const page = selectionHtml(await selectCheckpoint(logProbs, { bestOf: [4, 16, 64, 256] }));
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
    // Every model is in its table all the same.
    expect(page.split('<th scope="row"').length - 1).toBeGreaterThan(1000);
  });

  it('have colours that tell good models apart, however bad the others are', () => {
    const shares = [0.5, 0.4, 0.3, 0.001];
    expect(classBounds(shares, 8).even).toBe(true);
    const { bounds, even } = classBounds(shares, 8, 0.001);
    expect(even).toBe(false);
    expect(bounds[0]).toBeLessThanOrEqual(0.002);
  });

  it('shade where the best score is shared and hatch beyond the resolution', () => {
    const curves = {
      N: [1, 2, 4, 8, 16],
      scores: [
        [1, 0.2, 0.1, 0.05, 0],
        [1, 0.3, 0.1, 0.06, 0],
        [1, 0.4, 0.2, 0.07, 0],
      ],
      winners: Array.from({ length: 5 }, () => SELECTION.models[0]!),
      sharing: [3, 1, 2, 1, 3],
    };
    const tournaments = SELECTION.tournaments.map((each) => ({ ...each, resolution: 11.3 }));
    const figure = selectionFigures({ ...SELECTION, curves, tournaments })[0]!;
    expect(figure.caption).toContain('Shaded: several models share the best score');
    expect(figure.caption).toContain('Hatched, from N = 11.3 on: beyond the resolution');
    const svg = figureSvg(figure);
    const faint = [...svg.matchAll(/stroke="#c2c8cf"/g)];
    expect(faint.length).toBeGreaterThan(5);
    expect(selectionFigures(SELECTION)[0]!.caption).not.toContain('Shaded');
  });
});
