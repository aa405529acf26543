import { createHash } from 'node:crypto';
import type { Warning } from '../../results/estimate.js';
import type { Phrase } from '../../results/phrase.js';
import type { Figure } from '../charts/figure.js';
import { build, reportGiven } from '../fault.js';
import type { Advice, Block, Report, Section } from '../report.js';
import { verdictsTable } from '../verdicts.js';
import { figureSvg } from './draw.js';
import { Html, html, scriptJson } from './html.js';
import { htmlTable } from './html-table.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import { phraseHtml } from './phrase-html.js';

/**
 * A report as one self-contained HTML file: opens offline, loads nothing. The same report always gives the same bytes.
 * Its security policy lets no script run but the page's own, so not even a fault in the escaping could run one from a
 * model's name.
 */
export function reportHtml(report: Report): string {
  return build('reportHtml()', reportGiven(report), () => {
    const { title, subtitle, sections, result, keptInPage = result, made } = report;
    const hash = createHash('sha256').update(PAGE_SCRIPT).digest('base64');
    const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
    return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="subtitle">${subtitle}</p>
</header>
${sections.map(sectionHtml)}${
  made &&
  html`<footer><p>Made ${made.date.toISOString().slice(0, 16).replace('T', ' ')} UTC${
    made.command !== undefined && html` by <code>${made.command}</code>`
  }.</p></footer>
`
}</main>
<script type="application/json" id="result">${scriptJson(keptInPage)}</script>
<script>${new Html(PAGE_SCRIPT)}</script>
</body>
</html>
`.markup;
  });
}

function sectionHtml({ id, heading, blocks }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-heading">
<h2 id="${id}-heading">${heading}</h2>
${blocks.map((block) => blockHtml(block, heading))}</section>
`;
}

function blockHtml(block: Block, heading: string): Html {
  switch (block.kind) {
    case 'paragraph':
      return html`<p>${phraseHtml(block.text)}</p>\n`;
    case 'list':
      return listHtml(block.items, block.notes);
    case 'advice':
      return html`<ul class="advice">\n${block.items.map(adviceHtml)}</ul>\n`;
    case 'warnings':
      return warningsHtml(block.warnings);
    case 'verdicts':
      return htmlTable(verdictsTable(block.verdicts), { whole: true });
    case 'table':
      return htmlTable(block.table, block.id === undefined ? {} : { id: block.id });
    case 'figures':
      return block.unfolding ? unfoldingHtml(block.figures, heading) : figuresHtml(block.figures, heading);
    case 'details':
      return html`<details><summary>${block.summary}</summary>
${block.blocks.map((each) => blockHtml(each, block.summary))}</details>
`;
    case 'verbatim':
      return html`<pre>${block.text}</pre>\n`;
  }
}

function listHtml(items: readonly Phrase[], notes: boolean): Html {
  if (items.length === 0) return html``;
  return html`<ul class="${notes ? 'notes' : 'plain'}">${items.map((text) => html`<li>${phraseHtml(text)}</li>\n`)}</ul>\n`;
}

function adviceHtml({ occasion, model, verdict, tone, text }: Advice): Html {
  return html`<li class="${tone}">
<h3>${occasion && html`<span class="occasion">${occasion}</span> `}<span class="model">${model}</span>${
    verdict !== undefined && html` <span class="chip">${verdict}</span>`
  }</h3>
<p>${phraseHtml(text)}</p></li>
`;
}

function warningsHtml(warnings: readonly Warning[]): Html {
  if (warnings.length === 0) return html``;
  return html`<div class="warnings" role="note" aria-label="Warnings">
<h3>${warnings.length === 1 ? 'Warning' : `${warnings.length} warnings`}</h3>
<ul>${warnings.map(({ code, message }) => html`<li>${message} <code>${code}</code></li>`)}</ul>
</div>
`;
}

/**
 * A figure with its title, unless the heading above says the same, and caption. A narrow screen shows the drawing made
 * for it; one that has none scrolls in its own box.
 */
function figureHtml(figure: Figure, heading: string): Html {
  const { slim } = figure;
  const svg = (each: Figure, tips: boolean) => new Html(figureSvg(each, { theme: 'page', tips }));
  return html`<figure id="${figure.id}">
${figure.title !== heading && html`<h3>${figure.title}</h3>\n`}<div class="drawing" role="region" tabindex="0" aria-label="${figure.title}" style="max-width:${figure.width}px">
<div class="canvas${slim && ' wide'}" style="min-width:${Math.round(Math.min(figure.width, 300 + figure.width * 0.35))}px">${svg(figure, true)}</div>${
    slim && html`<div class="canvas slim">${svg({ ...figure, ...slim, id: `${figure.id}-slim` }, false)}</div>`
  }</div>
<figcaption>${figure.caption}</figcaption>
</figure>
`;
}

/** Figures no wider than this stand side by side. */
const NARROW = 600;

/** Figures one after the other, narrow ones that follow each other two in a row. */
function figuresHtml(figures: readonly Figure[], heading: string): Html {
  const rows: Figure[][] = [];
  for (const figure of figures) {
    const last = rows.at(-1);
    if (last && figure.width <= NARROW && last[0]!.width <= NARROW) last.push(figure);
    else rows.push([figure]);
  }
  return html`${rows.map((row) =>
    row.length === 1
      ? figureHtml(row[0]!, heading)
      : html`<div class="grid">${row.map((figure) => figureHtml(figure, heading))}</div>\n`,
  )}`;
}

/** Figures of one kind: the first is open, further ones unfold. */
function unfoldingHtml(figures: readonly Figure[], heading: string): Html {
  return html`${figures.map((figure, index) =>
    index === 0
      ? figureHtml(figure, heading)
      : html`<details><summary>${figure.title}</summary>
${figureHtml(figure, figure.title)}</details>
`,
  )}`;
}
