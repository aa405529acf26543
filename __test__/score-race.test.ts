import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LogProbs, Race, type ResponseRow, readLogProbs, type ScoreOptions, score, tournament } from '../src/index.js';
import { type FakeOptions, type FakeServer, rightLogProb, scoringTests } from './score-server.js';
import { runCli } from './shared.js';

const { folder, newFolder, serve } = scoringTests('score-race');

const COUNT = 900;
const N = 4;

/** Rows of token ids, so that nothing is asked but scores. */
const INPUT: readonly ResponseRow[] = Array.from({ length: COUNT }, (_, index) => ({
  id: index,
  promptTokens: [1, 2, 100 + index],
  responseTokens: [1000 + (index % 11)],
}));

/** The share of prompts that each checkpoint is bad at: `step-2` is best, `step-30` worst. */
const WEAK: Readonly<Record<string, number>> = { 'step-1': 0.3, 'step-2': 0.02, 'step-10': 0.25, 'step-30': 0.8 };
const NAMES = Object.keys(WEAK);

const right = (model: string, { promptTokens, responseTokens }: ResponseRow) =>
  rightLogProb(model, promptTokens!, responseTokens!, WEAK[model]);

/** The winner over the whole list, from all values. */
async function winnerOf(models: readonly string[]): Promise<string> {
  const whole = models.map((model) => INPUT.map((row) => right(model, row)));
  return (await tournament(LogProbs.fromArrays(whole, { models: [...models] }), { N: [N] })).tournaments[0]!.winner;
}

const start = (name: string, more: Partial<FakeOptions> = {}) =>
  serve({ model: name, weak: WEAK[name]!, latency: 1, ...more });

const startAll = (names: readonly string[] = NAMES) => Promise.all(names.map((name) => start(name)));

const options = (servers: readonly FakeServer[], out: string): ScoreOptions => ({
  servers: servers.map(({ url, options: { model } }) => ({ name: model, url })),
  out,
  preflight: 0,
  timeout: 20,
  retries: 3,
  N: [N],
  untilDecided: 0.05,
});

