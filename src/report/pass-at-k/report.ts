import type { PassAtKResult } from '../../pass-at-k/pass-at-k.js';
import { confidencePercent, count, listed, plural } from '../../text/format.js';
import { build, resultGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { list, type Report, type ReportExtras, table, warnings } from '../report.js';
import { byK } from './facts.js';
import { figureSections } from './figures.js';
import { coverageRatioSummary, passAtKSheet, passAtKSummary, passAtKTable } from './tables.js';

/** The report of Pass@k. */
export function passAtKReport(result: PassAtKResult, extras: ReportExtras = {}): Report {
  return build('passAtKReport()', resultGiven('pass-at-k', result, extras), () => {
    const { models, problems, confidence, replicates } = result;
    return {
      title: 'Pass@k',
      subtitle: [
        plural(models.length, 'model'),
        plural(problems, 'problem'),
        `k = ${listed(byK(result).map(({ k }) => count(k)))}`,
      ].join(' · '),
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [list([...passAtKSummary(result), ...coverageRatioSummary(result)]), warnings(extras.warnings ?? [])],
        },
        { id: 'tables', heading: 'In numbers', blocks: [table(passAtKTable(result), 'models')] },
        ...figureSections(result),
        ...(extras.provenance
          ? [
              // Samples of one model may lie in several files, and several models in one.
              provenanceSection(extras.provenance, null, [
                `Intervals at ${confidencePercent(confidence)} confidence, ${count(replicates)} resamples of the problems.`,
              ]),
            ]
          : []),
      ],
      sheet: passAtKSheet(result),
      result: { ...result, ...extras },
    };
  });
}
