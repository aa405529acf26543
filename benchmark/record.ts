import { readFileSync } from 'node:fs';
import type { BenchmarkResult, CaseResult, Timing } from './result.js';
import { median } from './statistics.js';

/**
 * What is kept of a run for a page and a comparison: no single rounds, four digits, a line a case, so that a change of
 * one is a change of a line.
 */
export function recordText(result: BenchmarkResult): string {
  const cases = result.cases.map((each) => ({ ...each, timings: each.timings.map(withoutRounds) }));
  const { cases: _, ...about } = result;
  const head = Object.entries(about).map(([key, value]) => `${JSON.stringify(key)}: ${brief(value)}`);
  return `{\n${head.join(',\n')},\n"cases": [\n${cases.map(brief).join(',\n')}\n]}\n`;
}

function withoutRounds(timing: Timing): Timing {
  if (!timing.seconds) return timing;
  const { min, median: middle } = timing.seconds;
  return { ...timing, seconds: { min, median: middle } };
}

function brief(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(4)) : each,
  );
}

/** Reads a record, or what `--json` wrote. */
export function readRecord(file: string): BenchmarkResult {
  const result = JSON.parse(readFileSync(file, 'utf8')) as BenchmarkResult;
  if (result.schema !== 1 || !Array.isArray(result.cases)) throw new Error(`${file} is no record of the benchmark.`);
  return result;
}

/** How one of our own times moved from one record to the next. */
export interface Move {
  readonly name: string;
  readonly participant: string;
  readonly before: number;
  readonly now: number;
  /** Time now over time before, over what the peers' times moved by in the same case: above 1 is slower. */
  readonly factor: number;
}

/** Moves by no more than this share are noise between two runs. */
const NOISE = 0.1;

/** Our own times that moved by more than noise, the slowest first. Peers, whose code did not change, tell how the machine moved. */
export function compareRecords(now: BenchmarkResult, before: BenchmarkResult): Move[] {
  const earlier = new Map(before.cases.map((each) => [each.name, each]));
  const moves = now.cases.flatMap((each) => {
    const old = earlier.get(each.name);
    return old ? movesOf(each, old) : [];
  });
  return moves.filter(({ factor }) => Math.abs(factor - 1) > NOISE).sort((a, b) => b.factor - a.factor);
}

function movesOf(now: CaseResult, before: CaseResult): Move[] {
  const all = now.timings.flatMap(({ id, host, seconds }) => {
    const old = before.timings.find((each) => each.id === id && each.host === host)?.seconds;
    return seconds && old ? [{ id, host, before: old.min, now: seconds.min, ratio: seconds.min / old.min }] : [];
  });
  const peers = all.filter(({ host }) => host === 'peers').map(({ ratio }) => ratio);
  const machine = peers.length > 0 ? median(peers) : 1;
  return all
    .filter(({ host }) => host !== 'peers')
    .map(({ id, before, now: seconds, ratio }) => ({
      name: now.name,
      participant: id,
      before,
      now: seconds,
      factor: ratio / machine,
    }));
}
