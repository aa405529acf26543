/** What the reports of coverage profiles derive from the result; nothing here is a new estimate. */
import type { CoverageAt, CoverageProfiles, ModelProfile } from '../../profile/coverage-profile.js';

/** Values of N in the result, rising. */
export function budgetsOf({ models }: CoverageProfiles): number[] {
  return (models[0]?.coverage ?? []).map(({ N }) => N).sort((a, b) => a - b);
}

/** Cov_N of a model at an N of the result. */
export function coverageAt(profile: ModelProfile, N: number): CoverageAt {
  return profile.coverage.find((each) => each.N === N)!;
}

/** Models by Cov_N at one N, least first; ties by KL divergence, then input order. */
export function rankingAt({ models }: CoverageProfiles, N: number): ModelProfile[] {
  const kl = ({ kl: { value } }: ModelProfile) => value ?? Number.MAX_VALUE;
  return models
    .map((profile, index) => ({ profile, index }))
    .sort(
      (a, b) =>
        coverageAt(a.profile, N).count - coverageAt(b.profile, N).count ||
        kl(a.profile) - kl(b.profile) ||
        a.index - b.index,
    )
    .map(({ profile }) => profile);
}

/** Other models whose interval of Cov_N at N meets that of `best`: they cannot be told from it by these responses. */
export function overlapping(result: CoverageProfiles, N: number, best: ModelProfile): ModelProfile[] {
  const [, high] = coverageAt(best, N).interval;
  return rankingAt(result, N).filter((each) => each !== best && coverageAt(each, N).interval[0] <= high);
}

/** The model of the least KL divergence; `null` if none is known. */
export function leastKl({ models }: CoverageProfiles): ModelProfile | null {
  return models.reduce<ModelProfile | null>((best, each) => {
    if (each.kl.value === null) return best;
    return best === null || each.kl.value < best.kl.value! ? each : best;
  }, null);
}

const HIGHLIGHTED = 7;

/** Names of the models that figures highlight: the best at each N, the pick by KL, then by mean rank. */
export function highlightedProfiles(result: CoverageProfiles): string[] {
  const budgets = budgetsOf(result);
  const rankings = budgets.map((N) => rankingAt(result, N));
  const kl = leastKl(result);
  return [
    ...new Set(
      [...rankings.map(([best]) => best), ...(kl ? [kl] : []), ...byMeanRank(result)].flatMap((each) =>
        each ? [each.model] : [],
      ),
    ),
  ].slice(0, HIGHLIGHTED);
}

/** Models by mean rank over all N, ties in input order. */
export function byMeanRank(result: CoverageProfiles): ModelProfile[] {
  const sums = new Map<ModelProfile, number>();
  for (const N of budgetsOf(result)) {
    for (const [rank, profile] of rankingAt(result, N).entries()) sums.set(profile, (sums.get(profile) ?? 0) + rank);
  }
  return [...result.models].sort((a, b) => (sums.get(a) ?? 0) - (sums.get(b) ?? 0));
}
