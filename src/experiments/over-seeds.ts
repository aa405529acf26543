import { type Cell, numberCell, type Table } from '../results/table.js';
import type { ExperimentResult } from './experiment.js';

/** In how many of the seeds a claim held, failed and was left undecided. */
export interface ClaimOverSeeds {
  readonly experiment: string;
  readonly claim: string;
  readonly source: string;
  /** A check of the construction, no claim of the paper's. */
  readonly construction: boolean;
  readonly held: number;
  readonly failed: number;
  readonly undecided: number;
  /** Of each seed, in order: whether it held; `null` where that was left undecided. */
  readonly holds: readonly (boolean | null)[];
  /** Whether it counts: it held at every seed. */
  readonly counts: boolean;
}

/** The claims of experiments that were run at several seeds: a claim counts only if it held at all of them. */
export function claimsOverSeeds(runs: readonly (readonly ExperimentResult[])[]): ClaimOverSeeds[] {
  return runs[0]!.flatMap(({ name, verdicts }, experiment) =>
    verdicts.map(({ claim, source, construction = false }, at): ClaimOverSeeds => {
      const holds = runs.map((results) => results[experiment]!.verdicts[at]!.holds);
      const count = (value: boolean | null) => holds.filter((each) => each === value).length;
      const [held, failed, undecided] = [count(true), count(false), count(null)];
      const counts = held === runs.length;
      return { experiment: name, claim, source, construction, held, failed, undecided, holds, counts };
    }),
  );
}

/** One row a claim: at how many seeds it held, failed and was left undecided. */
export function claimsTable(claims: readonly ClaimOverSeeds[], seeds: number): Table {
  const counting = claims.filter(({ construction }) => !construction);
  const right = (label: string) => ({ label, align: 'right' as const });
  return {
    caption: `${counting.filter(({ counts }) => counts).length} of ${counting.length} claims held at all of ${seeds} seeds`,
    columns: [
      { label: 'experiment', name: true },
      { label: 'claim' },
      { label: 'source' },
      right('held'),
      right('failed'),
      right('undecided'),
    ],
    rows: claims.map(({ experiment, claim, source, held, failed, undecided }): Cell[] => [
      { text: experiment },
      { text: claim },
      { text: source },
      { ...numberCell(held, String), ...(held === seeds && { tone: 'good' }) },
      { ...numberCell(failed, String), ...(failed > 0 && { tone: 'caution' }) },
      numberCell(undecided, String),
    ]),
  };
}
