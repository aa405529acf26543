import { Command, Option } from 'commander';
import { GraphTask } from '../problems/graph-task.js';
import { writeReportFile } from '../write-file.js';
import { parseWeights, parseWholeNumber } from './arguments.js';
import type { CommandContext } from './program.js';

interface GraphTaskCommandOptions {
  readonly figure: 'figure-1' | 'figure-2';
  readonly layers?: number;
  readonly names?: number;
  readonly weights?: [number, number, number];
  readonly set: 'train' | 'validation';
  readonly count: number;
  readonly first: number;
  readonly seed: number;
  readonly responseSeed: number;
  readonly output?: string;
}

/** `coverage-principle graph-task`: prompts of the graph reasoning task as JSON Lines. */
export function graphTaskCommand({ signal }: CommandContext): Command {
  return new Command('graph-task')
    .description(
      'Prompts of the graph reasoning task as JSON Lines, to train any network on: prompt and response as text and as ' +
        'tokens, and all responses of positive probability.',
    )
    .addOption(
      new Option('--figure <name>', 'which of the two tasks').choices(['figure-1', 'figure-2']).default('figure-1'),
    )
    .option('--layers <L>', 'middle layers (default: 8)', parseWholeNumber(2))
    .option(
      '--names <m>',
      'nodes are named by distinct numbers below it, at least 4L + 18 (default: 64, for figure-2 128, or what the layers need); fewer are easier to learn',
      parseWholeNumber(1),
    )
    .option('--weights <w1,w2,w3>', 'weights of the classes (default: those of the paper)', parseWeights)
    .addOption(new Option('--set <name>', 'which prompts').choices(['train', 'validation']).default('train'))
    .option('--count <n>', 'how many prompts', parseWholeNumber(1), 1000)
    .option('--first <n>', 'number of the first prompt of the set', parseWholeNumber(0), 0)
    .option('--seed <seed>', 'seed of the task', parseWholeNumber(0), 0)
    .option('--response-seed <seed>', 'seed of the sampled responses', parseWholeNumber(0), 0)
    .option('-o, --output <file>', 'write there instead of stdout')
    .action(
      async ({
        figure,
        layers,
        names,
        weights,
        set,
        count,
        first,
        seed,
        responseSeed,
        output,
      }: GraphTaskCommandOptions) => {
        const task = new GraphTask({
          figure,
          seed,
          ...(layers !== undefined && { layers }),
          ...(names !== undefined && { names }),
          ...(weights && { weights }),
        });
        const lines = await task.jsonLines({ set, count, first, seed: responseSeed, signal });
        if (output === undefined) process.stdout.write(lines);
        else await writeReportFile(output, lines);
      },
    );
}
