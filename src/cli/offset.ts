import { Command } from 'commander';
import { CoverageError } from '../error.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { readLogProbs } from '../log-probs/read.js';
import { terminalOptions, terminalTable } from '../report/terminal.js';
import type { Table } from '../results/table.js';
import { compact } from '../text/format.js';
import { type OffsetTournament, offsetTournament } from '../tournament/offset-tournament.js';
import { parseBudgets, parseShare } from './arguments.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface OffsetOptions extends InputOptions {
  readonly onPolicy: [model: string, file: string][];
  readonly N: number[];
  readonly a: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
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
    .option('-N, --N <list>', 'Best-of-N budgets, e.g. 16,64', parseBudgets, [64])
    .option(
      '--a <exponent>',
      'exponent a of the offset 2·N^a, from 0 to 1; theorem 6.4 wants N^(1−2a) ≥ 8',
      parseShare,
      0.25,
    )
    .optionsGroup('Output:')
    .option('--json', 'the result as one JSON object on stdout')
    .option('--quiet', 'no progress');
  return addInputOptions(command).action(async (inputs: string[], options: OffsetOptions) => {
    const progress = new ProgressLine(options.quiet === true || options.json === true);
    try {
      const reading = { ...toReadOptions(options), signal, onProgress: progress.stage('reading') };
      const logProbs = await readLogProbs(inputs, reading);
      const onPolicy = await readOnPolicy(logProbs, options.onPolicy, (file) => readLogProbs(file, reading));
      const job = { signal, ...(options.threads !== undefined && { threads: options.threads }) };
      const tournaments = await offsetTournament(logProbs, { ...job, onPolicy, N: options.N, a: options.a });
      progress.clear();
      const { warnings } = logProbs.metadata;
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ models: logProbs.models, responses: logProbs.responses, tournaments, warnings }, null, 2)}\n`
          : tournaments.map((result) => offsetText(result, logProbs.models)).join('\n'),
      );
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

function offsetText(result: OffsetTournament, models: readonly string[]): string {
  const { N, a, offset, withinTheorem, winner, objectives, rivals, ranking } = result;
  const table: Table = {
    caption: `N = ${compact(N)}: ${winner} (offset 2·N^a = ${compact(offset)}, a = ${compact(a)})`,
    columns: [
      { label: 'model', name: true },
      { label: 'objective', align: 'right' },
      { label: 'worst rival', name: true },
    ],
    rows: ranking.map((model) => {
      const index = models.indexOf(model);
      return [{ text: model }, { text: compact(objectives[index]!) }, { text: rivals[index]! }];
    }),
  };
  const note = withinTheorem ? '' : 'N^(1−2a) is below 8: theorem 6.4 promises nothing here.\n';
  return terminalTable(table, terminalOptions(process.stdout)) + note;
}
