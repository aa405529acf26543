import { join } from 'node:path';
import type { Command } from 'commander';
import { type Figure, figurePng, figureSvg } from '../report/figure.js';
import { terminalOptions } from '../report/terminal.js';
import { writeReportFile } from '../write-file.js';

/** The command-line options that say where results go, as commander hands them over. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly csv?: string;
  readonly report?: string;
  readonly figures?: string;
  readonly png?: boolean;
  readonly quiet?: boolean;
}

/** Adds the options that say where results go. */
export function addOutputOptions(command: Command, rows: string): Command {
  return command
    .optionsGroup('Output:')
    .option('--json', 'the result as one JSON object on stdout')
    .option('--csv <file>', rows)
    .option('--report <file>', 'one self-contained HTML file')
    .option('--figures <folder>', 'the figures of the report as SVG files')
    .option('--png', 'with --figures: PNG files, too (needs @resvg/resvg-js)')
    .option('--quiet', 'no progress');
}

/** How a result is set in each form; made on demand only. */
export interface Exporters {
  readonly result: unknown;
  readonly csv: () => string;
  readonly html: () => string;
  readonly figures: () => readonly Figure[];
  readonly text: (options: ReturnType<typeof terminalOptions>) => string;
}

/** Writes the files asked for, then the result to stdout: nothing is printed if a file cannot be written. */
export async function writeOutputs(exporters: Exporters, options: OutputOptions): Promise<void> {
  if (options.csv !== undefined) await writeReportFile(options.csv, exporters.csv());
  if (options.report !== undefined) await writeReportFile(options.report, exporters.html());
  if (options.figures !== undefined) {
    for (const figure of exporters.figures()) {
      await writeReportFile(join(options.figures, `${figure.id}.svg`), figureSvg(figure));
      if (options.png) await writeReportFile(join(options.figures, `${figure.id}.png`), figurePng(figure));
    }
  }
  process.stdout.write(
    options.json ? `${JSON.stringify(exporters.result, null, 2)}\n` : exporters.text(terminalOptions(process.stdout)),
  );
}
