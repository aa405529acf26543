import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentReport } from '../src/report/experiment/report.js';
import { reportHtml } from '../src/report/export/page.js';
import { passAtKReport } from '../src/report/pass-at-k/report.js';
import { coverageProfileReport } from '../src/report/profile/report.js';
import type { Report } from '../src/report/report.js';
import { VERDICT_WORDS } from '../src/report/selection/facts.js';
import { selectionReport } from '../src/report/selection/report.js';
import type { SelectionResult } from '../src/selection/result.js';
import { plainSelection, syntheticRows } from './report-fixture.js';
import { plainPassAtK, plainProfiles } from './report-plain-results.js';
import { SELECTION } from './report-selection-fixture.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const missing = !existsSync(CHROMIUM);
if (missing) {
  process.stderr.write(`Skipped: the reports are not looked at, there is no ${CHROMIUM} (set CHROMIUM_PATH).\n`);
}

const LONG = Array.from({ length: 10 }, (_, index) => `step${(index + 1) * 54100}-tokens${(index + 1) * 239}B`);
const HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</script><b>', 'a&amp;b'];

const SELECTIONS: Readonly<Record<string, SelectionResult>> = {
  'every part': SELECTION,
  'ten checkpoints, eight N': plainSelection(LONG, syntheticRows(10, 120), {
    N: [2, 3, 4, 8, 16, 32, 64, 128],
    replicates: 30,
  }),
  'seventy models, one N': plainSelection(
    Array.from({ length: 70 }, (_, index) => `organisation/family-of-models-${index}b-instruct`),
    syntheticRows(70, 60),
    { N: [4] },
  ),
  'hostile names': plainSelection(HOSTILE, syntheticRows(4, 60), { N: [2, 4], replicates: 10 }),
};

const PROFILED = syntheticRows(9, 150);
const HOSTILE_STEPS = {
  id: 'steps',
  title: HOSTILE[0]!,
  caption: HOSTILE[1]!,
  description: HOSTILE[2]!,
  label: HOSTILE[3]!,
};

interface Looked {
  readonly report: () => Report;
  readonly figures: number;
  readonly headings: readonly string[];
}

const REPORTS: Readonly<Record<string, Looked>> = {
  ...Object.fromEntries(
    Object.entries(SELECTIONS).map(([name, result]) => [
      name,
      {
        report: () => selectionReport(result),
        figures:
          2 +
          2 * result.tournaments.length +
          (result.replicates > 0 ? 1 : 0) +
          (result.models === LONG ? result.tournaments.length + 1 : 0),
        headings: ['Summary', 'In numbers', 'Tournament', 'Cross-entropy against score', 'Where this comes from'],
      },
    ]),
  ),
  'coverage profiles': {
    report: () =>
      coverageProfileReport(
        plainProfiles(LONG.slice(0, 8), PROFILED.slice(0, 8), { name: 'teacher', row: PROFILED[8]! }, [2, 16, 64]),
        { provenance: { version: '1.2.3', sources: [{ file: 'a.npy' }], seed: '5' } },
      ),
    figures: 4,
    headings: ['Summary', 'In numbers', 'KL divergence against coverage', 'Where this comes from'],
  },
  'Pass@k': {
    report: () => passAtKReport(plainPassAtK(LONG, problems(10, 40, 8), 8, [1, 2, 8, 16], 50)),
    figures: 5,
    headings: [
      'Summary',
      'In numbers',
      'Pass@k as a function of k',
      'How often would each lead?',
      'Each model by itself',
    ],
  },
  experiment: {
    report: () =>
      experimentReport([
        {
          name: 'one',
          title: HOSTILE[0]!,
          source: 'T1',
          summary: [[{ model: HOSTILE[1]! }, { code: HOSTILE[0]! }]],
          verdicts: [
            {
              claim: `It holds ${'that this is so '.repeat(20)}`,
              source: 'T1',
              predicted: -1,
              measured: 2,
              interval: [1, 3],
              holds: true,
            },
            { claim: HOSTILE[2]!, source: 'T2', predicted: HOSTILE[1]!, measured: null, interval: null, holds: null },
          ],
          tables: [],
          plots: [
            {
              ...HOSTILE_STEPS,
              kind: 'learning',
              steps: [0, 10, 20],
              curves: [{ name: HOSTILE[1]!, values: [3, null, 1] }],
            },
          ],
        },
      ]),
    figures: 1,
    headings: ['1 of 2 claims held, 1 undecided', 'Summary', 'Figures'],
  },
  'several experiments': {
    report: () => {
      const verdicts = [false, null].map((holds) => ({
        claim: HOSTILE[1]!,
        source: 'T1',
        predicted: `≤ ${HOSTILE[2]}`,
        measured: 2,
        interval: [1, 3] as const,
        holds,
        ...(holds === null && { reason: `${HOSTILE[0]} ${'and so on '.repeat(20)}` }),
      }));
      const plots = ['one', 'two', 'three'].map((id, at) => ({
        ...HOSTILE_STEPS,
        kind: 'learning' as const,
        id,
        narrow: at < 2,
        scale: 'log10' as const,
        stepScale: 'log10' as const,
        steps: [0, 10, 20],
        curves: [{ name: HOSTILE[1]!, values: [3, 2, 1], intervals: [null, [1, 3], [1, 1]] as const }],
      }));
      const tables = [{ caption: HOSTILE[0]!, columns: [{ label: 'a' }], rows: [[{ text: HOSTILE[1]! }]] }];
      const part = {
        name: 'one-part',
        title: HOSTILE[0]!,
        source: 'T1',
        summary: [[HOSTILE[3]!]],
        verdicts,
        tables,
        plots,
      };
      return experimentReport([part, { ...part, name: 'other', source: 'T2', verdicts: [], tables: [], plots: [] }]);
    },
    figures: 3,
    headings: ['0 of 2 claims held, 1 undecided', `T1: ${HOSTILE[0]}`, `T2: ${HOSTILE[0]}`],
  },
};

