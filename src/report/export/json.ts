import type { Report } from '../report.js';

/** The result of a report as JSON, as `--json` prints it. */
export function reportJson({ result }: Report): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}
