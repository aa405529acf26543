import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import { compact, confidencePercent, listed, plural } from '../../text/format.js';
import { html } from '../html.js';
import { htmlTable } from '../html-table.js';
import { figureHtml, type PageExtras, pageHtml, provenanceHtml, section, summaryHtml, warningsHtml } from '../page.js';
import { budgetsOf } from './facts.js';
import { coverageProfileFigures } from './figures.js';
import { coverageProfileSummary } from './summary.js';
import { profilesTable } from './tables.js';

/** Coverage profiles as one self-contained HTML file that opens offline. */
export function coverageProfileHtml(result: CoverageProfiles, { warnings = [], provenance }: PageExtras = {}): string {
  const { best, notes } = coverageProfileSummary(result);
  const [curves, ...scatters] = coverageProfileFigures(result);
  return pageHtml({
    title: `Coverage profiles against ${result.reference}`,
    subtitle: [
      plural(result.models.length, 'model'),
      plural(result.responses, 'response'),
      `N = ${listed(budgetsOf(result).map((N) => compact(N)))}`,
    ].join(' · '),
    sections: [
      section('summary', 'Summary', summaryHtml(best), warningsHtml(warnings), summaryHtml(notes, 'notes')),
      section('tables', 'In numbers', htmlTable(profilesTable(result), { id: 'models' })),
      section('profiles', curves!.title, figureHtml(curves!, false)),
      ...(scatters.length > 0
        ? [
            section(
              'kl',
              'KL divergence against coverage',
              html`<div class="grid">${scatters.map((each) => figureHtml(each))}</div>\n`,
            ),
          ]
        : []),
      ...(provenance
        ? [
            provenanceHtml(
              provenance,
              result.models.map(({ model }) => model),
              [`Intervals at ${confidencePercent(result.confidence)} confidence.`],
            ),
          ]
        : []),
    ],
    result: { ...result, ...(warnings.length > 0 && { warnings }), ...(provenance && { provenance }) },
  });
}
