import type { Cell, Column, Table } from '../../results/table.js';
import { type Html, html } from './html.js';

/** A table as markup: sortable by its headers where the page's script runs, in a box that scrolls where it is wide. */
export function htmlTable(
  table: Table,
  { id, whole = false }: { readonly id?: string /** Not in a box that scrolls. */; readonly whole?: boolean } = {},
): Html {
  const header = table.columns.map((column) => {
    const classes = [column.align === 'right' && 'number', column.label.length <= SHORT && 'short'].filter(Boolean);
    return html`<th scope="col"${classes.length > 0 && html` class="${classes.join(' ')}"`}${
      column.title && html` title="${column.title}"`
    }>${column.label}</th>`;
  });
  const rows = table.rows.map(
    (row) =>
      html`<tr>${row.map((cell, index) =>
        index === 0
          ? html`<th scope="row"${attributes(cell, table.columns[index]!)}>${content(cell)}</th>`
          : html`<td${attributes(cell, table.columns[index]!)}>${content(cell)}</td>`,
      )}</tr>\n`,
  );
  return html`<div class="table-box${whole && ' whole'}" role="region" tabindex="0" aria-label="${table.caption}">
<table${id && html` id="${id}"`} class="sortable"><caption><span>${table.caption}</span></caption>
<thead><tr>${header}</tr></thead>
<tbody>
${rows}</tbody></table></div>
`;
}

/** Labels of columns up to this length never break. */
const SHORT = 8;
/** Names longer than this may break. */
const LONG = 36;
/** Other texts longer than this may break. */
const WRAPPED = 20;

function content({ text, note }: Cell): Html {
  return html`${text}${note && html`<small>${note}</small>`}`;
}

function attributes(cell: Cell, column: Column): Html {
  const classes = [
    column.align === 'right' && 'number',
    column.name && cell.text.length > LONG && 'long',
    !column.name && cell.text.length > WRAPPED && !column.withPrevious && cell.sort === undefined && 'wrapped',
    cell.tone && `tone-${cell.tone}`,
  ];
  const joined = classes.filter(Boolean).join(' ');
  return html`${joined && html` class="${joined}"`}${cell.sort !== undefined && html` data-sort="${cell.sort}"`}${
    cell.title && html` title="${cell.title}"`
  }`;
}
