import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createRace,
  LogProbs,
  Race,
  type RaceOptions,
  type RacePair,
  raceReport,
  raceResult,
  reportCsv,
  reportText,
  tournament,
} from '../src/index.js';
import { RaceSource } from '../src/race/race-source.js';

const MODELS = ['a', 'b', 'c', 'd'];
const RESPONSES = 1500;
const N = 2;

/** Numbers in [0, 1), the same on every machine. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `b` is best, `d` worst. */
const ROWS = [0.15, 0.04, 0.12, 0.4].map((weak, model) => {
  const common = uniform(1);
  const own = uniform(model + 7);
  return Array.from({ length: RESPONSES }, () => -3 * common() - (own() < weak ? 2 : 0.3 * own()));
});

const scored = (pair: RacePair) => ({ ...pair, logProb: ROWS[MODELS.indexOf(pair.model)]![pair.response]! });

async function run(race: Race, atOnce = 32): Promise<Race> {
  for (let pairs = race.next(atOnce); pairs.length > 0; pairs = race.next(atOnce)) await race.add(pairs.map(scored));
  return race;
}

const options: RaceOptions = { responses: RESPONSES, N };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coverage-race-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a race', () => {
  test('finds the winner of the whole list from part of it, and says what was left', async () => {
    const state = (await run(createRace(MODELS, options))).state();
    const whole = await tournament(LogProbs.fromArrays(ROWS, { models: MODELS }), { N: [N] });
    expect(state).toMatchObject({
      verdict: 'winner',
      exact: false,
      winner: whole.tournaments[0]!.winner,
      possibleWinners: ['b'],
    });
    expect(state.pairs).toBe(4 * RESPONSES);
    expect(state.share).toBe(state.scored / state.pairs);
    expect(state.share).toBeLessThanOrEqual(0.32);
    expect(state.models.map(({ scored }) => scored).reduce((a, b) => a + b)).toBe(state.scored);
    for (const { model, exit } of state.models) expect(exit === null).toBe(model === 'b');
    expect(state.explanation).toMatch(
      /^b has the least score over all 1,500 responses at N = 2, wrong with probability/,
    );
  });

  test('says that it is exact where what is scored leaves no doubt, and else how often it is wrong', async () => {
    const few = (logProbs: readonly number[], given: Partial<RaceOptions> = {}) => {
      const models = logProbs.map((_, index) => `m${index}`);
      const race = createRace(models, { responses: 5, N, ...given });
      const scores = models.flatMap((model, index) =>
        [0, 1, 2, 3, 4].map((response) => ({ model, response, logProb: logProbs[index]! })),
      );
      return race.add(scores);
    };
    const [won, tied, open] = await Promise.all([few([-1, -3]), few([-1, -1]), createRace(MODELS, options).state()]);
    expect(won).toMatchObject({ verdict: 'winner', winner: 'm0', exact: true, share: 1 });
    expect(won.explanation).toMatch(/^m0 has the least .* at N = 2, which is exact: what is scored leaves no doubt\. /);
    expect(tied).toMatchObject({ verdict: 'tied', exact: true });
    expect(tied.explanation).toMatch(
      /^m0 and m1 share .* at N = 2, which is exact: what is scored leaves no doubt; m0 has /,
    );
    expect(open).toMatchObject({ verdict: 'open', exact: false });
    const early = await run(createRace(MODELS, { ...options, tolerance: 0.05 }));
    expect(early.state().explanation).toMatch(/of the least, wrong with probability at most 5\.0%\. /);
    // Scored to the end after the decision, it is wrong no more.
    const whole = MODELS.flatMap((model) => ROWS[0]!.map((_, response) => scored({ model, response })));
    const after = await early.add(whole);
    expect(after).toMatchObject({ verdict: early.state().verdict, exact: true, share: 1 });
    const summary = JSON.stringify(raceReport(raceResult(early)).sections[0]);
    expect(summary).toContain('which is exact: what is scored leaves no doubt. 6,000 of 6,000 pairs');
  });

  test('all at once or one by one, on any number of threads, it decides the same', async () => {
    const one = await run(createRace(MODELS, options), 1);
    for (const threads of [1, 3]) {
      const race = createRace(MODELS, options);
      expect(await race.add(one.scores().reverse(), { threads })).toEqual(one.state());
    }
    expect((await run(createRace(MODELS, { ...options, seed: 1 }))).scores()).not.toEqual(one.scores());
  });

  test('goes on from its file as if nothing had happened', async () => {
    const whole = await run(createRace(MODELS, options), 16);
    const race = createRace(MODELS, options);
    for (let round = 0; round < 5; round++) await race.add(race.next(16).slice(3).map(scored));
    const file = join(folder, 'half.race');
    await race.write(file);
    const read = await Race.read(file);
    expect(read.options).toEqual(race.options);
    expect(read.state()).toEqual(race.state());
    // What was asked for and not answered is asked for again, so that a pair more or less may be scored.
    const { verdict, winner, possibleWinners } = whole.state();
    expect((await run(read, 16)).state()).toMatchObject({ verdict, winner, possibleWinners });
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 1));
    await expect(Race.read(file)).rejects.toMatchObject({ code: 'ERR_MALFORMED_FILE', place: { file } });
    await expect(Race.read(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_IO' });
  });

  test('a checkpoint that joins is scored until it is out, those before are not scored again', async () => {
    const before = await run(createRace(['a', 'b'], { ...options, settle: true }));
    const joined = await before.join(['d']);
    await joined.retire(['a', 'b']);
    const asked: string[] = [];
    for (let pairs = joined.next(8); pairs.length > 0; pairs = joined.next(8)) {
      asked.push(...pairs.map(({ model }) => model));
      const { models } = await joined.add(pairs.map(scored));
      if (!models[2]!.candidate && !models[2]!.rival) break;
    }
    expect(new Set(asked)).toEqual(new Set(['d']));
    expect(asked.length).toBeLessThanOrEqual(1_192);
    expect(joined.state().models[2]).toMatchObject({ candidate: false, rival: false, retired: false });
    await expect(before.join(['a'])).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  test('refuses what is not in it and what cannot be, by name', async () => {
    const race = createRace(MODELS, options);
    const wrong = (model: string, response: number, logProb: number) => race.add([{ model, response, logProb }]);
    await expect(wrong('e', 0, -1)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION', place: { model: 'e' } });
    await expect(wrong('a', RESPONSES, -1)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    await expect(wrong('a', 0.5, -1)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    await expect(wrong('b', 3, Number.NaN)).rejects.toMatchObject({ code: 'ERR_NAN_LOG_PROB', place: { model: 'b' } });
    await expect(wrong('b', 3, 1)).rejects.toMatchObject({ code: 'ERR_POSITIVE_LOG_PROB', place: { model: 'b' } });
    await wrong('b', 3, -1);
    await expect(wrong('b', 3, -2)).rejects.toMatchObject({ code: 'ERR_DUPLICATE_RESPONSE' });
    expect(race.state().scored).toBe(1);
    for (const bad of [{ N: 1 }, { delta: 0 }, { tolerance: 1 }, { responses: 0 }, { colour: 'red' }]) {
      expect(() => createRace(MODELS, { ...options, ...bad })).toThrow(/Invalid options of createRace/);
    }
    expect(() => createRace(['a', 'a'], options)).toThrow(/given twice/);
    expect(() => createRace(['a'], options)).toThrow(/two models/);
    expect(() => race.next(0)).toThrow(/Race.next/);
  });

  test('an abort rejects, and what was handed over is not lost', async () => {
    const race = createRace(MODELS, options);
    const controller = new AbortController();
    controller.abort();
    await expect(race.add(race.next(10).map(scored), { signal: controller.signal })).rejects.toBe(
      controller.signal.reason,
    );
    expect((await run(createRace(MODELS, options))).state().winner).toBe('b');
  });

  test('a report says who left when, and what is unscored', async () => {
    const result = raceResult(await run(createRace(MODELS, options)));
    const report = raceReport(result);
    const text = reportText(report, { columns: 120 });
    expect(text).toContain(result.tournaments[0].explanation.slice(0, 40));
    expect(text).toMatch(/after \d+ responses: \S+ is better/);
    const [head, ...rows] = reportCsv(report).trim().split('\n');
    expect(head).toContain('unscored');
    expect(rows).toHaveLength(4);
    expect(result.tournaments[0].unscored.every((unscored) => unscored > 0)).toBe(true);
  });
});

describe('a source of work for scorers', () => {
  test('hands out model by model what the race asks for, and ends with it', async () => {
    const race = createRace(MODELS, options);
    const source = new RaceSource(race);
    const ended = new Set<number>();
    let waited = 0;
    for (let rounds = 0; ended.size < 4 && rounds < 1e6; rounds++) {
      const model = rounds % 4;
      const response = source.next(model);
      if (response === null) ended.add(model);
      else if (response === 'wait') waited += 1;
      else if (model === 3 && rounds < 40) source.drop(model, response);
      else source.add(model, response, ROWS[model]![response]!);
    }
    expect(race.state()).toMatchObject({ verdict: 'winner', winner: 'b', done: true });
    expect(waited).toBeGreaterThan(0);
    const ahead = 16 * 4;
    const alone = (await run(createRace(MODELS, options), 1)).state().scored;
    expect(race.state().scored).toBeLessThan(alone + ahead + 200);
  });
});

describe('select on what a race has scored', () => {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const cli = (...args: string[]) => spawnSync(process.execPath, [main, 'select', ...args], { encoding: 'utf8' });

  test('takes the same model, and says what was left unscored', async () => {
    const race = await run(createRace(MODELS, options));
    const scores = join(folder, 'scores');
    mkdirSync(scores);
    const file = join(scores, 'decision.race');
    await race.write(file);
    for (const input of [scores, file]) {
      const { status, stdout, stderr } = cli(input, '--json', '--require-significant');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({
        models: MODELS,
        responses: RESPONSES,
        recommendation: { model: 'b', verdict: 'clear' },
        tournaments: [{ N, winner: 'b', possibleWinners: ['b'] }],
        race: { verdict: 'winner', delta: 0.05 },
      });
      const { scored } = race.state();
      const unscored: number[] = result.tournaments[0].unscored;
      expect(unscored.reduce((a, b) => a + b)).toBe(4 * RESPONSES - scored);
    }
    expect(cli(scores).stdout).toContain('b has the least score over all 1,500 responses');
    const other = cli(scores, '-N', '4');
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/race at N = 2, which left unscored what N = 4 would need/);
  });

  test('a race that is not decided exits as not clear', async () => {
    const race = createRace(MODELS, options);
    await race.add(race.next(20).map(scored));
    const file = join(folder, 'open.race');
    await race.write(file);
    expect(cli(file, '--require-significant').status).toBe(3);
    expect(cli(file).stdout).toMatch(/may be best/);
    expect(cli(file, '--require-significant', '--accept-ties', MODELS.join(',')).status).toBe(3);
  });

  test('equals that the user accepts are a decision', async () => {
    const race = createRace(['one', 'other'], { responses: 40, N });
    const tied = race.next(80).map((pair) => ({ ...pair, logProb: -1 }));
    await race.add(tied);
    expect(race.state().verdict).toBe('tied');
    const file = join(folder, 'tied.race');
    await race.write(file);
    expect(cli(file, '--require-significant').status).toBe(3);
    expect(cli(file, '--require-significant', '--accept-ties', 'one').status).toBe(3);
    expect(cli(file, '--require-significant', '--accept-ties', 'one,other').status).toBe(0);
    const unknown = cli(file, '--require-significant', '--accept-ties', 'one,another');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/no model called another in the race: the models are one, other/);
  });

  test.each([
    [['--reference', 'a'], '--reference'],
    [['--models', 'a,b'], '--models'],
    [['--samples', 'samples.jsonl', '--confidence', '0.9'], '--samples, --confidence'],
    [['--seed', '3'], '--seed'],
    [['--baseline', 'a', '--fail-if-worse'], '--baseline, --fail-if-worse'],
    [['--winner-only'], '--winner-only'],
    [['--negate', '--column', 'id=key'], '--negate, --column'],
    [['--shard', '1/2', '--out', 'part'], '--shard, --out'],
  ])('%j is refused: a race has left out what it would need, or was held with another', async (words, named) => {
    const file = join(folder, 'refusing.race');
    await createRace(MODELS, options).write(file);
    const { status, stdout, stderr } = cli(file, ...words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`Leave out ${named}, or score all responses.`);
  });
});
