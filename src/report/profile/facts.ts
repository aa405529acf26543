/** What the reports of coverage profiles derive from the result; nothing here is a new estimate. */
import type { CoverageAt, CoverageProfiles, ModelProfile } from '../../profile/coverage-profile.js';
import { byMeanRank, coloured } from '../ranking.js';

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

/** Names of the models that figures colour: the best at each N, the pick by KL, then by mean rank. */
export function highlightedProfiles(result: CoverageProfiles): string[] {
  return coloured(
    [...budgetsOf(result).map((N) => rankingAt(result, N)[0]), leastKl(result), ...meanRanking(result)].map(
      (each) => each?.model,
    ),
  );
}

/** Models by mean rank over all N, ties in input order. */
export function meanRanking(result: CoverageProfiles): ModelProfile[] {
  const { models } = result;
  const position = new Map(models.map((profile, index) => [profile, index]));
  const orders = budgetsOf(result).map((N) => rankingAt(result, N).map((profile) => position.get(profile)!));
  return byMeanRank(models.length, orders).map((index) => models[index]!);
}
