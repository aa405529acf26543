import { createRequire } from 'node:module';
import { fc, test as property } from '@fast-check/vitest';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { reportCsv } from '../src/report/export/csv.js';
import { reportMarkdown } from '../src/report/export/markdown.js';
import { printable, terminalOptions, terminalParagraph, terminalTable } from '../src/report/export/terminal.js';
import { type ReportTextOptions, reportText } from '../src/report/export/text.js';
import { selectionReport } from '../src/report/selection/report.js';
import type { SelectionResult } from '../src/selection/result.js';
import { csv } from '../src/text/csv.js';
import {
  decimal,
  isolated,
  percent,
  percentInterval,
  roughPercent,
  shortName,
  shortNames,
} from '../src/text/format.js';
import { displayWidth } from '../src/text/width.js';
import { plainSelection, syntheticRows } from './report-fixture.js';
import { SELECTION } from './report-selection-fixture.js';

const MarkdownIt = createRequire(import.meta.url)('markdown-it');
const HOSTILE_MARKDOWN = [
  '<img src=x onerror=alert(1)>',
  '[a](https://example.org)',
  '![a](b)',
  '**bold** _em_ `code` ~~gone~~',
  'a|b|c',
  'two\nlines\n# heading',
  '# heading',
  '1. list',
  '- item',
  '> quote',
  '&lt;b&gt; &copy; &#33;',
  'https://example.org www.example.org',
  '@someone #12 org/x@rev',
  '$x$ \\(y\\)',
  '``` fence',
];

const selectionCsv = (result: SelectionResult) => reportCsv(selectionReport(result));
const selectionTables = (result: SelectionResult, options?: ReportTextOptions) =>
  reportText(selectionReport(result), options);

