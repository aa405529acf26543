import type { SelectionResult } from '../../selection/result.js';
import { compact, confidencePercent, count, listed, plural } from '../../text/format.js';
import type { Figure } from '../figure.js';
import { type Html, html } from '../html.js';
import { htmlTable } from '../html-table.js';
import { figureHtml, pageHtml, provenanceHtml, section, summaryHtml, unfoldingFigures, warningsHtml } from '../page.js';
import { phraseHtml } from '../phrase-html.js';
import { byN, CERTAINTY_WORDS } from './facts.js';
import { heatMapFigures } from './heat-map.js';
import { profileFigure } from './profile-figure.js';
import { scatterFigures } from './scatter-figure.js';
import { selectionSummary } from './summary.js';
import { modelsTable, picksTable, worstTable } from './tables.js';
import { winShareFigure } from './win-share-figure.js';
import { winnerFigure } from './winner-figure.js';

/** Matrices of more numbers than this are left out of the JSON in the page. */
const MOST_COUNTS = 250_000;

/** The selection as one self-contained HTML file that opens offline. */
export function selectionHtml(result: SelectionResult): string {
  const figure = (each: Figure | null) => (each ? figureHtml(each, false) : html``);
  const winner = winnerFigure(result);
  const profile = profileFigure(result);
  const matrices = heatMapFigures(result);
  const scatters = scatterFigures(result);
  const shares = winShareFigure(result);
  return pageHtml({
    title: 'Which model to take',
    subtitle: [
      plural(result.models.length, 'model'),
      plural(result.responses, 'held-out response') +
        (result.prompts === null ? '' : ` to ${plural(result.prompts, 'prompt')}`),
      `N = ${listed(byN(result).map(({ N }) => compact(N)))}`,
    ].join(' · '),
    sections: [
      summarySection(result),
      section('tables', 'In numbers', htmlTable(picksTable(result)), htmlTable(modelsTable(result), { id: 'models' })),
      ...(winner ? [section('winners', winner.title, figure(winner))] : []),
      ...(profile ? [section('profiles', profile.title, figure(profile))] : []),
      matrixSection(result, matrices),
      ...(scatters.length > 0
        ? [
            section(
              'cross-entropy',
              'Cross-entropy against score',
              html`<p>Were cross-entropy enough, the points would lie on a rising line and both picks would be the same point.</p>
<div class="grid">${scatters.map((each) => figureHtml(each))}</div>\n`,
            ),
          ]
        : []),
      ...(shares ? [section('certainty', shares.title, figure(shares))] : []),
      responsesSection(result),
      provenanceHtml(result.provenance, result.models, facts(result)),
    ],
    result: embedded(result),
  });
}

function summarySection(result: SelectionResult): Html {
  const { advice, others, caveats } = selectionSummary(result);
  return section(
    'summary',
    'Summary',
    html`<ul class="advice">
${advice.map(
  ({ N, winner, certainty, text }) => html`<li class="${certainty}">
<h3><span class="budget">N = ${listed(N.map((each) => compact(each)))}</span> <span class="model">${winner}</span> <span class="chip">${CERTAINTY_WORDS[certainty]}</span></h3>
<p>${phraseHtml(text)}</p></li>
`,
)}</ul>
${others.map((text) => html`<p>${phraseHtml(text)}</p>\n`)}`,
    warningsHtml(result.warnings),
    summaryHtml(caveats, 'notes'),
  );
}

function matrixSection(result: SelectionResult, figures: readonly Figure[]): Html {
  return section(
    'matrix',
    'Tournament',
    figures.length > 0
      ? unfoldingFigures(figures)
      : html`<p>The matrix of counts was not kept for ${plural(result.models.length, 'model')}; ask for it to see who beats whom.</p>\n`,
  );
}

function responsesSection(result: SelectionResult): Html {
  const names = { 'cross-entropy': 'cross-entropy', kl: 'KL divergence', 'pass-at-n': 'Pass@N' } as const;
  return section(
    'responses',
    'Responses the other picks fail to cover',
    result.disagreements.length === 0
      ? html`<p>No other criterion picked another model.</p>\n`
      : result.disagreements.map(
          (
            each,
          ) => html`<p>At N = ${compact(each.N)}, ${names[each.criterion]} picks <b class="model">${each.pick}</b>. On ${plural(
            each.uncovered,
            'response',
          )} <b class="model">${each.rival}</b> is at least ${compact(each.N)} times as likely. Its ${count(each.worst.length)} greatest log ratios:</p>
${htmlTable(worstTable(each))}`,
        ),
  );
}

function facts(result: SelectionResult): string[] {
  const bootstrap = result.tournaments.find((each) => each.bootstrap)?.bootstrap;
  return [
    `Intervals at ${confidencePercent(result.confidence)} confidence.`,
    ...(bootstrap
      ? [`${count(bootstrap.replicates)} bootstrap resamples of ${plural(bootstrap.units, bootstrap.unit)}.`]
      : []),
  ];
}

/** The result as it goes into the page: without matrices that would weigh more than all the rest. */
function embedded(result: SelectionResult): SelectionResult {
  const numbers = result.models.length ** 2 * result.tournaments.length;
  if (numbers <= MOST_COUNTS) return result;
  return { ...result, tournaments: result.tournaments.map((each) => ({ ...each, counts: null })) };
}
