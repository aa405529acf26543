import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportHtml } from '../src/report/export/page.js';
import type { Case, Participant } from './case.js';
import { allCases } from './cases/index.js';
import { evaluateCase, evaluateGrowth, failedCase } from './evaluate.js';
import { AddonHost, loadPackage } from './hosts/addon.js';
import { CommandHost } from './hosts/command.js';
import { buildCore, startCore } from './hosts/core.js';
import { type Host, Skipped } from './hosts/host.js';
import type { LineProcess } from './hosts/line-process.js';
import { findPython, startPeers } from './hosts/peers.js';
import { describeInput, makeInput, type Writers } from './inputs.js';
import { describeMachine } from './machine.js';
import { type Effort, measureCase, message, skippedCase } from './measure.js';
import { ROOT } from './paths.js';
import { compareRecords, readRecord, recordText } from './record.js';
import { benchmarkReport } from './report.js';
import type { BenchmarkResult, CaseResult, Roof } from './result.js';
import { caseText, growthText, movesText, rooflineText } from './terminal.js';

const USAGE = `npm run bench -- [options]

  --json FILE       write all results as JSON
  --record FILE     write what is kept of them: record/CPU/VERSION.json
  --compare FILE    say what became slower or faster since that record
  --from FILE       make the page, or the comparison, of a record instead of running anything
  --html FILE       write them as a page with plots
  --only PART,…     only cases whose name contains one of the parts
  --list            name the cases and end
  --threads LIST    numbers of threads, such as 1,2,all (default)
  --seconds S       timed rounds of a case, in seconds (default 40)
  --quick           small sizes, few rounds: to try it out, not to quote
  --large           also the cases that need 5 GB of disk and memory
  --previous DIR    an installed earlier release, to compare with
  --core FILE       the core's side, built elsewhere (default: built here, by cargo)
`;

const QUICK: Effort = { caseSeconds: 2, roundSeconds: 0.01, minRounds: 2, maxRounds: 5 };
const FULL: Omit<Effort, 'caseSeconds'> = { roundSeconds: 0.05, minRounds: 3, maxRounds: 15 };

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    html: { type: 'string' },
    record: { type: 'string' },
    compare: { type: 'string' },
    from: { type: 'string' },
    only: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1,2,all' },
    seconds: { type: 'string', default: '40' },
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    previous: { type: 'string' },
    core: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (options.help) return void process.stdout.write(USAGE);
  const cases = chosenCases();
  effort();
  if (options.list) return void process.stdout.write(cases.map(({ name, title }) => `${name}  ${title}\n`).join(''));
  const before = options.compare === undefined ? null : readRecord(options.compare);
  if (options.from !== undefined) return finish(readRecord(options.from), before);
  // A path that cannot be written to is told of now, not after an hour.
  for (const file of [options.json, options.html, options.record]) if (file) closeSync(openSync(file, 'a'));
  const hosts = new Hosts();
  const folder = mkdtempSync(join(tmpdir(), 'coverage-bench-'));
  // Inputs take gigabytes: they go also when the run is interrupted.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  try {
    const machine = describeMachine(await hosts.peersVersions());
    process.stdout.write(`${machine.cpu}, ${machine.cores} cores, load ${machine.loadBefore.toFixed(2)}\n`);
    const roofline = await hosts.roofline();
    process.stdout.write(`Measured limits:\n${rooflineText(roofline)}\n\n`);
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const about = {
      schema: 1,
      version,
      date: new Date().toISOString(),
      quick: options.quick,
      machine,
      roofline,
    } as const;
    const results: CaseResult[] = [];
    for (const aCase of cases) {
      const result = await runCase(aCase, folder, hosts, roofline);
      results.push(result);
      process.stdout.write(`${caseText(result)}\n`);
      // Rewritten after each case: a run that is cut short leaves what it has.
      write({ ...about, cases: results, growth: evaluateGrowth(cases, results) });
    }
    if (before) finish({ ...about, cases: results, growth: evaluateGrowth(cases, results) }, before);
    process.stdout.write(`Growth:\n${growthText(evaluateGrowth(cases, results))}\n`);
    if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
  } finally {
    hosts.close();
  }
}

function write(result: BenchmarkResult): void {
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  if (options.record) writeFileSync(options.record, recordText(result));
  if (options.html) writeFileSync(options.html, reportHtml(benchmarkReport(result)));
}

