import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { Made, Report } from '../report/report.js';
import { writeReportFile } from '../write-file.js';
import { commandLine } from './command-line.js';

/** The command-line options that say where results go, as commander hands them over. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly csv?: string;
  readonly markdown?: string;
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
    .option('--markdown <file>', 'its sentences and tables in Markdown, for a comment on a change')
    .option('--report <file>', 'one self-contained HTML file')
    .option('--figures <folder>', 'the figures of the report as SVG files')
    .option('--png', 'with --figures: PNG files, too (needs @resvg/resvg-js)')
    .option('--quiet', 'no progress');
}

/**
 * Writes the files asked for, then the report (or `lines` in its place) or its result to stdout: nothing is printed if a file
 * cannot be written.
 */
export async function writeOutputs(report: Report, options: OutputOptions, lines?: string): Promise<void> {
  const { csv, markdown, report: page, figures, png = false, json = false } = options;
  // Each exporter is loaded for those who ask for it: all of them take longer than most choices do.
  if (csv !== undefined) {
    const { reportCsv } = await import('../report/export/csv.js');
    await writeReportFile(csv, reportCsv(report));
  }
  if (markdown !== undefined) {
    const { reportMarkdown } = await import('../report/export/markdown.js');
    await writeReportFile(markdown, reportMarkdown(report));
  }
  if (page !== undefined) {
    const { reportHtml } = await import('../report/export/page.js');
    await writeReportFile(page, reportHtml({ ...report, made: made() }));
  }
  if (figures !== undefined) await writeFigures(figures, report, png);
  if (json) await printJson(report.result as object);
  else process.stdout.write(lines ?? (await textOf(report)));
}

async function writeFigures(folder: string, report: Report, png: boolean): Promise<void> {
  const { reportFigures } = await import('../report/report.js');
  const { figurePng, figureSvg } = await import('../report/export/draw.js');
  for (const figure of reportFigures(report)) {
    await writeReportFile(join(folder, `${figure.id}.svg`), figureSvg(figure));
    if (png) await writeReportFile(join(folder, `${figure.id}.png`), figurePng(figure));
  }
}

/** Whether the result is printed and nothing else is asked for: its report, which may be long, need not be made. */
export function isJsonAlone({ json, csv, markdown, report, figures }: OutputOptions): boolean {
  return json === true && [csv, markdown, report, figures].every((file) => file === undefined);
}

/** Prints a result as JSON. */
export async function printJson(result: object): Promise<void> {
  const { resultJson } = await import('../report/export/json.js');
  process.stdout.write(resultJson(result));
}

async function textOf(report: Report): Promise<string> {
  const { reportText } = await import('../report/export/text.js');
  const { terminalOptions } = await import('../report/export/terminal.js');
  return reportText(report, terminalOptions(process.stdout));
}

/** Options that name a file to write. */
const FILES = ['csv', 'markdown', 'report', 'perResponse', 'tournament'] as const;

/**
 * Makes sure, before anything is computed, that no file asked for would replace an input or another file asked for, and
 * that PNG files have a folder and can be drawn.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` naming both; `ERR_PNG_UNAVAILABLE`
 */
export async function checkOutputs(
  options: Partial<Record<(typeof FILES)[number], string>> & Pick<OutputOptions, 'figures' | 'png'>,
  inputs: readonly { readonly file?: string }[],
): Promise<void> {
  if (options.png && options.figures === undefined) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      '--png draws the figures of --figures as PNG files, too: say into which folder, --figures FOLDER --png.',
      { place: { field: 'figures' } },
    );
  }
  if (options.png) {
    const { checkPng } = await import('../report/export/draw.js');
    checkPng();
  }
  const taken = new Map(inputs.flatMap(({ file }) => (file === undefined ? [] : [[truePath(file), 'read']])));
  for (const option of FILES) {
    const file = options[option];
    if (file === undefined) continue;
    const flag = flagOf(option);
    const use = taken.get(truePath(file));
    if (use !== undefined) {
      const reason = use === 'read' ? 'it is an input, which would be lost' : `${use} is to be written there`;
      throw new CoverageError(
        'ERR_INVALID_OPTION',
        `${flag} cannot be written to ${file}: ${reason}. Name another file.`,
        { place: { file, field: option } },
      );
    }
    taken.set(truePath(file), flag);
  }
}

/** The flag of an option: `--per-response` of `perResponse`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The path of a file by which two names of the same one are equal, whether it is there or not. */
function truePath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    const path = resolve(file);
    const folder = dirname(path);
    return folder === path ? path : join(truePath(folder), basename(path));
  }
}

/** Now, or what SOURCE_DATE_EPOCH says it is, so that a page can be made again byte for byte; and the command line. */
function made(): Made {
  const epoch = Number(process.env['SOURCE_DATE_EPOCH'] || Number.NaN);
  const words = ['coverage-principle', ...commandLine.words];
  return {
    date: Number.isSafeInteger(epoch) ? new Date(epoch * 1000) : new Date(),
    command: words
      .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
      .join(' '),
  };
}
