import { basename, dirname, extname, join } from 'node:path';
import { Command } from 'commander';
import { CoverageError } from '../error.js';
import { resultJson } from '../report/export/json.js';
import { terminalOptions, terminalParagraph, terminalTable } from '../report/export/terminal.js';
import { runsTable } from '../report/training/tables.js';
import { loadConfig } from '../training/load.js';
import { OutputFolder, type PrintedTraining, trainingJson } from '../training/output.js';
import { type IdentifiedRuns, type PreparedTraining, prepareTraining } from '../training/prepare.js';
import { runPrepared, SAVE_SECONDS, type SaveOptions } from '../training/run.js';
import { trainConfigJsonSchema } from '../training/schema.js';
import { parsePositive, parseWholeNumber } from './arguments.js';
import { addPartOptions, type PartOptions, refuseBesideShard } from './part-options.js';
import { claimFolder, finishPart } from './parts.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface TrainCommandOptions extends PartOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
  readonly schema?: boolean;
  readonly saveEvery?: number;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `coverage-principle train`: trains linear models by a configuration file and writes what `select` takes. */
export function trainCommand(context: CommandContext): Command {
  const train = new Command('train')
    .description(
      'Train autoregressive linear models by a configuration: one run or a sweep. Writes checkpoints, their ' +
        'log-probabilities on held-out responses (which `select` takes), histories and a report with learning curves.',
    )
    .argument('[config]', '.json, .js, .mjs, .cjs, .ts or .mts file')
    .option('-o, --output <folder>', 'where to write (default: the configuration’s name, beside it)')
    .option('--resume', 'go on with the training in the output folder')
    .option('--overwrite', 'write into an output folder that is not empty')
    .option('--dry-run', 'check the configuration and its data, write nothing')
    .option('--schema', 'print the JSON Schema of configurations, for editors')
    .option('--save-every <seconds>', `save the state every so many seconds (default: ${SAVE_SECONDS})`, parsePositive)
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1));
  return addPartOptions(train, 'the runs of a sweep, every N-th')
    .option('--json', 'the result as one JSON object on stdout')
    .option('--quiet', 'no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (config: string | undefined, options: TrainCommandOptions, command: Command) => {
      if (options.schema) {
        process.stdout.write(`${JSON.stringify(trainConfigJsonSchema(), null, 2)}\n`);
        return;
      }
      if (config === undefined) command.error("error: missing required argument 'config'");
      const progress = new ProgressLine(options.quiet);
      try {
        await runTraining(config!, options, context, progress);
      } finally {
        progress.clear();
      }
    });
}

const EXAMPLES = `
Examples:
  $ coverage-principle train model.json
  $ coverage-principle select model/checkpoints.npy --best-of 4,16
  $ coverage-principle train sweep.mjs --output runs --threads 4
  $ coverage-principle train model.json --resume

A configuration, model.json, which keeps four models, the final one among them:
  { "data": { "kind": "text", "files": ["corpus.txt"] },
    "features": { "kind": "ngram", "order": 3 },
    "training": { "procedure": "normalizedSgd", "stepSize": 0.1, "batchSize": 16, "steps": 400,
                  "constraint": { "kind": "ball", "radius": 50 } },
    "validation": { "every": 100 }, "checkpoints": { "every": 100 } }`;

async function runTraining(
  configFile: string,
  options: TrainCommandOptions,
  { signal }: CommandContext,
  progress: ProgressLine,
): Promise<void> {
  const { threads, saveEvery: every, overwrite, dryRun, shard, parts } = options;
  const job = { signal, ...(threads !== undefined && { threads }) };
  const output = new OutputFolder(options.output ?? defaultOutput(configFile));
  if (shard) {
    refuseBesideShard(options, ['json', 'overwrite', 'dryRun']);
    if (!options.output) {
      throw new CoverageError('ERR_INVALID_OPTION', 'Say where the part is to be written: --output FOLDER.', {
        place: { field: 'output' },
      });
    }
  }
  // A part that was begun goes on, so that a job can be sent again as it is.
  const resume = options.resume || (shard !== undefined && (await output.isBegun()));
  // Before anything that takes long: an output that cannot be written should not come as a surprise.
  if (!(resume || overwrite || dryRun)) await output.checkEmpty();
  if (shard) await claimFolder(output.path, shard);
  const config = await loadConfig(configFile);
  const prepared = await prepareTraining(config, {
    ...job,
    configFile,
    ...(shard && { shard }),
    ...(resume && { findStates: (runs) => output.readStates(runs) }),
    ...(parts && { findStates: (runs) => statesOfParts(parts, runs) }),
  });
  if (dryRun) {
    process.stdout.write(`${prepared.facts.join('\n')}\nThe configuration is valid: ${prepared.runs.length} run(s).\n`);
    return;
  }
  await output.writeConfig(prepared, config);
  const results = await trainOrSave(
    prepared,
    { output, ...(every !== undefined && { every }) },
    { ...job, onProgress: progress.stage('training') },
    configFile,
  );
  progress.clear();
  await output.writeStates(prepared);
  if (shard) {
    process.stdout.write(await finishPart(output.path, shard));
    return;
  }
  await output.writeResults(prepared, results, config);
  if (options.json) {
    const printed: PrintedTraining = { output: output.path, ...trainingJson(prepared, results) };
    process.stdout.write(resultJson(printed));
    return;
  }
  const terminal = terminalOptions(process.stdout);
  process.stdout.write(terminalTable(runsTable(results), terminal));
  process.stdout.write(
    terminalParagraph([`Written to `, { stress: output.path }, ': report.html and the rest.'], terminal),
  );
}

/** The states of all runs, each from the part that has it. */
async function statesOfParts(paths: readonly string[], runs: IdentifiedRuns): Promise<(Uint8Array | undefined)[]> {
  const parts = await Promise.all(paths.map((path) => new OutputFolder(path).readStates(runs)));
  return runs.runs.map((_, run) => parts.map((states) => states[run]).find((state) => state !== undefined));
}

async function trainOrSave(
  prepared: PreparedTraining,
  save: SaveOptions,
  job: Parameters<typeof runPrepared>[2],
  configFile: string,
) {
  try {
    return await runPrepared(prepared, save, job);
  } catch (error) {
    if (job.signal?.aborted) {
      process.stderr.write(
        `\nInterrupted; the state is in ${save.output.path}. Go on by: coverage-principle train ${configFile} --resume\n`,
      );
    }
    throw error;
  }
}

function defaultOutput(configFile: string): string {
  const name = basename(configFile, extname(configFile));
  if (name === '') throw new CoverageError('ERR_INVALID_OPTION', `${configFile} is no configuration file.`);
  return join(dirname(configFile), name);
}
