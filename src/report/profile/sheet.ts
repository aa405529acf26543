import type { CoverageProfiles } from '../../profile/coverage-profile.js';
import type { Sheet } from '../report.js';
import { answerColumns, answerValues } from './answers.js';
import { budgetsOf, coverageAt } from './facts.js';

const COLUMNS = [
  'N',
  'model',
  'reference',
  'coverage',
  'count',
  'responses',
  'low',
  'high',
  'bandLow',
  'bandHigh',
  'klBound',
  'kl',
  'klLow',
  'klHigh',
  'crossEntropy',
  'crossEntropyLow',
  'crossEntropyHigh',
  'hellinger',
  'infinite',
];

/** One row for each N and model, models in input order. */
export function profileSheet(result: CoverageProfiles): Sheet {
  const none = [null, null] as const;
  const rows = budgetsOf(result).flatMap((N) =>
    result.models.map((profile) => {
      const at = coverageAt(profile, N);
      return [
        N,
        profile.model,
        result.reference,
        at.value,
        at.count,
        result.responses,
        ...at.interval,
        ...at.band,
        at.klBound,
        profile.kl.value,
        ...(profile.kl.interval ?? none),
        profile.crossEntropy.value,
        ...(profile.crossEntropy.interval ?? none),
        profile.hellinger.value,
        profile.infinite,
        ...answerValues(result, profile.model, N),
      ];
    }),
  );
  return { columns: [...COLUMNS, ...answerColumns(result)], rows };
}
