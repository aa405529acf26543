import { Command, InvalidArgumentError } from 'commander';
import { CoverageError } from '../error.js';
import type { ExperimentResult } from '../experiments/experiment.js';
import { claimsOverSeeds, claimsTable } from '../experiments/over-seeds.js';
import { experiments } from '../experiments/registry.js';
import { choose, reproduce } from '../experiments/reproduce.js';
import { experimentReport } from '../report/experiment/report.js';
import { terminalOptions, terminalTable } from '../report/export/terminal.js';
import { packageVersion } from '../version.js';
import { parseWholeNumber } from './arguments.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import { addPartOptions, type PartOptions, refuseBesideShard } from './part-options.js';
import { claimFolder, finishPart } from './parts.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface ReproduceOptions extends OutputOptions, PartOptions {
  readonly list?: boolean;
  readonly quick?: boolean;
  readonly seed: number;
  readonly seeds?: readonly number[];
  readonly threads?: number;
  readonly out?: string;
}

/** `coverage-principle reproduce`: the paper's figures, theorems and propositions as experiments. */
export function reproduceCommand(context: CommandContext): Command {
  const command = new Command('reproduce')
    .description(
      'Run experiments of the paper and hold each of its claims against what was measured. A claim that cannot be shown ' +
        'at this size is called undecided, with the reason, never a pass.',
    )
    .argument('[name...]', 'experiments, or all')
    .option('--list', 'name the experiments')
    .option('--quick', 'a smaller version: fewer and smaller points, the same claims')
    .option('--seed <seed>', 'seed of all random numbers', parseWholeNumber(0), 0)
    .option('--seeds <from..to>', 'at each of these seeds, such as 0..9: at how many does each claim hold?', parseSeeds)
    .option('--threads <count>', 'threads; changes speed, never the result (default: all)', parseWholeNumber(1))
    .option(
      '--out <folder>',
      'keep the result of each experiment there; an interrupted run goes on after the last one finished',
    );
  addPartOptions(command, 'the experiments (at each seed), every N-th');
  return addOutputOptions(command, 'one row a claim').action(async (names: string[], options: ReproduceOptions) => {
    if (options.list) {
      listExperiments(options.json === true);
      return;
    }
    if (names.length === 0) command.error('error: name an experiment, or all (--list names them)', { exitCode: 2 });
    if (options.shard) await runPart(names, options, options.shard, context);
    else if (options.seeds) await runOverSeeds(names, options, options.seeds, context);
    else await run(names, options, context);
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

/** `0..9`: whole numbers from the first to the last. */
function parseSeeds(text: string): readonly number[] {
  const [, from, to] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text) ?? [];
  const count = Number(to) - Number(from) + 1;
  if (!(count >= 1 && count <= 1000)) throw new InvalidArgumentError('Give two seeds such as 0..9, at most 1000.');
  return Array.from({ length: count }, (_, at) => Number(from) + at);
}

/** Runs everything at each seed; a claim counts if it held at all of them. */
async function runOverSeeds(
  names: readonly string[],
  options: ReproduceOptions,
  seeds: readonly number[],
  context: CommandContext,
): Promise<void> {
  const runs: (readonly ExperimentResult[])[] = [];
  for (const seed of seeds) runs.push(await results(names, { ...options, seed }, context));
  const claims = claimsOverSeeds(runs);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ seeds, quick: options.quick === true, claims, version: packageVersion }, null, 2)}\n`
      : terminalTable(claimsTable(claims, seeds.length), terminalOptions(process.stdout)),
  );
}

/** Runs a part of the experiments into a folder; those that are there are not run again. */
async function runPart(
  names: readonly string[],
  options: ReproduceOptions,
  shard: readonly [number, number],
  context: CommandContext,
): Promise<void> {
  refuseBesideShard(options, ['json', 'csv', 'markdown', 'report', 'figures']);
  if (options.out === undefined) {
    throw new CoverageError('ERR_INVALID_OPTION', 'Say where the part is to be written: --out FOLDER.', {
      place: { field: 'out' },
    });
  }
  const [part, of] = shard;
  const chosen = choose(names);
  const all = (options.seeds ?? [options.seed]).flatMap((seed) => chosen.map(({ name }) => ({ name, seed })));
  await claimFolder(options.out, shard);
  for (const { name, seed } of all.filter((_, at) => at % of === part - 1)) {
    await results([name], { ...options, seed }, context);
  }
  process.stdout.write(await finishPart(options.out, shard));
}

/** The results of experiments at one seed, from the folder where they are there. */
async function results(
  names: readonly string[],
  options: ReproduceOptions,
  { signal }: CommandContext,
): Promise<readonly ExperimentResult[]> {
  const { quick = false, seed, threads, out, parts } = options;
  await checkOutputs(options, []);
  const line = new ProgressLine(options.quiet);
  const began = performance.now();
  return await reproduce(names, {
    quick,
    seed,
    signal,
    ...(threads !== undefined && { threads }),
    ...(out !== undefined && { folder: out }),
    ...(parts && { parts }),
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
}

async function run(names: readonly string[], options: ReproduceOptions, context: CommandContext): Promise<void> {
  const { quick = false, seed } = options;
  const found = await results(names, options, context);
  const settings = [`seed ${seed}`, ...(quick ? ['quick version'] : [])];
  const provenance = { version: packageVersion, sources: [], seed: String(seed) };
  await writeOutputs(experimentReport(found, { settings, provenance }), options);
}
