import type { Verdict } from '../results/verdict.js';
import { compact, plural } from '../text/format.js';
import type { Relation } from './experiment-options.js';
import type { Finding, ValueFinding } from './measure.js';

/** What is claimed: a value or a bound, and how far from it the whole interval may lie. */
export function predictedText(relation: Relation, value: number, tolerance: number): string {
  const sign = { equal: '', atMost: '≤ ', atLeast: '≥ ' }[relation];
  return `${sign}${compact(value)}${tolerance > 0 ? ` (± ${compact(tolerance)})` : ''}`;
}

/** The verdict on a claim of which this was found. */
export function verdictOf(
  { claim, source, construction = false }: Pick<Verdict, 'claim' | 'source'> & { readonly construction?: boolean },
  predicted: string,
  { measured, interval, holds, reason }: Finding,
): Verdict {
  return {
    claim,
    source,
    predicted,
    measured,
    interval,
    holds,
    ...(construction && { construction }),
    ...(reason !== null && { reason }),
  };
}

/** The verdict on a value that a problem claims of itself. */
export function valueVerdict({ claim, estimator, points, trials, of, tolerance, finding }: ValueFinding): Verdict {
  const relation = claim.relation === 'scales' ? 'equal' : claim.relation;
  const at = `at the least favourable of ${plural(points, 'point')}`;
  const unit = claim.value === 0 ? 0 : 1;
  const [what, predicted] = {
    extreme: [
      `measured over predicted in the least favourable of ${plural(trials, 'trial')}`,
      predictedText(relation, unit, 0),
    ],
    share: [`share of data sets ${at}`, `≥ ${compact(claim.probability ?? 1)}`],
    mean: [`measured over predicted ${at}`, predictedText(relation, unit, tolerance)],
  }[of] as [string, string];
  return verdictOf(
    { claim: `${claim.text} (${estimator}; ${what})`, source: claim.source, construction: claim.construction },
    predicted,
    finding,
  );
}
