import { packageVersion } from '../../version.js';
import { build, reportGiven } from '../fault.js';
import type { Report } from '../report.js';

/** The result of a report as JSON, as `--json` prints it. */
export function reportJson(report: Report): string {
  return build('reportJson()', reportGiven(report), () => {
    const { result } = report;
    return resultJson(result as object);
  });
}

/**
 * A result as JSON. It begins with the version of its schema (`schemas/` has them all), 1 where the result does not say
 * another, and that of the package.
 */
export function resultJson(result: object): string {
  return `${JSON.stringify({ schemaVersion: 1, version: packageVersion, ...result }, null, 2)}\n`;
}
