import PQueue from 'p-queue';
import { CoverageError } from '../error.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { type Preflight, parseManifest } from '../log-probs/manifest.js';
import { tournament } from '../tournament/tournament.js';
import { Fault } from './client.js';
import { firstLine } from './first-line.js';
import { type Patience, patiently } from './patience.js';
import { scoreFilesIn } from './score-file.js';
import type { Item, Scorer } from './servers/scorer.js';

/** Requests at a time, the second time, however many a run has. */
export const BESIDE = 8;

/** The log-probabilities of some rows, scored twice; null for what has none. */
export interface Twice {
  readonly name: string;
  readonly rows: readonly number[];
  readonly first: readonly (number | null)[];
  readonly second: readonly (number | null)[];
}

/**
 * Scores rows twice: one by one at the first server, then from the last to the first, several at a time, at all servers of
 * the checkpoint.
 */
export async function scoreTwice(
  name: string,
  scorers: readonly Scorer[],
  rows: readonly number[],
  item: (row: number) => Item,
  patience: Patience,
): Promise<Twice> {
  const value = async (scorer: Scorer, row: number) => {
    try {
      const [scored] = await patiently(() => scorer.score([item(row)], patience.signal), patience);
      return Number.isFinite(scored!.logProb) ? scored!.logProb : null;
    } catch (error) {
      // A row that cannot be scored is named when its turn comes.
      if (error instanceof Fault && (error.kind === 'refused' || error.kind === 'broken')) return null;
      throw error;
    }
  };
  const first: (number | null)[] = [];
  for (const row of rows) first.push(await value(scorers[0]!, row));
  const queue = new PQueue({ concurrency: BESIDE });
  const second = new Array<number | null>(rows.length);
  const reversed = [...rows.keys()].reverse();
  await queue.addAll(
    reversed.map((place) => async () => {
      second[place] = await value(scorers[place % scorers.length]!, rows[place]!);
    }),
  );
  return { name, rows, first, second };
}

/** How much more than the largest difference of a server from itself one from another may be, and what is always allowed, in nats. */
const APART = { factor: 4, least: 0.05 };
/** Responses from which a server is judged: of fewer, one that varies by itself would decide. */
const JUDGED_BY = 3;

/**
 * The servers of one checkpoint must give the same values: they share its rows.
 *
 * @throws CoverageError `ERR_OTHER_WEIGHTS`
 */
export function checkServers({ name, first, second }: Twice, urls: readonly string[]): void {
  const differences = urls.map((_, server) =>
    second.flatMap((value, place) => {
      const before = first[place]!;
      return place % urls.length !== server || value === null || before === null ? [] : [Math.abs(value - before)];
    }),
  );
  const allowed = Math.max(APART.least, APART.factor * Math.max(0, ...differences[0]!));
  for (const [server, own] of differences.entries()) {
    const median = own.sort((a, b) => a - b)[own.length >> 1] ?? 0;
    if (server === 0 || own.length < JUDGED_BY || median <= allowed) continue;
    throw new CoverageError(
      'ERR_OTHER_WEIGHTS',
      `The servers of ${name} give other values for the same responses: ${urls[server]} and ${urls[0]} are ${median.toPrecision(2)} nats apart on half of them. Serve the same weights in the same way at both, or name them as two checkpoints.`,
      { place: { model: name, field: 'servers' } },
    );
  }
}

/** What the preflights of some checkpoints say of each, beside others that were scored before. */
export async function findings(
  own: readonly Twice[],
  before: readonly Twice[],
  N: readonly number[],
): Promise<Preflight[]> {
  const all = [...own, ...before.filter(({ name }) => own.every((each) => each.name !== name))];
  const flips = await flipsOf(all, N);
  return own.map((twice, index) => {
    const { rows, first, second } = twice;
    const differences = rows.flatMap((_, place) => {
      const [a, b] = [first[place]!, second[place]!];
      return a === null || b === null ? [] : [Math.abs(a - b)];
    });
    const identical = all.filter((other) => other !== twice && isSame(first, other.first));
    return {
      rows: [...rows],
      first: [...first],
      second: [...second],
      compared: differences.length,
      largestDifference: Math.max(0, ...differences),
      differing: differences.filter((difference) => difference > 0).length,
      flips: N.map((each, at) => ({ N: each, ...flips[index]![at]! })),
      identicalTo: identical.map(({ name }) => name),
    };
  });
}

function isSame(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  return a.some((value) => value !== null) && a.length === b.length && a.every((value, index) => value === b[index]);
}

/**
 * For each checkpoint and N, the comparisons it takes part in and how many come out otherwise the second time. The core
 * compares, response by response, as in a tournament.
 */
async function flipsOf(
  all: readonly Twice[],
  N: readonly number[],
): Promise<{ comparisons: number; flipped: number }[][]> {
  const sums = all.map(() => N.map(() => ({ comparisons: 0, flipped: 0 })));
  if (all.length < 2) return sums;
  for (const place of all[0]!.rows.keys()) {
    const values = [...all.map(({ first }) => first[place]), ...all.map(({ second }) => second[place])];
    if (!values.every((value): value is number => typeof value === 'number')) continue;
    const { tournaments } = await tournament(LogProbs.fromArrays(values.map((value) => [value])), { N, counts: true });
    for (const [at, { counts }] of tournaments.entries()) {
      for (const a of all.keys()) {
        for (const b of all.keys()) {
          if (a === b) continue;
          const differs = counts![a]![b] !== counts![all.length + a]![all.length + b];
          for (const each of [a, b]) {
            sums[each]![at]!.comparisons += 1;
            sums[each]![at]!.flipped += Number(differs);
          }
        }
      }
    }
  }
  return sums;
}

/** The preflights of files that lie in a folder, of the same rows of the same input. */
export async function preflightsIn(folder: string, sha256: string, rows: readonly number[]): Promise<Twice[]> {
  const paths = await scoreFilesIn(folder);
  const found = await Promise.all(paths.map(async (path) => parseManifest(await firstLine(path))));
  return found.flatMap((manifest) => {
    if (!manifest?.preflight || manifest.input.sha256 !== sha256) return [];
    const { preflight, model } = manifest;
    const same = preflight.rows.length === rows.length && preflight.rows.every((row, index) => row === rows[index]);
    return same ? [{ name: model, ...preflight }] : [];
  });
}
