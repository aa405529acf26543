import { join } from 'node:path';
import { Command } from 'commander';
import type { ExperimentResult } from '../experiments/experiment.js';
import { experiments } from '../experiments/registry.js';
import { reproduce } from '../experiments/reproduce.js';
import { plotFigure } from '../report/experiment/plot-figure.js';
import { experimentHtml, experimentText } from '../report/experiment/report.js';
import { figurePng, figureSvg } from '../report/figure.js';
import { terminalOptions } from '../report/terminal.js';
import { plural } from '../text/format.js';
import { packageVersion } from '../version.js';
import { writeReportFile } from '../write-file.js';
import { parseWholeNumber } from './arguments.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface ReproduceOptions {
  readonly list?: boolean;
  readonly quick?: boolean;
  readonly seed: number;
  readonly threads?: number;
  readonly out?: string;
  readonly json?: boolean;
  readonly report?: string;
  readonly figures?: string;
  readonly png?: boolean;
  readonly quiet?: boolean;
}

/** `coverage-principle reproduce`: the paper's figures, theorems and propositions as experiments. */
export function reproduceCommand(context: CommandContext): Command {
  return new Command('reproduce')
    .description(
      'Run experiments of the paper and hold each of its claims against what was measured. A claim that cannot be shown ' +
        'at this size is called undecided, with the reason, never a pass.',
    )
    .argument('[name...]', 'experiments, or all')
    .option('--list', 'name the experiments')
    .option('--quick', 'a smaller version: fewer and smaller points, the same claims')
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), 0)
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1))
    .option(
      '--out <folder>',
      'keep the result of each experiment there; an interrupted run goes on after the last one finished',
    )
    .optionsGroup('Output:')
    .option('--json', 'verdicts and what they rest on as one JSON object on stdout')
    .option('--report <file>', 'one self-contained HTML file: verdicts first, then the figures')
    .option('--figures <folder>', 'the figures as SVG files')
    .option('--png', 'with --figures: PNG files, too (needs @resvg/resvg-js)')
    .option('--quiet', 'no progress')
    .action(async (names: string[], options: ReproduceOptions, command: Command) => {
      if (options.list) {
        listExperiments(options.json === true);
        return;
      }
      if (names.length === 0) command.error('error: name an experiment, or all (--list names them)', { exitCode: 2 });
      await run(names, options, context);
    });
}

function listExperiments(json: boolean): void {
  const list = experiments.map(({ name, title, source }) => ({ name, title, source }));
  const width = Math.max(...list.map(({ name }) => name.length));
  process.stdout.write(
    json
      ? `${JSON.stringify(list, null, 2)}\n`
      : list.map(({ name, title, source }) => `${name.padEnd(width)}  ${title} (${source})\n`).join(''),
  );
}

async function run(names: readonly string[], options: ReproduceOptions, { signal }: CommandContext): Promise<void> {
  const { quick = false, seed, threads, out } = options;
  const line = new ProgressLine(options.quiet === true || options.json === true);
  const began = performance.now();
  const results = await reproduce(names, {
    quick,
    seed,
    signal,
    ...(threads !== undefined && { threads }),
    ...(out !== undefined && { folder: out }),
    onProgress: (experiment, share, doing) =>
      line.stage(`${experiment}: ${doing}`)({ done: share, total: 1, elapsed: (performance.now() - began) / 1000 }),
  })
    .finally(() => line.clear())
    .catch((error: unknown) => {
      if (signal.aborted && out !== undefined) {
        process.stderr.write(`Finished experiments are in ${out}: the same command goes on from there.\n`);
      }
      throw error;
    });
  const report = toReport(results, { quick, seed });
  if (options.report !== undefined) await writeReportFile(options.report, experimentHtml(report));
  if (options.figures !== undefined) {
    for (const figure of report.figures) {
      await writeReportFile(join(options.figures, `${figure.id}.svg`), figureSvg(figure));
      if (options.png) await writeReportFile(join(options.figures, `${figure.id}.png`), figurePng(figure));
    }
  }
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ verdicts: report.verdicts, experiments: results, version: packageVersion }, null, 2)}\n`
      : experimentText({ ...report, tables: [] }, terminalOptions(process.stdout)),
  );
}

function toReport(results: readonly ExperimentResult[], { quick, seed }: { quick: boolean; seed: number }) {
  const single = results.length === 1 ? results[0]! : null;
  return {
    title: single ? single.title : 'The Coverage Principle, reproduced',
    subtitle: `${single ? single.source : plural(results.length, 'experiment')} · seed ${seed}${quick ? ' · quick version' : ''}`,
    summary: results.flatMap(({ name, summary }) =>
      summary.map((phrase) => (single ? phrase : [{ stress: `${name}: ` }, ...phrase])),
    ),
    verdicts: results.flatMap(({ verdicts }) => verdicts),
    tables: results.flatMap(({ tables }) => tables),
    figures: results.flatMap(({ plots }) => plots.map(plotFigure)),
    ...(single === null && {
      parts: results.map(({ plots, ...each }) => ({ ...each, figures: plots.map(plotFigure) })),
    }),
    provenance: { version: packageVersion, sources: [], seed: String(seed) },
    result: results,
  };
}
