import { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { readLogProbs } from '../log-probs/read.js';
import { offsetReport } from '../report/offset/report.js';
import { offsetTournament } from '../tournament/offset-tournament.js';
import { packageVersion } from '../version.js';
import { parseConfidence, parseRatios, parseShare } from './arguments.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface OffsetOptions extends InputOptions, OutputOptions {
  readonly onPolicy: [model: string, file: string][];
  readonly N: number[];
  readonly a: number;
  readonly confidence: number;
}

/** `coverage-principle offset`: the offset tournament, which also looks at what each model itself would say. */
export function offsetCommand({ signal }: CommandContext): Command {
  const command = new Command('offset')
    .description(
      'Choose a checkpoint by the offset tournament [32]: like select, less 2·N^a times how often a rival reaches the ' +
        "ratio N on the model's own responses. Needs responses drawn from each model and scored by every model.",
    )
    .argument('<input...>', INPUT_ARGUMENT)
    .requiredOption(
      '--on-policy <model=file>',
      'responses drawn from the model, scored by every model; once for each model',
      collectOnPolicy,
    )
    .option('-N, --N <list>', 'ratios N of the tournament, e.g. 16,64', parseRatios, [64])
    .option(
      '--a <exponent>',
      'exponent a of the offset 2·N^a, from 0 to 1; theorem 6.4 wants N^(1−2a) ≥ 8',
      parseShare,
      0.25,
    )
    .option('--confidence <share>', 'confidence of the limits and of the possible winners', parseConfidence, 0.95);
  addOutputOptions(command, 'one row a model and N');
  return addInputOptions(command).action(async (inputs: string[], options: OffsetOptions) => {
    const progress = new ProgressLine(options.quiet);
    try {
      const reading = { ...toReadOptions(options), signal, onProgress: progress.stage('reading') };
      const logProbs = await readLogProbs(inputs, reading);
      const onPolicy = await readOnPolicy(logProbs, options.onPolicy, (file) => readLogProbs(file, reading));
      const sources = [logProbs, ...onPolicy].flatMap(({ metadata }) => metadata.sources);
      await checkOutputs(options, sources);
      const job = { signal, ...(options.threads !== undefined && { threads: options.threads }) };
      const { N, a, confidence } = options;
      const tournaments = await offsetTournament(logProbs, { ...job, onPolicy, N, a, confidence });
      progress.clear();
      const { warnings } = logProbs.metadata;
      const { models, responses } = logProbs;
      const files = [...new Map(sources.map((source) => [source.file, source])).values()];
      const provenance = { version: packageVersion, sources: files, seed: '0' };
      const result = { models, responses, tournaments, confidence, warnings, provenance };
      await writeOutputs(offsetReport(result), options);
    } finally {
      progress.clear();
    }
  });
}

function collectOnPolicy(text: string, previous: [string, string][] = []): [string, string][] {
  const [model = '', ...file] = text.split('=');
  return [...previous, [model, file.join('=')]];
}

/** The responses of each model, in the order of the models, scored by the models in that order. */
async function readOnPolicy(
  logProbs: LogProbs,
  files: readonly [model: string, file: string][],
  read: (file: string) => Promise<LogProbs>,
): Promise<LogProbs[]> {
  for (const [model] of files) logProbs.modelIndex(model);
  const responses: LogProbs[] = [];
  for (const model of logProbs.models) {
    const file = files.find(([name]) => name === model)?.[1];
    if (file === undefined || file === '') {
      throw new CoverageError(
        'ERR_INVALID_OPTION',
        `There are no responses drawn from ${model}: give --on-policy ${model}=FILE, scored by every model.`,
        { place: { model, field: 'onPolicy' } },
      );
    }
    responses.push((await read(file)).selectModels(logProbs.models));
  }
  return responses;
}
