import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import { compact, confidencePercent, listed, plural } from '../../text/format.js';
import { build, resultGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { list, notes, type Report, type ReportExtras, table, warnings } from '../report.js';
import { answerSections } from './answers.js';
import { budgetsOf } from './facts.js';
import { figureSections } from './figures.js';
import { profileSheet } from './sheet.js';
import { coverageProfileSummary } from './summary.js';
import { profilesTable } from './tables.js';

/** The report of coverage profiles. */
export function coverageProfileReport(result: CoverageProfiles, extras: ReportExtras = {}): Report {
  return build('coverageProfileReport()', resultGiven('profile', result, extras), () => {
    const summary = coverageProfileSummary(result);
    return {
      title: `Coverage profiles against ${result.reference}`,
      subtitle: [
        plural(result.models.length, 'model'),
        plural(result.responses, 'response'),
        `N = ${listed(budgetsOf(result).map((N) => compact(N)))}`,
      ].join(' · '),
      sections: [
        { id: 'summary', heading: 'Summary', blocks: [list(summary.best), warnings(extras.warnings ?? [])] },
        { id: 'tables', heading: 'In numbers', blocks: [table(profilesTable(result), 'models')] },
        ...answerSections(result),
        { id: 'caveats', heading: 'To bear in mind', blocks: [notes(summary.notes)] },
        ...figureSections(result),
        ...(extras.provenance
          ? [
              provenanceSection(
                extras.provenance,
                result.models.map(({ model }) => model),
                [`Intervals at ${confidencePercent(result.confidence)} confidence.`],
              ),
            ]
          : []),
      ],
      sheet: profileSheet(result),
      result: { ...result, ...extras },
    };
  });
}