describe('the CSV of a selection', () => {
  it('has one row for each N and model, in full precision', () => {
    expect(selectionCsv(SELECTION)).toMatchInlineSnapshot(`
      "bestOf,N,model,rank,winner,recommended,possible,verdict,score,scoreCount,responses,scoreLow,scoreHigh,rival,reach,winShare,crossEntropy,crossEntropyLow,crossEntropyHigh,infinite,kl,klLow,klHigh,passAtK,passAtKLow,passAtKHigh
      ,2,step-100,3,false,false,false,clear,0.5,200,400,0.45,0.55,step-300,1.9,,,,,2,,,,0.25,0.2,0.3
      ,2,"step-200, ""warm""",2,false,false,false,clear,0.25,100,400,0.21,0.3,step-300,1.95,,12.5,12,13,0,1.5,1.25,1.75,0.5,0.45,0.55
      ,2,step-300,1,true,true,true,clear,0.1,40,400,0.07,0.14,"step-200, ""warm""",0.9,1,11.75,11.25,12.25,0,0.75,0.5,1,0.625,0.5,0.7
      128,16,step-100,3,false,false,false,noise,0.2,80,400,0.16,0.24,step-300,15.5,,,,,2,,,,,,
      128,16,"step-200, ""warm""",1,true,true,true,noise,0.05,20,400,0.03,0.08,step-100,12,0.58,12.5,12,13,0,1.5,1.25,1.75,,,
      128,16,step-300,2,false,false,true,noise,0.055,22,400,0.035,0.08,"step-200, ""warm""",15,0.42,11.75,11.25,12.25,0,0.75,0.5,1,,,
      "
    `);
  });

  it('ends its lines as RFC 4180 has it', () => {
    expect(csv(['a', 'b'], [['x, "y"', null]])).toBe('a,b\r\n"x, ""y""",\r\n');
  });

  property.prop([fc.array(fc.array(fc.string({ unit: 'binary' }), { minLength: 3, maxLength: 3 }))])(
    'CSV reads back to what was written',
    async (rows) => {
      const { parse } = await import('csv-parse/sync');
      const read: string[][] = parse(csv(['a', 'b', 'c'], rows), { record_delimiter: '\r\n' });
      // But for the apostrophe before what a spreadsheet would run.
      const back = read
        .slice(1)
        .map((row, at) => row.map((text, index) => text.slice(text === rows[at]![index] ? 0 : 1)));
      expect(back).toEqual(rows);
    },
  );

  it.each(['=HYPERLINK("x")', '+1+cmd', '-2+3', '@SUM(1)', '\t=1', ' =1', '|calc', '%0A', '＝1'])(
    'is no formula to a spreadsheet: %j',
    (text) => {
      expect(csv(['a'], [[text]])).toMatch(/^a\r\n"?'/);
    },
  );

  it('leaves numbers alone', () => {
    const row = [-1.5, '-2', '-inf', '+3e-5', 'step-1', "it's"];
    expect(csv(['a'], [row])).toBe("a\r\n-1.5,-2,-inf,+3e-5,step-1,it's\r\n");
  });
});

describe('the text of a selection', () => {
  it('says where a budget takes another model than the winner at its N', () => {
    const [first, second] = SELECTION.tournaments;
    const recommendation = { model: 'step-300', verdict: 'noise', aboveLeast: 0.02 } as const;
    const result = { ...SELECTION, tournaments: [first!, { ...second!, recommendation }] };
    const text = selectionTables(result, { columns: 300 });
    expect(text.replace(/\s+/g, ' ')).toContain(
      'For Best-of-128 (N = 16) take step-300. Within noise: over N = 8 to 64, which the budget is about, step-300 stays ' +
        'closest to the least scores, 2.0 points above them at most. At N = 16 alone, step-200, "warm" has the least score, ' +
        'but step-300 may be best as well. With about 9,000 responses like these step-200, "warm" would be the only one left. ' +
        'No other model gives 16 times its probability on more than 5.5%',
    );
    expect(text).toMatch(/^ *128 +16 +step-300 +step-200, "warm" +within noise/m);
    expect(selectionCsv(result)).toContain('128,16,step-300,2,false,true,true,noise,');
  });

  it('sets summary and tables in 80 columns', () => {
    expect(selectionTables(SELECTION, { columns: 80 })).toMatchInlineSnapshot(`
      "Which model to take
      3 models · 400 held-out responses to 100 prompts · Best-of-128 (N = 16) and
      N = 2

      Summary
      • Take step-200, "warm" over all 2 tournaments: within noise. No other model’s
        score stays as close to the best one at every N.

      • For N = 2 take step-300. Clear: step-300 is the only model that can be best:
        every other is ruled out. No other model gives 2 times its probability on more
        than 10.0% of the responses.
      • For Best-of-128 (N = 16) take step-200, "warm". Within noise: step-200, "warm"
        has the least score, but step-300 may be best as well. With about 9,000
        responses like these step-200, "warm" would be the only one left. No other
        model gives 16 times its probability on more than 5.0% of the responses.

      • Cross-entropy (validation loss) and KL divergence from teacher pick step-300,
        as the tournament does but for N = 16. At N = 16 it fails to cover 22
        responses (5.5%) against step-200, "warm", 0.5 points more than
        step-200, "warm" does against its own worst rival; it is the best in 42% of
        the resamples.
      • By the samples, Pass@N is greatest for step-300 at N = 2, as the tournament
        has it.

      ! step-100 was stored in half precision.

      In numbers
      The picks
        K   N  winner            verdict       may be best  score  95% interval  wins
        –   2  step-300          clear                   1  10.0%     7.0–14.0%  100%
      128  16  step-200, "warm"  within noise            2   5.0%      3.0–8.0%   58%

        K  runner-up         margin, points  loss pick’s score
        –  step-200, "warm"            15.0              10.0%
      128  step-300                     0.5               5.5%

      All models, by mean rank; green scores: may be best
      model             N = 2  N = 16  cross-entropy      95% interval     KL  Pass@2
      step-200, "warm"  25.0%    5.0%         12.500  12.000 to 13.000  1.500   50.0%
      step-300          10.0%    5.5%         11.750  11.250 to 12.250  0.750   62.5%
      step-100          50.0%   20.0%              ∞                 –      –   25.0%

      model             Pass@128
      step-200, "warm"         –
      step-300                 –
      step-100                 –

      To bear in mind
      • Near-ties: 3 at N = 16. In so many comparisons with the winner the log ratio
        lies so close to log N that the precision of the input cannot tell the sides
        apart.
      • 1 model gives probability zero to some responses (step-100): the cross-entropy
        there is infinite.
      • Intervals are at 95% confidence, each by itself; the possible winners hold a
        truly best model at all N together with that confidence.
      "
    `);
  });

  it.each([30, 60, 80, 120, 300])('keeps to %i columns', (columns) => {
    const models = Array.from({ length: 30 }, (_, index) => `organisation/model-with-a-long-name-step-${index}000`);
    const text = selectionTables(plainSelection(models, syntheticRows(30, 40), { N: [2, 4, 8, 16, 32, 64] }), {
      columns,
    });
    const tables = text.slice(text.indexOf('The picks'), text.indexOf('To bear in mind'));
    const widest = Math.max(...tables.split('\n').map((line) => stringWidth(line)));
    expect(widest).toBeLessThanOrEqual(Math.max(columns, 51));
  });

  it('shows twenty models and how to see the others', () => {
    const models = Array.from({ length: 30 }, (_, index) => `m${index}`);
    const text = selectionTables(plainSelection(models, syntheticRows(30, 40), { N: [2] }), { columns: 120 });
    const table = text.slice(text.indexOf('All models'), text.indexOf('To bear'));
    expect(table.split('\n').filter((line) => /^m\d+ /.test(line))).toHaveLength(20);
    expect(table).toContain('… 10 more; --csv FILE');
    expect(selectionTables(plainSelection(models, syntheticRows(30, 40), { N: [2] }), { rows: 99 })).not.toContain(
      'more;',
    );
  });

  it('colours only when asked to', () => {
    expect(selectionTables(SELECTION)).not.toContain('\u001b');
    expect(selectionTables(SELECTION, { color: true })).toContain('\u001b[1m');
  });
});

describe('the Markdown of a selection', () => {
  it('holds its sentences and tables', () => {
    const text = reportMarkdown(selectionReport(SELECTION));
    expect(text.split('\n').slice(0, 7)).toEqual([
      '# Which model to take',
      '',
      '3 models · 400 held-out responses to 100 prompts · Best-of-128 (N\u00a0=\u00a016) and N\u00a0=\u00a02',
      '',
      '## Summary',
      '',
      '- Take **step-200, "warm"** over all 2 tournaments: **within noise**. No other model’s score stays as close to the best one at every N.',
    ]);
    expect(text).toContain('> [!WARNING]\n> step-100 was stored in half precision.');
    expect(text).toContain('| --: | --: | :-- | :-- | --: |');
    expect(text).toMatch(/\n\| – \| 2 \| \*\*step-300\*\* \| clear \| 1 \| 10\.0% \|/);
    expect(text).toContain('## Winner as a function of N\n\nat N = 2 step-300 wins (clear)');
  });

  // Rendered with raw HTML, tables and links on: none of them may come from a name.
  it.each(HOSTILE_MARKDOWN)('shows the name %j as it is', (name) => {
    const models = [name, 'other'];
    const markdown = reportMarkdown(selectionReport(plainSelection(models, syntheticRows(2, 30), { N: [2] })));
    const renderer = new MarkdownIt({ html: true, linkify: true });
    // Like GitHub, which makes links of what has a scheme or begins with www.
    renderer.linkify.set({ fuzzyLink: false });
    const page: string = renderer.render(markdown);
    const tags = new Set(page.match(/<[^>]*>/g)?.map((tag) => tag.replace(/^<\/?(\w+).*/s, '$1')));
    const ours = ['h1', 'h2', 'p', 'ul', 'li', 'strong', 'em', 'code', 'table', 'thead', 'tbody', 'tr', 'th', 'td'];
    expect([...tags].filter((tag) => !ours.includes(tag))).toEqual([]);
    // Every row of a table has as many cells as its header.
    for (const table of page.match(/<table>.*?<\/table>/gs)!) {
      const cells = table.match(/<tr>.*?<\/tr>/gs)!.map((row) => row.match(/<t[hd]/g)!.length);
      expect(new Set(cells).size).toBe(1);
    }
    const text = page
      .replace(/<[^>]*>/g, '')
      .replace(/\u2060/g, '')
      .replace(/&(lt|gt|quot|amp);/g, (_, entity: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[entity]!);
    expect(text).toContain(name.replace(/\s*\n\s*/g, ' '));
  });
});

describe('terminal', () => {
  it('takes width and colour from the stream and the environment', () => {
    const terminal = { isTTY: true, columns: 132 };
    expect(terminalOptions(terminal, {})).toEqual({ columns: 132, color: true });
    expect(terminalOptions(terminal, { NO_COLOR: '1' }).color).toBe(false);
    expect(terminalOptions(terminal, { TERM: 'dumb' }).color).toBe(false);
    expect(terminalOptions({}, {})).toEqual({ columns: 80, color: false });
    expect(terminalOptions({}, { FORCE_COLOR: '1', COLUMNS: '99' })).toEqual({ columns: 99, color: true });
    expect(terminalOptions(terminal, { FORCE_COLOR: '0' }).color).toBe(false);
    expect(terminalOptions({}, { FORCE_COLOR: '1', NO_COLOR: '1' }).color).toBe(false);
  });

  it('lets no name move the cursor or reverse the text', () => {
    expect(printable('a\u001b[2Jb\u202ec\n')).toBe('a\\u{1b}[2Jb\\u{202e}c\\u{a}');
    const table = terminalTable({
      caption: 'c',
      columns: [{ label: 'n' }],
      rows: [[{ text: 'x\u001b]0;pwned\u0007' }]],
    });
    expect(table).not.toContain('\u001b');
  });

  it('keeps columns of a table in line below wide characters and combining marks', () => {
    const names = ['模型', 'e\u0301', 'plain'];
    const table = terminalTable({
      caption: 'Models',
      columns: [{ label: 'model' }, { label: 'n', align: 'right' }],
      rows: names.map((text) => [{ text }, { text: '7' }]),
    });
    const widths = table
      .trimEnd()
      .split('\n')
      .map((line) => stringWidth(line));
    expect(new Set(widths.slice(-names.length)).size).toBe(1);
    expect(table).toContain('模型 ');
  });

  it('wraps paragraphs at blanks, never within a name', () => {
    const text = terminalParagraph(['take the one called ', { model: 'long name of it' }, ' now'], { columns: 24 });
    expect(text).toBe('take the one called\nlong name of it now\n');
  });
});

describe('columns of a text', () => {
  it('are those of string-width for every character below the ideographs', () => {
    const differing: string[] = [];
    for (let code = 0; code < 0x3000; code += 1) {
      const text = `a${String.fromCodePoint(code)}b`;
      if (displayWidth(text) !== stringWidth(text)) differing.push(code.toString(16));
    }
    expect(differing).toEqual([]);
  });

  property.prop([fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 })])(
    'are those of string-width for every text',
    (graphemes, any) => {
      for (const text of [graphemes, any, graphemes + any]) expect(displayWidth(text)).toBe(stringWidth(text));
    },
  );
});

