import { Command } from 'commander';
import type { LogProbs } from '../log-probs/log-probs.js';
import { readLogProbs } from '../log-probs/read.js';
import { comparisonReport } from '../report/compare/report.js';
import { compareModels } from '../selection/compare.js';
import { checkAsked, parseBudgets, parseConfidence, parseRatios } from './arguments.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface CompareOptions extends InputOptions, OutputOptions {
  readonly bestOf?: number[];
  readonly N?: number[];
  readonly confidence: number;
  readonly texts?: string;
}

/** `coverage-principle compare`: two models head to head. */
export function compareCommand({ signal }: CommandContext): Command {
  const command = new Command('compare')
    .description(
      'Two models head to head: how often, and on which responses, each is at least N times as likely as the other, and ' +
        'whether the difference is shown (exact, paired; by prompts where they repeat).',
    )
    .argument('<a>', 'name of a model')
    .argument('<b>', 'name of another')
    .argument('<input...>', INPUT_ARGUMENT)
    .option(
      '-K, --best-of <list>',
      'budgets K, samples a prompt, e.g. 4,16: N = (K/2)^(2/3) for each, what to take held against √(K/2) and K/2, too',
      parseBudgets,
    )
    .option('-N, --N <list>', 'ratios N at which to compare', parseRatios)
    .option('--confidence <share>', 'confidence of all intervals and verdicts', parseConfidence, 0.95)
    .option(
      '--texts <file>',
      'JSON Lines with id, prompt and response as texts, shown beside the responses (default: an input that is such a file)',
    );
  addOutputOptions(command, 'one row for each response on which one of the two leads');
  return addInputOptions(command).action(async (a: string, b: string, inputs: string[], options: CompareOptions) => {
    const { bestOf = [], N = [], confidence, threads } = options;
    checkAsked(options);
    const progress = new ProgressLine(options.quiet);
    try {
      const logProbs = await readLogProbs(inputs, {
        ...toReadOptions(options),
        signal,
        onProgress: progress.stage('reading'),
      });
      const texts = options.texts === undefined ? rowsOfJson(logProbs, [a, b]) : [options.texts];
      await checkOutputs(options, [...logProbs.metadata.sources, ...texts.map((file) => ({ file }))]);
      const job = { signal, ...(threads !== undefined && { threads }) };
      const result = await compareModels(logProbs, { ...job, models: [a, b], bestOf, N, confidence, texts });
      progress.clear();
      await writeOutputs(comparisonReport(result), options);
    } finally {
      progress.clear();
    }
  });
}

/** The inputs of two models that are JSON Lines, which may have texts beside the log-probabilities. */
function rowsOfJson({ models, metadata }: LogProbs, names: readonly string[]): string[] {
  const files = names.map((name) => metadata.sources[models.indexOf(name)]?.file);
  return [...new Set(files)].filter((file) => file !== undefined).filter((file) => /\.jsonl(\.gz)?$/.test(file));
}
