// What must hold of scores from a real server.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLogProbs, score } from '../../dist/index.js';
import { numbers } from '../stress/shared.mjs';
import { command, linesIn } from './command.mjs';
import { quiet } from './servers.mjs';

/** Largest difference from the server's own sums, in nats. */
const SAME = 1e-6;

function read(path) {
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return { manifest: JSON.parse(head), lines: lines.map((line) => JSON.parse(line)) };
}

const largest = (a, b) => a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), 0);

/** Asks a script in Python for JSON. */
export function byPython(python, script, args) {
  const path = join(import.meta.dirname, script);
  const run = spawnSync(python, [path, ...args], { env: quiet, encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (run.status !== 0) throw new Error(`${script} failed:\n${run.stderr}`);
  return JSON.parse(run.stdout);
}

/** Sums by the OpenAI client, one row a request and sixteen; the ids that Transformers makes. Asked once a checkpoint. */
const references = new Map();
export async function reference({ python, models, server, mixed }, name) {
  const { url } = await server(name);
  if (!references.has(name)) {
    references.set(name, byPython(python, 'openai_client.py', ['sums', url, name, join(models, name), mixed]));
  }
  return references.get(name);
}

/** What preflight finds, on prompts that share a beginning and on prompts of all kinds. */
async function preflight({ folder, mixed, shared, sharedRows }, { name, url }, cache, found, failures) {
  for (const [what, input] of [
    ['prompts of one beginning', shared],
    ['prompts of all kinds', mixed],
  ]) {
    // One folder for all checkpoints: comparisons are with those that were scored before.
    const out = join(folder, `preflight-${cache}-${what.replaceAll(' ', '-')}`);
    const count = sharedRows.length;
    const { checkpoints } = await score(input, { servers: [{ name, url }], out, preflight: count, N: [1.01, 2, 16] });
    const [{ preflight: finding, scored, total }] = checkpoints;
    const { differing, largestDifference, flips, identicalTo } = finding;
    const flipped = flips.map(({ N, flipped, comparisons }) => `${flipped}/${comparisons} at N = ${N}`).join(', ');
    found.push(
      `prefix cache ${cache ? 'on' : 'off'}, ${what}, ${name}: ${differing} of ${count} differ, ` +
        `by up to ${largestDifference.toExponential(1)} nats; flipped ${flipped}`,
    );
    if (scored !== total) failures.push(`${name}: not all rows are scored`);
    if (identicalTo.length > 0) failures.push(`${name} is taken for ${identicalTo}`);
  }
}

/** Servers with a prefix cache. */
export async function cached(context) {
  const found = [];
  const failures = [];
  for (const name of context.names.slice(0, 2)) {
    await preflight(context, await context.server(name, { cache: true }), true, found, failures);
  }
  return { found, failures };
}

/**
 * Texts, ids and messages under three checkpoints, a row a request and several: the server's own sums. One server at a time:
 * what is in the folder stays. The second comes last, for the parts that follow; the third has the routes of scale-out on.
 */
export async function sums(context) {
  const { folder, names, server, mixed, rows } = context;
  const found = [];
  const failures = [];
  for (const name of [names[0], names[2], names[1]]) {
    const more = name === names[2] ? ['--enable-scale-out'] : [];
    const running = await server(name, { more });
    const servers = [{ name, url: running.url }];
    const { ids, one, many } = await reference(context, name);
    for (const batch of [1, 16]) {
      const out = join(folder, `batch-${batch}`);
      const result = await score(mixed, { servers, out, batch, tokenLogProbs: true, dtype: 'float32' });
      if (!result.complete) failures.push(`not all rows are scored with ${batch} a request`);
      const { manifest, lines } = read(join(out, `${name}.jsonl`));
      const ours = lines.map(({ logProb }) => logProb);
      const [single, batched] = [largest(ours, one), largest(ours, many)];
      found.push(
        `${name}, ${batch} a request (${manifest.server.software}): ${lines.length} sums within ${single.toExponential(1)} of ` +
          `the server's one by one, ${batched.toExponential(1)} of sixteen a request (these differ by ` +
          `${largest(one, many).toExponential(1)})`,
      );
      if (lines.length !== rows.length || !(Math.max(single, batched) <= SAME)) failures.push(`${name}: other sums`);
      const tokens = lines.filter(({ tokenCount }, index) => tokenCount !== ids[index][1].length).length;
      if (tokens > 0) failures.push(`${name}: ${tokens} rows have other tokens than Transformers makes`);
    }
    if (name === names[0]) await refusals(context, running, found, failures);
    if (name !== names[2]) await preflight(context, running, false, found, failures);
  }
  const kept = readFileSync(join(folder, 'batch-1', 'tokens.ids'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1);
  const { ids } = await reference(context, names[1]);
  const differing = kept.filter((line, at) => JSON.stringify(JSON.parse(line).slice(1)) !== JSON.stringify(ids[at]));
  if (differing.length > 0) failures.push(`${differing.length} rows have other token ids than Transformers makes`);
  else found.push(`token ids of all ${rows.length} rows (texts, ids, messages) are those that Transformers makes`);
  const logProbs = await readLogProbs(join(folder, 'batch-1'));
  if (logProbs.responses !== rows.length || String([...logProbs.models].sort()) !== String([...names].sort()))
    failures.push(`select would read ${logProbs.models} on ${logProbs.responses} responses`);
  return { found, failures };
}

/** What cannot be scored is said before anything is spent. */
async function refusals({ folder }, { name, url }, found, failures) {
  const servers = [{ name, url }];
  const long = Array.from({ length: 520 }, () => 5);
  const cases = [
    ['ERR_TOKEN_BOUNDARY', [{ id: 'a', prompt: 'see ', response: 'the' }], servers],
    ['ERR_TOO_LONG', [{ id: 'a', promptTokens: [5], responseTokens: long }], servers],
    ['ERR_EMPTY_PROMPT', [{ id: 'a', prompt: '', response: 'quick' }], servers],
    ['ERR_WRONG_MODEL', [{ id: 'a', prompt: 'the', response: ' quick' }], [{ name: 'step-9', url }]],
  ];
  for (const [index, [code, rows, at]] of cases.entries()) {
    const said = await score(rows, { servers: at, out: join(folder, `refused-${index}`), preflight: 0 }).then(
      () => 'nothing',
      (error) => error.code,
    );
    if (said !== code) failures.push(`${code} was to be said, and ${said} was`);
  }
  found.push(`refused as they should be: ${cases.map(([code]) => code).join(', ')}`);
}

/** Runs `score`, killed after as many lines as `killAt` says. Resolves with whether it ended by itself. */
async function run(args, file, killAt) {
  const killWhen = killAt === null ? undefined : () => linesIn(file).length >= killAt;
  const { code, stderr } = await command(['score', ...args, '--quiet'], { killWhen });
  if (code !== 0 && code !== null) throw new Error(`score exited with ${code}: ${stderr}`);
  return code === 0;
}

/** Killed −9 again and again: what was on the disk stays, and the end is that of a run that was left alone. */
export async function kills({ folder, names, server, mixed, rows }) {
  const found = [];
  const failures = [];
  const { name, url } = await server(names[1]);
  const next = numbers(3);
  const settings = [
    ['one at a time', ['--preflight', '4', '--batch', '1', '--concurrency', '1']],
    ['by the defaults', ['--preflight', '4']],
  ];
  for (const [how, more] of settings) {
    const at = (what) => join(folder, `${what}-${more.length}`);
    const args = (what) => [mixed, '--server', `${name}=${url}`, '--out', at(what), ...more];
    const [killed, through] = ['killed', 'through'].map((what) => join(at(what), `${name}.jsonl`));
    await run(args('through'), through, null);
    let kills = 0;
    for (let lines = 0; ; ) {
      lines += 40 + Math.floor(160 * next());
      if (await run(args('killed'), killed, lines < rows.length - 40 ? lines : null)) break;
      kills += 1;
      const partial = readFileSync(killed, 'utf8').split('\n').slice(0, -1);
      lines = partial.length - 1;
      writeFileSync(join(at('killed'), `${kills}.kept`), partial.join('\n'));
    }
    const whole = new Set(readFileSync(killed, 'utf8').split('\n'));
    for (let kill = 1; kill <= kills; kill += 1) {
      const lost = readFileSync(join(at('killed'), `${kill}.kept`), 'utf8')
        .split('\n')
        .filter((line) => !whole.has(line)).length;
      if (lost > 0) failures.push(`${how}: ${lost} lines that were there after kill ${kill} are gone or others`);
    }
    const [a, b] = [killed, through].map((path) => readFileSync(path));
    const [left, right] = [read(killed), read(through)];
    const values = [left, right].map(({ lines }) => lines.map(({ logProb }) => logProb));
    const same = values[0].filter((value, index) => value === values[1][index]).length;
    found.push(
      `${how}: killed −9 ${kills} times; ${a.equals(b) ? 'the same bytes as' : 'other bytes than'} a run left alone ` +
        `(${same} of ${rows.length} sums the same number, largest difference ${largest(...values).toExponential(1)})`,
    );
    if (String(left.lines.map(({ id }) => id)) !== String(rows.map(({ id }) => id)))
      failures.push(`${how}: other rows`);
    if (!a.equals(b)) failures.push(`${how}: other bytes`);
  }
  return { found, failures };
}

/** Tokens that a server has taken in, by its own count. */
async function promptTokens({ url }) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('vllm:prompt_tokens_total'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Two servers of one checkpoint share its work. */
export async function two(context) {
  const { folder, names, server, mixed, rows } = context;
  const found = [];
  const failures = [];
  const both = [await server(names[1]), await server(names[1], { beside: true })];
  // The first rows of a server that has just come up take seconds, in which the other would do all.
  for (const [index, { name, url }] of both.entries())
    await score(rows.slice(0, 64), { servers: [{ name, url }], out: join(folder, `warm-${index}`), preflight: 0 });
  const before = await Promise.all(both.map(promptTokens));
  const servers = both.map(({ name, url }) => ({ name, url }));
  const out = join(folder, 'two');
  const result = await score(mixed, { servers, out, preflight: 0 });
  const took = (await Promise.all(both.map(promptTokens))).map((tokens, index) => tokens - before[index]);
  const { lines } = read(join(out, `${names[1]}.jsonl`));
  const { one, ids } = await reference(context, names[1]);
  const difference = largest(
    lines.map(({ logProb }) => logProb),
    one,
  );
  const wanted = ids.flat(2).length;
  found.push(
    `${lines.length} rows; the servers took in ${took.join(' and ')} tokens, ${wanted} in all; ` +
      `sums within ${difference.toExponential(1)} of one server's`,
  );
  if (!result.complete || lines.length !== rows.length) failures.push('not all rows are scored');
  if (!(difference <= SAME)) failures.push('other sums');
  if (Math.min(...took) < 0.1 * wanted) failures.push('one of the servers hardly worked');
  // The trial of the discovery and the one token after each row come on top.
  if (took[0] + took[1] > wanted + 100) failures.push('rows were scored twice');
  return { found, failures };
}
