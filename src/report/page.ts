import { createHash } from 'node:crypto';
import type { Provenance, Warning } from '../results/estimate.js';
import type { Phrase } from '../results/phrase.js';
import { count } from '../text/format.js';
import { type Figure, figureSvg } from './figure.js';
import { Html, html, scriptJson } from './html.js';
import { htmlTable } from './html-table.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import { phraseHtml } from './phrase-html.js';

/** A page of a report. */
export interface Page {
  readonly title: string;
  /** One line under the title. */
  readonly subtitle: string;
  readonly sections: readonly Html[];
  /** The result, kept in the page for programs: `JSON.parse` of the element `result`. */
  readonly result: unknown;
}

/**
 * One self-contained HTML file: opens offline, loads nothing. The same page always gives the same bytes. Its security
 * policy lets no script run but the page's own, so not even a fault in the escaping could run one from a model's name.
 */
export function pageHtml({ title, subtitle, sections, result }: Page): string {
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
${sections}
</main>
<script type="application/json" id="result">${scriptJson(result)}</script>
<script>${new Html(PAGE_SCRIPT)}</script>
</body>
</html>
`.markup;
}

/** A section with its heading. */
export function section(id: string, heading: string, ...content: readonly (Html | readonly Html[])[]): Html {
  return html`<section id="${id}" aria-labelledby="${id}-heading">
<h2 id="${id}-heading">${heading}</h2>
${content}</section>
`;
}

/**
 * A figure with its title and caption; a narrow screen scrolls it in its own box. `heading` is false where the heading
 * of the section is the figure's title.
 */
export function figureHtml(figure: Figure, heading = true): Html {
  const svg = new Html(figureSvg(figure, { theme: 'page' }));
  return html`<figure id="${figure.id}">
${heading && html`<h3>${figure.title}</h3>\n`}<div class="drawing" role="region" tabindex="0" aria-label="${figure.title}" style="max-width:${figure.width}px">
<div class="canvas" style="min-width:${Math.round(Math.min(figure.width, 300 + figure.width * 0.35))}px">${svg}</div></div>
<figcaption>${figure.caption}</figcaption>
</figure>
`;
}

/** Figures no wider than this stand side by side. */
const NARROW = 600;

/** Figures one after the other, narrow ones that follow each other two in a row. */
export function figuresHtml(figures: readonly Figure[]): Html {
  const rows: Figure[][] = [];
  for (const figure of figures) {
    const last = rows.at(-1);
    if (last && figure.width <= NARROW && last[0]!.width <= NARROW) last.push(figure);
    else rows.push([figure]);
  }
  return html`${rows.map((row) =>
    row.length === 1 ? figureHtml(row[0]!) : html`<div class="grid">${row.map((figure) => figureHtml(figure))}</div>\n`,
  )}`;
}

/** Figures of one kind: the first is open, further ones unfold. */
export function unfoldingFigures(figures: readonly Figure[]): Html {
  return html`${figures.map((figure, index) =>
    index === 0
      ? figureHtml(figure)
      : html`<details><summary>${figure.title}</summary>
${figureHtml(figure, false)}</details>
`,
  )}`;
}

/** What a report may say besides its result. */
export interface PageExtras {
  readonly warnings?: readonly Warning[];
  readonly provenance?: Provenance;
}

/** Sentences as a list; `notes` sets them small. */
export function summaryHtml(phrases: readonly Phrase[], kind: 'plain' | 'notes' = 'plain'): Html {
  return html`<ul class="${kind}">${phrases.map((text) => html`<li>${phraseHtml(text)}</li>\n`)}</ul>\n`;
}

/** Warnings as a list. */
export function warningsHtml(warnings: readonly Warning[]): Html {
  if (warnings.length === 0) return html``;
  return html`<div class="warnings" role="note" aria-label="Warnings">
<h3>${warnings.length === 1 ? 'Warning' : `${warnings.length} warnings`}</h3>
<ul>${warnings.map(({ code, message }) => html`<li>${message} <code>${code}</code></li>`)}</ul>
</div>
`;
}

/** What is needed to repeat the result. */
export function provenanceHtml(provenance: Provenance, models: readonly string[], facts: readonly string[]): Html {
  return section(
    'provenance',
    'Where this comes from',
    html`<p>coverage-principle ${provenance.version}, seed ${provenance.seed}. ${facts.join(' ')}</p>\n`,
    models.length > 0 ? sourcesHtml(provenance.sources, models) : html``,
  );
}

function sourcesHtml(sources: Provenance['sources'], models: readonly string[]): Html {
  const rows = models.map((_, index) => {
    const { file, format, dtype, sha256 } = sources[index] ?? {};
    return [file, format, dtype, sha256];
  });
  const [first] = rows;
  if (rows.every((row) => row.every((text) => text === undefined)))
    return html`<p>The data were given as arrays.</p>\n`;
  if (rows.every((row) => JSON.stringify(row) === JSON.stringify(first))) {
    const [file = 'an unnamed file', format, dtype, sha256] = first!;
    const kind = [format, dtype].filter(Boolean).join(', ');
    return html`<p>All models come from <code>${file}</code>${kind && ` (${kind})`}${sha256 && html`, SHA-256 <code>${sha256}</code>`}.</p>\n`;
  }
  return htmlTable({
    caption: `Sources of the ${count(models.length)} models`,
    columns: [
      { label: 'model', name: true },
      { label: 'file', name: true },
      { label: 'format' },
      { label: 'element type' },
      { label: 'SHA-256', name: true },
    ],
    rows: rows.map((row, index) => [models[index], ...row].map((text) => ({ text: text ?? '–' }))),
  });
}
