// The guide's commands, run as they are written: the script for Transformers, held to a server, and the section on vLLM.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { score } from '../../dist/index.js';
import { main, root } from '../stress/shared.mjs';
import { end, group, quiet } from './servers.mjs';

const page = join(root, 'docs/guides/from-checkpoints-to-a-decision.md');

/** Largest difference between vLLM and Transformers, both in float32, in nats: another program computes another rounding. */
const ALIKE = 1e-3;

/** The first snippet of a language under a heading. */
function snippet(heading, language) {
  const [, section] = new RegExp(`^## ${heading}\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(
    readFileSync(page, 'utf8'),
  );
  const [, text] = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'm').exec(section);
  return text;
}

const linesOf = (path) =>
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

export async function guide({ python, folder, models, names, server, stopServers, rows }) {
  const found = [];
  const failures = [];
  const home = join(folder, 'guide');
  for (const path of ['bin', 'runs', 'transformers']) mkdirSync(join(home, path), { recursive: true });
  const checkpoints = names.slice(1);
  for (const name of checkpoints)
    symlinkSync(join(models, name), join(home, 'runs', name.replace('step', 'checkpoint')));
  writeFileSync(join(home, 'bin', 'npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  const texts = rows.filter(({ prompt, response }) => prompt !== undefined && response !== undefined).slice(0, 100);
  const input = join(home, 'held-out.jsonl');
  writeFileSync(input, `${texts.map((row) => JSON.stringify(row)).join('\n')}\n`);

  writeFileSync(join(home, 'score.py'), snippet('Transformers', 'python'));
  for (const name of checkpoints) {
    const out = `transformers/${name}.jsonl`;
    const args = ['score.py', join(models, name), 'held-out.jsonl', out];
    const run = spawnSync(python, args, { cwd: home, env: quiet, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`The script for Transformers failed:\n${run.stderr}`);
    const { url } = await server(name);
    await score(input, { servers: [{ name, url }], out: join(home, 'served'), preflight: 0 });
    const served = linesOf(join(home, 'served', `${name}.jsonl`)).slice(1);
    const own = linesOf(join(home, out));
    const largest = Math.max(...own.map(({ logProb }, index) => Math.abs(logProb - served[index].logProb)));
    const alike = own.every(
      ({ id, tokenCount }, index) => id === served[index].id && tokenCount === served[index].tokenCount,
    );
    found.push(
      `${name}: the script for Transformers and vLLM, ${own.length} texts: ${largest.toExponential(1)} nats apart`,
    );
    if (!alike || !(largest <= ALIKE)) failures.push(`${name}: Transformers and vLLM differ`);
  }

  await stopServers();
  const busy = [];
  for (const port of [8000, 8001]) if (await taken(port)) busy.push(port);
  if (busy.length > 0) {
    found.push(`the section on vLLM was left out: port ${busy.join(' and ')} is taken`);
    return { found, failures };
  }
  const path = [join(home, 'bin'), dirname(python), process.env.PATH].join(delimiter);
  const own = group('bash', ['-e', '-c', snippet('vLLM', 'sh')], {
    ...{ cwd: home, env: { ...quiet, PATH: path } },
    log: join(folder, 'guide.log'),
  });
  // The servers outlive the shell, so that its streams stay open: what counts is its own end.
  const code = await own.exited;
  await end(own);
  if (code !== 0) failures.push(`the section on vLLM ended with ${code}; see ${own.log}`);
  else {
    const head = linesOf(join(home, 'scores', `${checkpoints[0]}.jsonl`))[0];
    found.push(
      `the section on vLLM, as written: ${head.server.software} serving ${checkpoints.join(' and ')}, scored and chosen from`,
    );
  }
  return { found, failures };
}
