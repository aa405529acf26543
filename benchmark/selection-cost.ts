// What a default `select` costs beside the same command without any resampling, and its parts:
//
//   npm run --silent build && tsc -p benchmark/tsconfig.json && node benchmark/.build/benchmark/selection-cost.js [ROUNDS] [SIZE…]
//
// Sizes are MODELS×RESPONSES, e.g. 256x16384. Inputs are checkpoints of a run and unrelated models, single precision, kept
// in the folder of temporary files. Each command is a process of its own, the two taking turns; CPU time is that of all its
// threads. Of several rounds the least counts, since whatever else runs on the machine only adds. Markdown goes to stdout.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InputSpec } from './case.js';
import { loadPackage } from './hosts/addon.js';
import { describeInput, makeInput } from './inputs.js';
import { describeMachine } from './machine.js';
import { ROOT } from './paths.js';

const { readLogProbs, selectCheckpoint, tournament } = (await loadPackage(ROOT)).facade;

const ROUNDS = Number(process.argv[2] ?? 3);
const SIZES = (process.argv.length > 3 ? process.argv.slice(3) : ['256x16384', '100x100000', '50x1000000']).map(
  (size) => size.split('x').map(Number) as [number, number],
);
const N = [2, 4, 16, 64];
const THREADS = 2;
const FOLDER = join(tmpdir(), 'coverage-principle-selection-cost');

/** Seconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

const least = (costs: readonly Cost[]): Cost => ({
  wall: Math.min(...costs.map(({ wall }) => wall)),
  cpu: Math.min(...costs.map(({ cpu }) => cpu)),
});

/** Says on exit what CPU time all threads of the process took. */
const METER =
  'data:text/javascript,import{writeFileSync}from"node:fs";process.on("exit",()=>' +
  '{const{user,system}=process.cpuUsage();writeFileSync(process.env.COST_FILE,String((user+system)/1e6))});';

/** One `select` as a process of its own. */
function command(input: string, ...more: string[]): Cost {
  const file = join(FOLDER, `cost-${process.pid}`);
  const main = join(ROOT, 'dist/cli/main.js');
  const args = ['--import', METER, main, 'select', input, '-N', N.join(','), '--threads', String(THREADS), ...more];
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, COST_FILE: file },
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const wall = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`select ${args.slice(3).join(' ')} ended with ${status}:\n${stderr}`);
  const cpu = Number(readFileSync(file, 'utf8'));
  rmSync(file);
  return { wall, cpu };
}

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const [began, { user, system }] = [performance.now(), process.cpuUsage()];
  await work();
  const after = process.cpuUsage();
  return { wall: (performance.now() - began) / 1000, cpu: (after.user + after.system - user - system) / 1e6 };
}

const seconds = ({ wall, cpu }: Cost) => `${wall.toFixed(2)} (${cpu.toFixed(2)})`;
const times = (a: Cost, b: Cost) => `${(a.wall / b.wall).toFixed(2)} (${(a.cpu / b.cpu).toFixed(2)})`;

mkdirSync(FOLDER, { recursive: true });
const machine = describeMachine(null);
process.stdout.write(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.loadBefore.toFixed(1)} before; ${ROUNDS} rounds, N = ${N.join(', ')}, ${THREADS} threads. ` +
    'Seconds of wall time, in parentheses of CPU time.\n\n' +
    '| input | `select` | without resampling | ratio | read | tournament alone | `selectCheckpoint` without resampling | over the tournament |\n' +
    '|---|---|---|---|---|---|---|---|\n',
);
for (const [models, responses] of SIZES) {
  const inputs: InputSpec[] = [
    { kind: 'checkpoints', models, responses, dtype: 'f4', noise: 0.3, measured: false, seed: 1 },
    { kind: 'unrelated', models, responses, dtype: 'f4', spread: 4, seed: 1 },
  ];
  for (const spec of inputs) {
    const input = await makeInput(spec, FOLDER, {
      draws: () => Promise.reject(new Error('not needed')),
      convert: () => Promise.reject(new Error('not needed')),
    });
    const costs = Array.from({ length: 5 }, (): Cost[] => []);
    const [whole, plain, reading, counting, selecting] = costs as [Cost[], Cost[], Cost[], Cost[], Cost[]];
    for (let round = 0; round < ROUNDS; round += 1) {
      whole.push(command(input));
      plain.push(command(input, '--replicates', '0'));
      let logProbs: Awaited<ReturnType<typeof readLogProbs>> | undefined;
      reading.push(
        await timed(async () => {
          logProbs = await readLogProbs(input);
        }),
      );
      const job = { N, threads: THREADS };
      counting.push(await timed(() => tournament(logProbs!, { ...job, counts: false })));
      selecting.push(await timed(() => selectCheckpoint(logProbs!, { ...job, replicates: 0, counts: false })));
      logProbs!.dispose();
    }
    const of = (index: number) => least(costs[index]!);
    process.stdout.write(
      `| ${describeInput(spec)} | ${seconds(of(0))} | ${seconds(of(1))} | ${times(of(0), of(1))} | ${seconds(of(2))} | ` +
        `${seconds(of(3))} | ${seconds(of(4))} | ${times(of(4), of(3))} |\n`,
    );
  }
}
