// Racing between served checkpoints, as a user runs it, held to the scores of everything.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { numbers } from '../stress/shared.mjs';
import { command, json, linesIn } from './command.mjs';

/** What is decided: the exact winner, wrong with probability at most 0.05, of 16 samples a prompt. */
const BUDGET = ['--best-of', '16'];
const DECIDE = ['--until-decided', '0.05', ...BUDGET];

/** What a race is held to: the tournament of the same checkpoints over everything. */
async function everything(folder, names) {
  const { tournaments } = await json(['select', ...names.map((name) => join(folder, `${name}.jsonl`)), ...BUDGET]);
  const [{ N, winner, scores }] = tournaments;
  return { names, N, winner, scores: new Map(names.map((name, index) => [name, scores[index]])) };
}

/** The log-probabilities in a folder, by id; each is there once. */
function scoresIn(out, name) {
  const lines = linesIn(join(out, `${name}.jsonl`)).map((line) => JSON.parse(line));
  const scores = new Map(lines.map(({ id, logProb }) => [id, logProb]));
  if (scores.size !== lines.length) throw new Error(`${name} has ${lines.length - scores.size} responses twice.`);
  return scores;
}

/**
 * All at once, within a tolerance, between checkpoints that are alike, killed −9 again and again, and one after the other: the
 * model taken is that of the whole list, values are those of the whole list, and `select` says the same.
 */
export async function race({ folder, names, server, mixed, rows }) {
  const found = [];
  const failures = [];
  const at = (what) => join(folder, `race-${what}`);
  const running = [];
  for (const [index, name] of names.entries()) running.push(await server(name, { beside: index > 0 }));
  const args = (what, more = DECIDE, servers = running) => [
    ...['score', mixed, '--out', at(what), '--preflight', '4', '--quiet', ...more],
    ...servers.flatMap(({ name, url }) => ['--server', `${name}=${url}`]),
  ];

  await json(args('all', []));
  const whole = new Map(names.map((name) => [name, scoresIn(at('all'), name)]));
  const told = ({ N, names, scores, winner }) =>
    `everything scored: at N = ${N} ${names.map((name) => `${name} has ${scores.get(name)}`).join(', ')}; ${winner} is best`;
  const of3 = await everything(at('all'), names);
  found.push(told(of3));

  /** Holds what a race has come to to the scores of everything. */
  const hold = async (what, { race: decided, complete }, of = of3, tolerance = 0) => {
    const wrong = (message) => failures.push(`${what}: ${message}`);
    if (!complete || decided === null) return wrong('no decision');
    const raced = new Map(of.names.map((name) => [name, scoresIn(at(what), name)]));
    const all = [...raced.values()].reduce((sum, each) => sum + each.size, 0);
    const excess = of.scores.get(decided.winner) - of.scores.get(of.winner);
    // The scores that select tells are shares of the responses.
    if (excess > tolerance) wrong(`${decided.winner} is taken, and ${of.winner} is best, by ${excess}`);
    if (decided.scored !== all) wrong(`${decided.scored} scores are told of, and ${all} are there`);
    for (const [name, scores] of raced) {
      const other = [...scores].filter(([id, value]) => whole.get(name).get(id) !== value).length;
      if (other > 0) wrong(`${other} values of ${name} are not those of the whole list`);
    }
    const { recommendation, tournaments } = await json(['select', at(what)]);
    const unscored = tournaments[0].unscored.reduce((sum, each) => sum + each, 0);
    if (recommendation.model !== decided.winner) wrong(`select takes ${recommendation.model}`);
    if (unscored !== of.names.length * rows.length - all) wrong(`select tells of ${unscored} that are left`);
    const shares = of.names.map((name) => `${name} ${raced.get(name).size}`);
    found.push(
      `${what}: ${decided.verdict} ${decided.winner}, ${all} of ${of.names.length * rows.length} scored ` +
        `(${shares.join(', ')}); select says the same`,
    );
  };

  const once = await json(args('at-once'));
  await hold('at-once', once);
  await hold('within-2%', await json(args('within-2%', [...DECIDE, '--within', '2%'])), of3, 0.02);
  const rest = running.filter(({ name }) => name !== of3.winner);
  const of2 = await everything(
    at('all'),
    rest.map(({ name }) => name),
  );
  found.push(told(of2));
  await hold('alike', await json(args('alike', DECIDE, rest)), of2);

  // Few requests at a time, so that there is time for kills.
  const slowly = [...DECIDE, '--concurrency', '1', '--batch', '1'];
  const linesOf = () => rest.flatMap(({ name }) => linesIn(join(at('killed'), `${name}.jsonl`)));
  const next = numbers(5);
  let [kept, kills, code] = [new Set(), 0, null];
  while (code === null) {
    const goal = kept.size + 60 + Math.floor(120 * next());
    const killWhen = kills < 4 ? () => linesOf().length >= goal : undefined;
    ({ code } = await command(args('killed', slowly, rest), { killWhen }));
    if (code === null) kills += 1;
    const now = new Set(linesOf());
    const lost = [...kept].filter((line) => !now.has(line)).length;
    if (lost > 0) failures.push(`killed: ${lost} lines that were there after kill ${kills} are gone or others`);
    kept = now;
  }
  if (code !== 0) failures.push(`killed: the last run ended with ${code}`);
  const after = await json(args('killed', slowly, rest));
  await hold('killed', after, of2);
  found.push(`killed: −9 ${kills} times, and called again: nothing lost, nothing twice`);
  if (after.checkpoints.some(({ added }) => added > 0)) failures.push('killed: what was decided is scored further');

  // Those that come later are held to those that are served no more; the best comes in between.
  const order = [rest[0], running.find(({ name }) => name === of3.winner), rest[1]].map(({ name }) => name);
  let last;
  for (const name of order) last = await json(args('in-turn', DECIDE, [await server(name)]));
  await hold('in-turn', last);
  if (readdirSync(at('in-turn')).some((name) => name.endsWith('.lock'))) failures.push('in-turn: a lock is left');
  await json(args('in-turn', [], [await server(order[2])]));
  if (existsSync(join(at('in-turn'), 'decision.race'))) failures.push('in-turn: the race outlives --until-decided');
  return { found, failures };
}
