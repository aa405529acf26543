import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Root from '../../src/index.js';
import type { Task } from '../case.js';
import { ROOT } from '../paths.js';
import type { Installed } from './addon-tasks.js';
import { type Host, type Prepared, type Round, Skipped } from './host.js';

/** A choice as a whole: the ratios asked about and the number of resamples. */
interface SelectTask {
  readonly file: string;
  readonly ratios: readonly number[];
  readonly replicates: number;
  readonly threads: number;
}

/** What one run took, and what it found, as numbers: the counts behind all scores, and the cross-entropies. */
interface Run {
  readonly seconds: number;
  readonly found: Float64Array;
}

/** A command that does next to nothing: what Node is given, in which `MAIN` stands for the program, `FILE` for the input. */
interface StartTask {
  readonly file: string;
  readonly words: readonly string[];
}

type Runner = (task: Task) => Promise<Run>;

/** Resamples that the script draws; it is charged for as many as the task asks for. */
const SCRIPT_RESAMPLES = 200;

const MAIN = join(ROOT, 'dist/cli/main.js');
const SCRIPT = join(ROOT, 'benchmark/peers/select_script.py');

/** Whole programs, each run a process of its own from its start to its end, and the parts of ours in this process. */
export class CommandHost implements Host {
  readonly #runners: Readonly<Record<string, Runner>>;
  readonly #slots = new Map<string, () => Promise<Run>>();

  constructor(python: string | null, installed: Installed) {
    const select = (run: (task: SelectTask) => Promise<Run>) => (task: Task) => run(task as unknown as SelectTask);
    this.#runners = {
      command: select(runCommand),
      parts: select((task) => runParts(task, installed.facade)),
      script: select((task) => runScript(task, python)),
      reproduce: runReproduce,
      start: (task) => runStart(task as unknown as StartTask),
    };
  }

  async prepare(slot: string, task: Task, resultFile: string): Promise<Prepared> {
    const runner = this.#runners[task.method];
    if (!runner) throw new Skipped(`${task.method} is no program`);
    const run = () => runner(task);
    const { seconds, found } = await run();
    writeFileSync(resultFile, found);
    this.#slots.set(slot, run);
    return { seconds, facts: {} };
  }

  async round(slot: string, iterations: number): Promise<Round> {
    const run = this.#slots.get(slot);
    if (!run) throw new Error(`nothing is prepared under ${slot}`);
    let seconds = 0;
    const hash = createHash('sha1');
    for (let iteration = 0; iteration < iterations; iteration++) {
      const each = await run();
      seconds += each.seconds;
      if (iteration === iterations - 1) hash.update(each.found);
    }
    return { seconds, checksum: hash.digest('hex') };
  }

  async release(slot: string): Promise<void> {
    this.#slots.delete(slot);
  }

  close(): void {
    this.#slots.clear();
  }
}

interface Found {
  readonly tournaments: readonly { readonly scoreCounts: readonly number[] }[];
  readonly crossEntropy: { readonly values: readonly (number | null)[] };
}

function numbersOf({ tournaments, crossEntropy }: Found): Float64Array {
  return Float64Array.from([
    ...tournaments.flatMap(({ scoreCounts }) => scoreCounts),
    ...crossEntropy.values.map((value) => value ?? Number.POSITIVE_INFINITY),
  ]);
}

/** What a program printed, and the seconds from its start to its end. */
function spawned(program: string, args: readonly string[]): { readonly seconds: number; readonly text: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`);
  return { seconds, text: stdout };
}

async function runCommand({ file, ratios, replicates, threads }: SelectTask): Promise<Run> {
  const given = ['--replicates', String(replicates), '--threads', String(threads), '--quiet', '--json'];
  const { seconds, text } = spawned(process.execPath, [MAIN, 'select', file, '-N', ratios.join(','), ...given]);
  return { seconds, found: numbersOf(JSON.parse(text)) };
}

/** Every experiment of the paper, its quick version. */
async function runReproduce({ threads }: Task): Promise<Run> {
  const given = ['reproduce', 'all', '--quick', '--threads', String(threads), '--quiet', '--json'];
  const { seconds, text } = spawned(process.execPath, [MAIN, ...given]);
  const { verdicts } = JSON.parse(text) as { readonly verdicts: readonly { readonly measured: number | null }[] };
  return { seconds, found: Float64Array.from(verdicts, ({ measured }) => measured ?? Number.POSITIVE_INFINITY) };
}

async function runStart({ file, words }: StartTask): Promise<Run> {
  const places: Readonly<Record<string, string>> = { MAIN, FILE: file };
  const { seconds, text } = spawned(
    process.execPath,
    words.map((word) => places[word] ?? word),
  );
  return { seconds, found: Float64Array.of(text.length) };
}

/** The start of the program, then reading, choosing and writing the result in a process that has done so before. */
const runParts = async ({ file, ratios, replicates, threads }: SelectTask, facade: typeof Root): Promise<Run> => {
  const begun = spawned(process.execPath, [MAIN, '--version']).seconds;
  const start = performance.now();
  const logProbs = await facade.readLogProbs(file, { threads });
  const result = await facade.selectCheckpoint(logProbs, { N: ratios, replicates, threads });
  JSON.stringify(result, null, 2);
  return { seconds: begun + (performance.now() - start) / 1000, found: numbersOf(result) };
};

async function runScript({ file, ratios, replicates }: SelectTask, python: string | null): Promise<Run> {
  if (python === null) throw new Skipped('there is no Python with NumPy: set PEERS_PYTHON or see benchmark/peers');
  if (spawnSync(python, ['-c', 'import scipy'], { stdio: 'ignore' }).status !== 0)
    throw new Skipped('the Python package scipy is not installed');
  const { seconds, text } = spawned(python, [SCRIPT, file, ratios.join(',')]);
  const result = JSON.parse(text) as Found & { readonly bootstrapSeconds: number };
  const more = replicates / SCRIPT_RESAMPLES - 1;
  return { seconds: seconds + more * result.bootstrapSeconds, found: numbersOf(result) };
}
