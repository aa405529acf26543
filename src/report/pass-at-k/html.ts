import type { PassAtKResult } from '../../pass-at-k/pass-at-k.js';
import { confidencePercent, count, listed, plural } from '../../text/format.js';
import { htmlTable } from '../html-table.js';
import {
  figureHtml,
  type PageExtras,
  pageHtml,
  provenanceHtml,
  section,
  summaryHtml,
  unfoldingFigures,
  warningsHtml,
} from '../page.js';
import { byK } from './facts.js';
import { intervalFigures, passAtKCurves, pickShareFigure } from './figures.js';
import { passAtKSummary, passAtKTable } from './tables.js';

/** Pass@k as one self-contained HTML file that opens offline. */
export function passAtKHtml(result: PassAtKResult, { warnings = [], provenance }: PageExtras = {}): string {
  const single = [passAtKCurves(result), pickShareFigure(result)].filter((figure) => figure !== null);
  const intervals = intervalFigures(result);
  return pageHtml({
    title: 'Pass@k',
    subtitle: [
      plural(result.models.length, 'model'),
      plural(result.problems, 'problem'),
      `k = ${listed(byK(result).map(({ k }) => count(k)))}`,
    ].join(' · '),
    sections: [
      section('summary', 'Summary', summaryHtml(passAtKSummary(result)), warningsHtml(warnings)),
      section('tables', 'In numbers', htmlTable(passAtKTable(result), { id: 'models' })),
      ...single.map((figure) => section(`${figure.id}-section`, figure.title, figureHtml(figure, false))),
      ...(intervals.length > 0 ? [section('intervals', 'Each model by itself', unfoldingFigures(intervals))] : []),
      ...(provenance
        ? [
            provenanceHtml(provenance, result.models, [
              `Intervals at ${confidencePercent(result.confidence)} confidence, ${count(result.replicates)} resamples of the problems.`,
            ]),
          ]
        : []),
    ],
    result: { ...result, ...(warnings.length > 0 && { warnings }), ...(provenance && { provenance }) },
  });
}