describe('numbers', () => {
  it('are written with the decimals the data can resolve', () => {
    expect(percent(0.12345, 100)).toBe('12%');
    expect(percent(0.12345, 1000)).toBe('12.3%');
    expect(percent(0.12345, 5000)).toBe('12.35%');
    expect(percent(-0.0001, 1000)).toBe('0.0%');
    expect(decimal(-1.5, 1)).toBe('−1.5');
    expect(percentInterval([-0.01, 0.02], 1000)).toBe('−1.0% to 2.0%');
  });

  it('never round up to certainty', () => {
    expect(roughPercent(0.999)).toBe('99.9%');
    expect(roughPercent(0.001)).toBe('0.1%');
    expect(roughPercent(1)).toBe('100%');
    expect(roughPercent(0)).toBe('0%');
    expect(roughPercent(0.9999)).toBe('> 99.9%');
    expect(roughPercent(0.0001)).toBe('< 0.1%');
  });
});

describe('short names', () => {
  it('lose their middle', () => {
    expect(shortName('abcdefghij', 5)).toBe('ab…ij');
    expect(shortName('abcde', 5)).toBe('abcde');
  });

  it('lose the beginning they share first', () => {
    expect(shortNames(['runs/long-path/step-100', 'runs/long-path/step-2000'], 12)).toEqual(['…100', '…2000']);
  });

  it('keep the parts that differ', () => {
    const names = ['sgd, stepSize=0.1, order=4, seed=1', 'sgd, stepSize=10, order=4, seed=1'];
    expect(shortNames(names, 20)).toEqual(['…stepSize=0.1, …', '…stepSize=10, …']);
    expect(shortNames(names, 60)).toEqual(names);
  });

  it('that run from right to left keep what follows on its side', () => {
    expect(isolated('step-1')).toBe('step-1');
    expect(isolated('نقطة')).toBe('\u200eنقطة\u200e');
  });

  property.prop([fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 30 })])(
    'stay distinct',
    (names) => {
      expect(new Set(shortNames(names, 14)).size).toBe(names.length);
    },
  );
});
