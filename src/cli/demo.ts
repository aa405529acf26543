import { join } from 'node:path';
import { Command } from 'commander';
import { selectionHtml } from '../report/selection/html.js';
import { selectionTables } from '../report/selection/text.js';
import { terminalOptions, terminalParagraph, terminalTable } from '../report/terminal.js';
import { runsTable } from '../report/training/tables.js';
import { writeReportFile } from '../report/write-file.js';
import { runDemo } from '../training/demo.js';
import { declarationFiles } from '../training/demo-text.js';
import { OutputFolder } from '../training/output.js';
import { parseWholeNumber } from './arguments.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface DemoOptions {
  readonly output: string;
  readonly text?: string[];
  readonly threads?: number;
  readonly quiet?: boolean;
}

/** `coverage-principle demo`: everything at once on real text, in a minute or two. */
export function demoCommand({ signal }: CommandContext): Command {
  return new Command('demo')
    .description(
      'Train log-linear n-gram models on at least 1 MB of real text (declaration files of installed packages), then\n' +
        'select among their checkpoints by the tournament on held-out text. Writes two reports.',
    )
    .option('-o, --output <folder>', 'where to write', 'demo')
    .option('--text <file...>', 'text files to train on instead')
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1))
    .option('--quiet', 'no progress')
    .action(async ({ output: folder, text, threads, quiet }: DemoOptions) => {
      const progress = new ProgressLine(quiet === true);
      const output = new OutputFolder(folder);
      try {
        const { results, selection } = await runDemo(text ?? declarationFiles(), output, {
          signal,
          ...(threads !== undefined && { threads }),
          onProgress: (snapshot) => progress.stage(snapshot.stage ?? 'training')(snapshot),
        });
        progress.clear();
        const report = join(folder, 'selection.html');
        await writeReportFile(report, selectionHtml(selection));
        const terminal = terminalOptions(process.stdout);
        process.stdout.write(
          `${terminalTable(runsTable(results), terminal)}\n${selectionTables(selection, terminal)}\n`,
        );
        process.stdout.write(
          terminalParagraph(
            [
              'Reports: ',
              { stress: join(folder, 'report.html') },
              ' (training) and ',
              { stress: report },
              ' (selection).',
            ],
            terminal,
          ),
        );
      } finally {
        progress.clear();
      }
    });
}
