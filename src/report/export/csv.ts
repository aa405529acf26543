import { csv } from '../../text/csv.js';
import { build, reportGiven } from '../fault.js';
import type { Report } from '../report.js';

/** What a report measured as CSV (RFC 4180), in full precision; unknown numbers are empty. */
export function reportCsv(report: Report): string {
  return build('reportCsv()', reportGiven(report), () => {
    const { sheet } = report;
    return csv(sheet.columns, sheet.rows);
  });
}
