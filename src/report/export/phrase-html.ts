import type { Phrase } from '../../results/phrase.js';
import { type Html, html } from './html.js';

/** The phrase as markup. */
export function phraseHtml(phrase: Phrase): Html {
  return html`${phrase.map((part) => {
    if (typeof part === 'string') return part;
    if ('code' in part) return html`<code>${part.code}</code>`;
    return 'model' in part ? html`<b class="model">${part.model}</b>` : html`<strong>${part.stress}</strong>`;
  })}`;
}