/** What lies in the file of a checkpoint. */
function read(out: string, model: string): { id: number; logProb: number }[] {
  const lines = readFileSync(join(out, `${model}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1);
  return lines.map((line) => JSON.parse(line));
}

function expectRight(out: string, names: readonly string[]): void {
  for (const name of names) {
    const lines = read(out, name);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
    for (const { id, logProb } of lines) expect(logProb).toBe(right(name, INPUT[id]!));
  }
}

const asked = (servers: readonly FakeServer[]) => servers.reduce((sum, { requests }) => sum + requests, 0);

describe('a race between served checkpoints', () => {
  test('all at once: the winner of the whole list from part of it, for select as well', async () => {
    const servers = await startAll();
    const out = newFolder();
    const notes = new Set<string>();
    const result = await score(INPUT, {
      ...options(servers, out),
      batch: 2,
      onProgress: ({ stage, note }) => stage === 'racing' && note !== undefined && notes.add(note),
    });
    expect(result).toMatchObject({
      complete: true,
      race: { verdict: 'winner', winner: await winnerOf(NAMES), delta: 0.05, N, settle: false, models: { length: 4 } },
    });
    expect(result.race!.share).toBeLessThan(0.7);
    expect(result.race!.scored).toBe(result.checkpoints.reduce((sum, { scored }) => sum + scored, 0));
    expect([...notes].at(-1)).toMatch(/^\d+ of 3600 scored, 1 of 4 may be best$/);
    expectRight(out, NAMES);
    // The rows are those that the race draws, not the first of the input.
    const ids = read(out, 'step-30').map(({ id }) => id);
    expect(Math.max(...ids)).toBeGreaterThan(COUNT * 0.8);
    expect(ids.length).toBeLessThan(COUNT * 0.7);
    // Its file, by itself.
    const race = await Race.read(join(out, 'decision.race'));
    const { file: _, N: __, delta, tolerance, settle, seed, ...state } = result.race!;
    expect(race.state()).toEqual(state);
    expect(race.options).toMatchObject({ delta, tolerance, settle, seed, responses: COUNT });
    // As the files of the folder are ordered, numbers by value.
    expect(race.models).toEqual(NAMES);
    // Nothing is left to do: no server is asked again, not even whether it is there.
    const before = asked(servers);
    for (const server of servers) await server.stop();
    expect((await score(INPUT, options(servers, out))).race).toEqual(result.race);
    expect(asked(servers)).toBe(before);
  });

  test('without --until-decided everything is scored, and the race is over', async () => {
    const servers = await startAll();
    const out = newFolder();
    await score(INPUT, options(servers, out));
    const { untilDecided: _, ...plain } = options(servers, out);
    const whole = await score(INPUT, plain);
    expect(whole).toMatchObject({ complete: true, race: null, warnings: [{ code: 'WARN_RACE_ENDED' }] });
    expect(existsSync(join(out, 'decision.race'))).toBe(false);
    expectRight(out, NAMES);
    expect((await readLogProbs(out)).responses).toBe(COUNT);
    // All is known: the race is decided without a request.
    const before = asked(servers);
    const { race } = await score(INPUT, options(servers, out));
    expect(race).toMatchObject({ verdict: 'winner', exact: true, winner: await winnerOf(NAMES), share: 1 });
    expect(race!.explanation).toContain(
      'over all 900 responses at N = 4, which is exact: what is scored leaves no doubt. ',
    );
    expect(asked(servers)).toBe(before);
  });

  test('within a tolerance it ends earlier, and the model taken is as good as that', async () => {
    const servers = await startAll();
    const exact = await score(INPUT, options(servers, newFolder()));
    // It takes 180 pairs instead of 300, one by one: more of a difference than what may be under way when it is over.
    const { race, complete } = await score(INPUT, { ...options(servers, newFolder()), within: 0.2 });
    expect(complete).toBe(true);
    expect(race).toMatchObject({ tolerance: 0.2, winner: 'step-2' });
    expect(race!.scored).toBeLessThan(exact.race!.scored);
  });

  test('one after the other, each served alone: the same winner, and losers are not scored in full', async () => {
    const out = newFolder();
    const results = [];
    for (const name of ['step-1', 'step-10', 'step-30', 'step-2']) {
      const server = await start(name);
      results.push(await score(INPUT, options([server], out)));
      await server.stop();
    }
    const [first, second, third, last] = results as [(typeof results)[0], ...typeof results];
    expect(first).toMatchObject({ complete: true, race: null, warnings: [{ code: 'WARN_NO_RIVAL' }] });
    expect(first!.checkpoints[0]!.scored).toBe(COUNT);
    expect(second!.race).toMatchObject({ settle: true, winner: await winnerOf(['step-1', 'step-10']) });
    // Out both as candidate and as rival long before the end.
    expect(third!.checkpoints[0]!.scored).toBeLessThan(COUNT * 0.5);
    expect(third!.race!.models.find(({ model }) => model === 'step-30')).toMatchObject({
      candidate: false,
      rival: false,
      retired: false,
    });
    expect(last).toMatchObject({ complete: true, race: { verdict: 'winner', winner: await winnerOf(NAMES) } });
    expectRight(out, NAMES);
  });

  test('those that are gone are asked for nothing, whether they had settled or not', async () => {
    for (const settle of [false, true]) {
      const out = newFolder();
      const early = await startAll(['step-1', 'step-2']);
      // Surer than what is asked for then, when three share what may go wrong and the two can score no more.
      const surely = { ...options(early, out), settle, untilDecided: 0.01 };
      expect(await score(INPUT, surely)).toMatchObject({ complete: true });
      for (const server of early) await server.stop();
      const { race, complete } = await score(INPUT, options([await start('step-30')], out));
      expect(race!.models.map(({ model, retired }) => [model, retired])).toEqual([
        ['step-1', true],
        ['step-2', true],
        ['step-30', false],
      ]);
      expect({ complete, winner: race!.winner }).toEqual({ complete: true, winner: 'step-2' });
    }
  });

  test('a checkpoint whose servers are given up is retired; the decision holds, or names what is missing', async () => {
    const dying = (name: string, after: number) =>
      start(name, { fault: (number) => (number >= after ? 'unauthorised' : null) });
    const others = await startAll(['step-1', 'step-2', 'step-10']);
    const out = newFolder();
    const decided = await score(INPUT, { ...options([...others, await dying('step-30', 72)], out), batch: 1 });
    expect(decided).toMatchObject({ complete: true, race: { verdict: 'winner', winner: 'step-2' } });
    expect(decided.checkpoints[3]).toMatchObject({ model: 'step-30', stopped: expect.stringContaining('401') });
    expect(decided.race!.models[3]).toMatchObject({ retired: true, candidate: false });

    const open = newFolder();
    const best = await dying('step-2', 30);
    const servers = await startAll(['step-1', 'step-10', 'step-30']);
    const unknown = await score(INPUT, { ...options([best, ...servers], open), batch: 1 });
    expect(unknown).toMatchObject({ complete: false, race: { verdict: 'unknown', winner: null } });
    expect(unknown.race!.explanation).toMatch(/what is missing of step-2/);
    // Served again, the race goes on, and nothing is scored twice.
    const before = asked(servers);
    const well = await start('step-2');
    const again = await score(INPUT, options([well, ...servers], open));
    expect(again).toMatchObject({ complete: true, race: { verdict: 'winner', winner: 'step-2' } });
    expect(again.race!.models.some(({ retired }) => retired)).toBe(false);
    expect(asked(servers)).toBe(before);
    expectRight(open, NAMES);
  });

  test('responses that cannot be scored are taken at their worst, faults are met with patience', async () => {
    let number = 0;
    const isBad = (id: number) => id % 40 === 7;
    const fault = (_: number, ids: readonly number[]) => {
      number += 1;
      return isBad(ids[2]! - 100) ? 'nan' : number % 7 === 0 ? 'error' : null;
    };
    const servers = await Promise.all(NAMES.map((name) => start(name, { fault })));
    const out = newFolder();
    const result = await score(INPUT, { ...options(servers, out), retries: 6, batch: 1 });
    expect(result).toMatchObject({ complete: true, race: { winner: 'step-2' } });
    const unscored = result.checkpoints.flatMap((each) => each.unscored);
    expect(unscored.length).toBeGreaterThan(3);
    expect(unscored.every(({ id }) => isBad(Number(id)))).toBe(true);
    expectRight(out, NAMES);
  });

  test('a slow server does not hold the decision up once its checkpoint is out, an abort ends it at once', async () => {
    const servers = await startAll(['step-2', 'step-10']);
    const slow = await start('step-30', { latency: 150 });
    const out = newFolder();
    const abort = new AbortController();
    const all = [...servers, slow];
    const run = score(INPUT, { ...options(all, out), signal: abort.signal });
    const watch = setInterval(() => {
      if (slow.requests > 8) abort.abort(new Error('enough'));
    }, 5);
    await expect(run).rejects.toThrow('enough');
    clearInterval(watch);
    // What was scored until then is in the race, for select to say that nothing is decided yet.
    const scored = ['step-2', 'step-10', 'step-30'].reduce((sum, name) => sum + read(out, name).length, 0);
    expect(scored).toBeGreaterThan(0);
    const race = await Race.read(join(out, 'decision.race'));
    expect(race.state()).toMatchObject({ verdict: 'open', scored });
    const result = await score(INPUT, options(all, out));
    expect(result).toMatchObject({ complete: true, race: { winner: 'step-2' } });
    expect(result.checkpoints[2]!.scored).toBeLessThan(COUNT / 2);
  });

  test('what cannot be meant is refused, with the reason', async () => {
    const servers = await startAll(['step-1', 'step-2']);
    const out = newFolder();
    const base = options(servers, out);
    const refused = (more: Partial<ScoreOptions>, source?: Parameters<typeof score>[2]) =>
      expect(score(INPUT, { ...base, ...more }, source)).rejects;
    await refused({ shard: [1, 2] }).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(/over the whole list/),
    });
    await refused({ N: [2, 4] }).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(/--best-of 16/),
    });
    await refused({ N: [1] }).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(/above 1/) });
    await refused({ N: undefined }).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(/say which/),
    });
    for (const more of [{ within: 0.1 }, { settle: true }, { seed: 3 }]) {
      await refused({ untilDecided: undefined, ...more }).toThrow(/goes with --until-decided/);
    }
    await refused({}, { next: () => null, add: () => undefined, drop: () => undefined }).toThrow(/not by both/);
    // A budget is a ratio.
    const { race } = await score(INPUT, { ...base, N: undefined, bestOf: [16] });
    expect(race).toMatchObject({ N: 4, seed: 0 });
    await refused({ seed: 1 }).toMatchObject({ code: 'ERR_OTHER_RUN', message: expect.stringMatching(/--seed 0/) });
    // What is scored already may be asked about at another N or level.
    expect((await score(INPUT, { ...base, N: [2], untilDecided: 0.01 })).race).toMatchObject({ N: 2, delta: 0.01 });
    writeFileSync(join(out, 'more.jsonl'), '{"id":0,"logProb":-1}\n');
    await refused({}).toMatchObject({ code: 'ERR_OTHER_RUN', message: expect.stringMatching(/a folder of its own/) });
    rmSync(join(out, 'more.jsonl'));
    await expect(score(INPUT.slice(1), { ...base, servers: [base.servers[0]!] })).rejects.toMatchObject({
      code: 'ERR_OTHER_RUN',
    });
    const slow = await start('step-2', { latency: 40 });
    const fresh = newFolder();
    const first = score(INPUT, options([servers[0]!, slow], fresh));
    while (slow.requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // Another process with another checkpoint of the same race.
    await expect(score(INPUT, options([await start('step-10')], fresh))).rejects.toMatchObject({
      code: 'ERR_OUTPUT_IN_USE',
    });
    await first;
  });
});

describe('at the command line', () => {
  test('killed by −9 again and again it comes to the same decision, and select tells it', async () => {
    const servers = await Promise.all(NAMES.map((name) => start(name, { latency: 3 })));
    const file = join(folder, 'held-out.jsonl');
    writeFileSync(file, INPUT.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const out = newFolder();
    const words = (to: string) => [
      ...['score', file, '--out', to, '--preflight', '0', '--batch', '1', '--quiet'],
      ...servers.flatMap(({ url, options: { model } }) => ['--server', `${model}=${url}`]),
      ...['--until-decided', '5%', '--within', '1%', '--best-of', '16'],
    ];
    let status: number | null = null;
    let kills = 0;
    for (; status === null && kills < 50; kills += 1) {
      const [before, most] = [asked(servers), kills < 3 ? 60 + 30 * kills : Number.POSITIVE_INFINITY];
      let watch: NodeJS.Timeout | undefined;
      const ended = await runCli(words(out), (kill) => {
        watch = setInterval(() => asked(servers) - before >= most && kill(), 1);
      });
      clearInterval(watch);
      status = ended.status;
    }
    expect({ status, kills }).toEqual({ status: 0, kills: 4 });
    expectRight(out, NAMES);
    const json = JSON.parse((await runCli([...words(out), '--json'])).stdout);
    expect(json).toMatchObject({ schemaVersion: 1, complete: true, race: { N: 4, delta: 0.05, tolerance: 0.01 } });
    const alone = JSON.parse((await runCli([...words(newFolder()), '--json'])).stdout);
    const { verdict, winner } = alone.race;
    expect(json.race).toMatchObject({ verdict, winner });
    for (const input of [out, join(out, 'decision.race')]) {
      const chosen = JSON.parse((await runCli(['select', input, '--json', '--require-significant'])).stdout);
      expect(chosen.recommendation.model).toBe(winner);
      const unscored: number[] = chosen.tournaments[0].unscored;
      expect(unscored.reduce((a, b) => a + b)).toBe(4 * COUNT - json.race.scored);
    }
    expect((await runCli(words(out))).stdout).toContain(json.race.explanation.slice(0, 40));
    // Scores that the race does not know are not passed over.
    writeFileSync(join(out, 'other.jsonl'), readFileSync(join(out, 'step-1.jsonl'), 'utf8').replaceAll('step-1', 'x'));
    const blind = await runCli(['select', out]);
    expect(blind).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/does not know these scores.*other\.jsonl/s),
    });
  }, 300_000);

  test('a share that is none, and a decision that is not reached', async () => {
    const file = join(folder, 'short.jsonl');
    writeFileSync(
      file,
      INPUT.slice(0, 40)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    );
    const server = await start('step-1', { fault: (number) => (number > 2 ? 'unauthorised' : null) });
    const other = await start('step-2');
    const words = [
      ...['score', file, '--out', newFolder(), '--preflight', '0', '-N', '4', '--batch', '1', '--quiet'],
      ...[server, other].flatMap(({ url, options: { model } }) => ['--server', `${model}=${url}`]),
    ];
    expect(await runCli([...words, '--until-decided', '105%'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('as 1% or 0.01'),
    });
    const { status, stdout } = await runCli([...words, '--until-decided', '0.05']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/taken at\s+its\s+worst/);
  });
});