function problems(models: number, count: number, samples: number): number[][] {
  return syntheticRows(models, count).map((row) =>
    Array.from(row, (value) => Math.round(samples * Math.exp(value / 3))),
  );
}

/** What `LOOK` sees of a page. */
interface Seen {
  readonly overflow: number;
  readonly headings: readonly string[];
  readonly figures: readonly { visible: boolean; label: string; marks: number; texts: number }[];
  /** Texts of figures that stick out of them. */
  readonly cutTexts: readonly string[];
  readonly captions: number;
  /** Header cells that do not say what they are the header of. */
  readonly headerCells: number;
}

/** Runs in the page. A string, because it speaks to the browser's objects, which Node's types do not know. */
const LOOK = `(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const seen = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0;
  };
  const cut = (svg) => {
    const frame = svg.getBoundingClientRect();
    return all('text', svg).filter((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      return left < frame.left - 1 || right > frame.right + 1 || top < frame.top - 1 || bottom > frame.bottom + 1;
    });
  };
  for (const details of all('details')) details.open = true;
  const root = document.documentElement;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    headings: all('h2').map((heading) => heading.textContent),
    figures: all('figure svg').filter(seen).map((svg) => ({
      visible: seen(svg),
      label: svg.getAttribute('aria-label'),
      marks: all('path', svg).filter(seen).length,
      texts: all('text', svg).filter(seen).length,
    })),
    cutTexts: all('figure svg').filter(seen).flatMap((svg) => cut(svg).map((text) => text.textContent)),
    captions: all('figcaption').filter(seen).length,
    headerCells: all('thead th:not([scope=col]), tbody th:not([scope=row])').length,
  };
})()`;

describe.skipIf(missing)('a report opened offline', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-'));
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens a report at a width; `trouble` gathers what a reader's browser would complain of or load. */
  async function open(name: string, width: number): Promise<{ page: Page; trouble: string[] }> {
    const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.html`);
    await writeFile(file, reportHtml(REPORTS[name]!.report()));
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const trouble: string[] = [];
    page.on('console', (message) => trouble.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    const url = pathToFileURL(file).href;
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) trouble.push(`request: ${request.url()}`);
    });
    await page.goto(url);
    return { page, trouble };
  }

  describe.each(Object.keys(REPORTS))('%s', (name) => {
    const report = REPORTS[name]!;

    it.each([1200, 400])('is whole at %i pixels', async (width) => {
      const { page, trouble } = await open(name, width);
      const seen = await page.evaluate<Seen>(LOOK);
      await page.close();
      expect(trouble).toEqual([]);
      expect(seen.overflow).toBe(0);
      expect(seen.headings.filter((heading) => report.headings.includes(heading))).toEqual(report.headings);
      expect(seen.figures).toHaveLength(report.figures);
      for (const figure of seen.figures) {
        expect(figure).toMatchObject({ visible: true, label: expect.stringMatching(/\w/) });
        expect(figure.marks).toBeGreaterThan(0);
        expect(figure.texts).toBeGreaterThan(2);
      }
      expect(seen.cutTexts).toEqual([]);
      expect(seen.captions).toBe(seen.figures.length);
      expect(seen.headerCells).toBe(0);
    });
  });

  describe.each(Object.keys(SELECTIONS))('%s', (name) => {
    const result = SELECTIONS[name]!;

    it('names the winner of every N in the summary', async () => {
      const { page } = await open(name, 1200);
      const summary = await page.locator('#summary').textContent();
      const cards = await page.locator('.advice .model').allInnerTexts();
      await page.close();
      for (const { winner } of result.tournaments) {
        expect(summary).toContain(winner);
        expect(cards).toContain(winner);
      }
      for (const { verdict } of result.tournaments) expect(summary).toContain(VERDICT_WORDS[verdict]);
    });
  });

  it('marks one point for each model and says which it is', async () => {
    const { page } = await open('ten checkpoints, eight N', 1200);
    const titles = await page.locator('#cross-entropy-against-score-n-8 .wide path title').allTextContents();
    await page.close();
    expect(titles).toHaveLength(10);
    expect(new Set(titles.map((title) => title.split(':')[0]))).toEqual(new Set(LONG));
  });

  it('sorts a table by a click and back by another', async () => {
    const { page } = await open('ten checkpoints, eight N', 1200);
    const header = page.locator('#models thead th', { hasText: 'cross-entropy' });
    const values = async () =>
      (await page.locator('#models tbody tr td:nth-child(10)').allInnerTexts()).map((text) => Number(text));
    await header.getByRole('button').click();
    const up = await values();
    expect(up).toEqual([...up].sort((a, b) => a - b));
    expect(await header.getAttribute('aria-sort')).toBe('ascending');
    await header.getByRole('button').press('Enter');
    expect(await values()).toEqual([...up].reverse());
    await page.close();
  });

  it('keeps the result for programs', async () => {
    const { page } = await open('every part', 1200);
    const text = await page.locator('#result').textContent();
    await page.close();
    expect(JSON.parse(text!)).toEqual(SELECTION);
  });

  it('follows the reader’s light or dark', async () => {
    const { page } = await open('every part', 1200);
    const colours = () =>
      page.evaluate<string[]>(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('figure svg text')).fill]",
      );
    const light = await colours();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await colours();
    await page.close();
    expect(light[0]).toBe('rgb(254, 254, 254)');
    expect(dark[0]).toBe('rgb(21, 24, 28)');
    expect(dark[1]).not.toBe(light[1]);
  });
});
