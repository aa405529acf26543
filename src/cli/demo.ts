import { join } from 'node:path';
import { Command } from 'commander';
import { declarationFiles } from '../demo/declaration-files.js';
import { runGraphDemo } from '../demo/graph-demo.js';
import { writeGraphDemo } from '../demo/graph-demo-files.js';
import { graphDemoReport } from '../demo/graph-demo-report.js';
import { runTextDemo } from '../demo/text-demo.js';
import { reportHtml } from '../report/export/page.js';
import { terminalOptions, terminalParagraph, terminalTable } from '../report/export/terminal.js';
import { reportText } from '../report/export/text.js';
import { selectionReport } from '../report/selection/report.js';
import { runsTable } from '../report/training/tables.js';
import { compact } from '../text/format.js';
import { OutputFolder } from '../training/output.js';
import { writeReportFile } from '../write-file.js';
import { parseWholeNumber } from './arguments.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface DemoOptions {
  readonly output: string;
  readonly threads?: number;
  readonly quiet?: boolean;
}

/** `coverage-principle demo`: the paper's headline in seconds, or everything at once on real text. */
export function demoCommand(context: CommandContext): Command {
  return withCommonOptions(new Command('demo'))
    .description(
      'Train a linear model on the graph task of the paper, pick a checkpoint by tournament and by validation loss, and see ' +
        'who was right: exact KL, Cov_N and Pass@N of both. Writes two reports and the log-probabilities that `select` reads.',
    )
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), 0)
    .action((options: DemoOptions & { readonly seed: number }) => demonstrate(options, context))
    .addCommand(textDemoCommand(context));
}

function withCommonOptions(command: Command): Command {
  return command
    .option('-o, --output <folder>', 'where to write', 'demo')
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1))
    .option('--quiet', 'no progress');
}

async function demonstrate(
  { output, threads, quiet, seed }: DemoOptions & { readonly seed: number },
  { signal }: CommandContext,
): Promise<void> {
  const progress = new ProgressLine(quiet);
  try {
    const result = await runGraphDemo(seed, {
      signal,
      ...(threads !== undefined && { threads }),
      onProgress: progress.stage('training'),
    });
    progress.clear();
    const files = await writeGraphDemo(result, output);
    const terminal = terminalOptions(process.stdout);
    process.stdout.write(
      `${reportText(graphDemoReport(result), terminal)}\nReport: ${files.report} (and ${files.selection})\n` +
        `The same selection: npx coverage-principle select ${files.logProbs} -N ${compact(result.selection.tournaments[0]!.N)}\n`,
    );
  } finally {
    progress.clear();
  }
}

function textDemoCommand({ signal }: CommandContext): Command {
  return withCommonOptions(new Command('text'))
    .description(
      'Train log-linear n-gram models on at least 1 MB of real text (declaration files of installed packages), then\n' +
        'select among their checkpoints by the tournament on held-out text. Writes two reports.',
    )
    .argument('[file...]', 'text files to train on instead')
    .action(async (text: string[], { output: folder, threads, quiet }: DemoOptions) => {
      const progress = new ProgressLine(quiet);
      const output = new OutputFolder(folder);
      try {
        const { results, selection } = await runTextDemo(text.length > 0 ? text : declarationFiles(), output, {
          signal,
          ...(threads !== undefined && { threads }),
          onProgress: (snapshot) => progress.stage(snapshot.stage ?? 'training')(snapshot),
        });
        progress.clear();
        const report = join(folder, 'selection.html');
        await writeReportFile(report, reportHtml(selectionReport(selection)));
        const terminal = terminalOptions(process.stdout);
        process.stdout.write(
          `${terminalTable(runsTable(results), terminal)}\n${reportText(selectionReport(selection), terminal)}\n`,
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