/** Writes what was asked for, and says what moved. */
function finish(result: BenchmarkResult, before: BenchmarkResult | null): void {
  write(result);
  if (before === null) return;
  if (before.machine.cpu !== result.machine.cpu)
    process.stdout.write(`${before.version} was measured on another processor: ${before.machine.cpu}\n`);
  process.stdout.write(`Since ${before.version}:\n${movesText(compareRecords(result, before))}`);
}

function effort(): Effort {
  const caseSeconds = Number(options.seconds);
  if (!(caseSeconds > 0)) throw new Error(`--seconds takes a positive number, not ${options.seconds}.`);
  return options.quick ? QUICK : { ...FULL, caseSeconds };
}

function chosenCases(): Case[] {
  const most = availableParallelism();
  const asked = options.threads.split(',').map((text) => (text === 'all' ? most : Number(text)));
  const bad = asked.find((threads) => !(Number.isInteger(threads) && threads >= 1));
  if (bad !== undefined)
    throw new Error(`--threads takes numbers and 'all', separated by commas, not ${options.threads}.`);
  const threads = [...new Set([1, ...asked])].filter((count) => count <= most).sort((a, b) => a - b);
  const parts = options.only?.flatMap((list) => list.split(','));
  const chosen = allCases({ threads, quick: options.quick })
    .filter(({ large }) => options.large || !large)
    .filter(({ name }) => !parts || parts.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new Error(`No case has ${options.only} in its name; --list names them.`);
  return chosen;
}

async function runCase(aCase: Case, folder: string, hosts: Hosts, roofline: readonly Roof[]): Promise<CaseResult> {
  const described = Object.entries(aCase.inputs).map(([name, spec]) => `${name}: ${describeInput(spec)}`);
  const ofCase: LineProcess[] = [];
  const files: Record<string, string> = {};
  try {
    for (const [name, spec] of Object.entries(aCase.inputs)) {
      files[name] = await makeInput(spec, folder, hosts.writers);
    }
    const find = (participant: Participant) => hosts.find(participant, ofCase);
    const timings = await measureCase(aCase, files, folder, find, effort());
    return evaluateCase(aCase, described, timings, roofline);
  } catch (error) {
    if (error instanceof Skipped) return evaluateCase(aCase, described, skippedCase(aCase, error.message), roofline);
    return failedCase(aCase, described, message(error));
  } finally {
    for (const host of ofCase) host.close();
    // Other inputs stay for the cases that share them.
    if (aCase.large) for (const file of Object.values(files)) rmSync(file, { force: true });
  }
}

/** The hosts, each started when it is first needed. */
class Hosts {
  readonly #python = findPython();
  readonly #program = options.core ?? buildCore();
  // Processes come last: what fails before them leaves none running.
  readonly #core = startCore(this.#program);
  readonly #peers = this.#python === null ? null : startPeers(this.#python);
  #addon: Host | undefined;
  #previous: Host | undefined;
  #command: Host | undefined;

  async find({ host, alone }: Participant, ofCase: LineProcess[]): Promise<Host> {
    switch (host) {
      case 'core': {
        if (!alone) return this.#core;
        const own = startCore(this.#program);
        ofCase.push(own);
        return own;
      }
      case 'peers':
        if (!this.#peers) throw new Skipped('there is no Python with NumPy: set PEERS_PYTHON or see benchmark/peers');
        return this.#peers;
      case 'addon':
        this.#addon ??= new AddonHost(await loadPackage(ROOT));
        return this.#addon;
      case 'previous':
        if (!options.previous) throw new Skipped('there is no earlier release yet (--previous DIR names one)');
        this.#previous ??= new AddonHost(await loadPackage(options.previous));
        return this.#previous;
      case 'command':
        this.#command ??= new CommandHost(this.#python, await loadPackage(ROOT));
        return this.#command;
    }
  }

  async peersVersions(): Promise<Record<string, string> | null> {
    return this.#peers === null ? null : this.#peers.ask({ call: 'versions' });
  }

  readonly writers: Writers = {
    draws: async (file, { units, replicates, seed }) => {
      await this.#core.ask({ call: 'draws', file, units, replicates, seed });
    },
    convert: async (source, file, format) => {
      if (!this.#peers) throw new Skipped(`there is no Python to write the ${format} file`);
      await this.#peers.ask({ call: 'convert', source, file, format });
    },
  };

  async roofline(): Promise<Roof[]> {
    return this.#core.ask({ call: 'roofline', quick: options.quick });
  }

  close(): void {
    for (const host of [this.#core, this.#peers, this.#addon, this.#previous, this.#command]) host?.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${message(error)}\n`);
  process.exitCode = 1;
});
