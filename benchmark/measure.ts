import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Participant, Task } from './case.js';
import { type Host, type Prepared, Skipped } from './hosts/host.js';
import { fromBytes, type Values } from './npy.js';
import type { Timing } from './result.js';
import { median } from './statistics.js';

/** How much time a case may take. */
export interface Effort {
  /** Seconds of timed rounds that a case aims at. */
  readonly caseSeconds: number;
  /** Seconds that a round of one participant lasts at least; shorter runs are repeated within it. */
  readonly roundSeconds: number;
  readonly minRounds: number;
  readonly maxRounds: number;
}

/** Finds the host of a participant; throws Skipped where there is none. */
export type FindHost = (participant: Participant) => Promise<Host>;

interface Entrant {
  readonly participant: Participant;
  readonly host: Host;
  readonly slot: string;
  readonly prepared: Prepared;
  equal: boolean | null;
  difference: number;
  iterations: number;
  checksum: string;
  readonly rounds: number[];
}

/**
 * Runs a case: everyone once, results held against each other, then rounds in which everyone runs in turn, each round
 * beginning with the next participant, so that nobody always follows the slowest.
 *
 * @throws Error if results differ: a wrong result has no speed
 */
export async function measureCase(
  aCase: Case,
  files: Readonly<Record<string, string>>,
  folder: string,
  findHost: FindHost,
  effort: Effort,
): Promise<Timing[]> {
  const entrants: Entrant[] = [];
  const skipped = new Map<string, string>();
  try {
    for (const [index, participant] of aCase.participants.entries()) {
      const slot = `${aCase.name} ${participant.id}`;
      const resultFile = join(folder, `result-${index}.bin`);
      try {
        const host = await findHost(participant);
        const prepared = await host.prepare(slot, withPaths(participant.task, files), resultFile);
        entrants.push({
          participant,
          host,
          slot,
          prepared,
          equal: null,
          difference: 0,
          iterations: 1,
          checksum: '',
          rounds: [],
        });
      } catch (error) {
        if (!(error instanceof Skipped)) throw new Error(`${participant.id}: ${message(error)}`);
        skipped.set(participant.id, error.message);
        continue;
      }
      compareWithGroup(aCase, entrants, (at) => join(folder, `result-${at}.bin`));
    }
    if (aCase.once) for (const { rounds, prepared } of entrants) rounds.push(prepared.seconds);
    else {
      for (const entrant of entrants) await calibrate(entrant, effort);
      await playRounds(entrants, effort);
    }
  } finally {
    for (const { host, slot } of entrants) await host.release(slot).catch(() => {});
  }
  return aCase.participants.map((participant) => {
    const reason = skipped.get(participant.id);
    const { id, host, task } = participant;
    const who = { id, host, method: task.method, threads: task.threads };
    return reason === undefined
      ? { ...who, ...timing(entrants.find((entrant) => entrant.participant === participant)!) }
      : { ...who, skipped: reason };
  });
}

/** A case whose inputs cannot be made: nobody takes part, for that reason. */
export function skippedCase(aCase: Case, reason: string): Timing[] {
  return aCase.participants.map(({ id, host, task }) => ({
    id,
    host,
    method: task.method,
    threads: task.threads,
    skipped: reason,
  }));
}

function timing(entrant: Entrant): Omit<Timing, 'id' | 'host' | 'method' | 'threads'> {
  const { equal, difference, rounds, iterations, prepared, participant } = entrant;
  // Only a process of its own has memory that can be put down to the participant.
  const { ownMemoryBytes, ...others } = prepared.facts;
  const facts = participant.alone ? prepared.facts : others;
  return {
    equal,
    difference,
    iterations,
    seconds: { min: Math.min(...rounds), median: median(rounds), rounds },
    ...(Object.keys(facts).length > 0 && { facts }),
  };
}

function withPaths(task: Task, files: Readonly<Record<string, string>>): Task {
  const entries = Object.entries(task).map(([key, value]) => {
    if (typeof value !== 'string' || !value.startsWith('$')) return [key, value];
    const file = files[value.slice(1)];
    if (file === undefined) throw new Error(`the case has no input ${value}`);
    return [key, file];
  });
  return Object.fromEntries(entries) as Task;
}

/** Kinds of tasks whose results are whole numbers. */
const WHOLE = new Set(['tournament', 'winner', 'bootstrap']);

function compareWithGroup(aCase: Case, entrants: readonly Entrant[], resultFile: (index: number) => string): void {
  const newest = entrants.at(-1)!;
  const groupOf = ({ group = 'all' }: Participant) => group;
  const first = entrants.find(({ participant }) => groupOf(participant) === groupOf(newest.participant))!;
  if (first === newest) return;
  const read = ({ participant }: Entrant): Values =>
    fromBytes(
      readFileSync(resultFile(aCase.participants.indexOf(participant))),
      WHOLE.has(participant.task.kind) ? '<u4' : '<f8',
    );
  const difference = greatestDifference(read(first), read(newest));
  newest.difference = difference;
  newest.equal = difference <= aCase.tolerance;
  if (!newest.equal) {
    throw new Error(
      `the result of ${newest.participant.id} differs from that of ${first.participant.id} by ${difference.toExponential(2)}, ` +
        `more than ${aCase.tolerance}: nothing was timed`,
    );
  }
}

/** max |a − b| / max |a|: relative to the size of the result as a whole. */
export function greatestDifference(a: Values, b: Values): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let index = 0; index < a.length; index++) {
    const gap = Math.abs(a[index]! - b[index]!);
    if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    scale = Math.max(scale, Math.abs(a[index]!));
  }
  return difference === 0 ? 0 : difference / scale;
}

/** Chooses how often to run in a round; what this runs warms everyone up. */
async function calibrate(entrant: Entrant, { roundSeconds }: Effort): Promise<void> {
  let seconds = entrant.prepared.seconds;
  // The first run may have compiled or faulted in its memory: look again unless a run is long anyway.
  while (seconds < roundSeconds) {
    const round = await entrant.host.round(entrant.slot, entrant.iterations);
    entrant.checksum = round.checksum;
    seconds = round.seconds;
    if (seconds >= roundSeconds / 2) break;
    entrant.iterations = Math.ceil(Math.min(entrant.iterations * 100, (entrant.iterations * roundSeconds) / seconds));
  }
}

async function playRounds(entrants: readonly Entrant[], effort: Effort): Promise<void> {
  const { caseSeconds, minRounds, maxRounds } = effort;
  const start = performance.now();
  for (let round = 0; round < maxRounds; round++) {
    if (round >= minRounds && performance.now() - start > caseSeconds * 1000) break;
    for (let turn = 0; turn < entrants.length; turn++) {
      const entrant = entrants[(round + turn) % entrants.length]!;
      const { seconds, checksum } = await entrant.host.round(entrant.slot, entrant.iterations);
      if (entrant.checksum !== '' && entrant.checksum !== checksum) {
        throw new Error(`${entrant.participant.id} gave another result in round ${round + 1} than before`);
      }
      entrant.checksum = checksum;
      entrant.rounds.push(seconds / entrant.iterations);
    }
  }
}

/** The text of whatever was thrown. */
export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
