import type { CoverageProfiles, ModelProfile } from '../../profile/coverage-profile.js';
import { listedModels, type Part, type Phrase } from '../../results/phrase.js';
import { compact, confidencePercent, listed, percent, percentInterval, plural } from '../../text/format.js';
import { budgetsOf, coverageAt, leastKl, overlapping, rankingAt } from './facts.js';

const MOST_NAMED = 3;

/** Coverage profiles in plain words. */
export function coverageProfileSummary(result: CoverageProfiles): { best: Phrase[]; notes: Phrase[] } {
  return {
    best: [...(result.models.length === 1 ? [only(result)] : leaders(result)), ...klPick(result)],
    notes: notes(result),
  };
}

/** Cov_N with its interval, N by N: `12% (10–14%) at N = 2`. */
function figures(result: CoverageProfiles, profile: ModelProfile, budgets: readonly number[]): string {
  const n = result.responses;
  return listed(
    budgets.map((N) => {
      const { value, interval } = coverageAt(profile, N);
      return `${percent(value, n)} (${percentInterval(interval, n)}) at N\u00a0=\u00a0${compact(N)}`;
    }),
  );
}

function only(result: CoverageProfiles): Phrase {
  const profile = result.models[0]!;
  return [
    'To this share of the responses ',
    { model: profile.model },
    ' gives at most 1/N of the probability they have under ',
    { model: result.reference },
    `: ${figures(result, profile, budgetsOf(result))}.`,
  ];
}

/** One phrase for each model that is best at some N and the rivals it cannot be told from there. */
function leaders(result: CoverageProfiles): Phrase[] {
  const groups = new Map<string, { best: ModelProfile; near: ModelProfile[]; budgets: number[] }>();
  for (const N of budgetsOf(result)) {
    const best = rankingAt(result, N)[0]!;
    const near = overlapping(result, N, best);
    const key = JSON.stringify([best.model, near.map(({ model }) => model).sort()]);
    const group = groups.get(key) ?? { best, near, budgets: [] };
    group.budgets.push(N);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ best, near, budgets }): Phrase => {
    const head: Part[] = [{ model: best.model }, ` has the least Cov_N: ${figures(result, best, budgets)}. `];
    if (near.length === 0) return [...head, { stress: 'Clear' }, ': no other interval reaches so low.'];
    const others = near.length > MOST_NAMED ? ` (and ${near.length - MOST_NAMED} others)` : '';
    return [
      ...head,
      { stress: 'Within noise' },
      near.length === 1 ? ': the interval of ' : ': the intervals of ',
      ...listedModels(near.slice(0, MOST_NAMED).map(({ model }) => model)),
      near.length === 1 ? ' overlaps its own.' : `${others} overlap its own.`,
    ];
  });
}

function klPick(result: CoverageProfiles): Phrase[] {
  const kl = leastKl(result);
  if (!kl || result.models.length === 1) return [];
  const other = budgetsOf(result).filter((N) => rankingAt(result, N)[0] !== kl);
  return [
    [
      'KL divergence is least for ',
      { model: kl.model },
      other.length === 0
        ? ', which has the least Cov_N at every N, too.'
        : `; it does not have the least Cov_N at N\u00a0=\u00a0${other.map((N) => compact(N)).join(', ')}.`,
    ],
  ];
}

function notes(result: CoverageProfiles): Phrase[] {
  const impossible = result.models[0]?.impossible ?? 0;
  const infinite = result.models.filter((each) => each.infinite > 0);
  // A bound below 0 is of an impossible KL, which has a warning of its own.
  const broken = result.models.filter(({ coverage }) =>
    coverage.some(({ value, klBound }) => klBound !== null && klBound >= 0 && value > klBound),
  );
  const warned = result.models.flatMap(({ model, kl, crossEntropy }) => [
    ...(kl.warning ? [{ model, what: 'KL divergence', warning: kl.warning }] : []),
    ...(crossEntropy.warning ? [{ model, what: 'Cross-entropy', warning: crossEntropy.warning }] : []),
  ]);
  return [
    [
      `Intervals and band are at ${confidencePercent(result.confidence)} confidence and take the ${
        result.prompts === null ? 'responses' : `${result.prompts} prompts`
      } as independent draws from `,
      { model: result.reference },
      '. If they come from elsewhere, the figures are averages over these responses.',
    ],
    ...warned
      .slice(0, MOST_NAMED)
      .map(({ model, what, warning }): Phrase => [`${what} of `, { model }, `: ${warning}`]),
    ...(warned.length > MOST_NAMED
      ? [[`${plural(warned.length - MOST_NAMED, 'more warning')} of this kind in --json.`]]
      : []),
    ...(impossible > 0
      ? [[{ model: result.reference }, ` rules out ${plural(impossible, 'response')}: they cannot be draws from it.`]]
      : []),
    ...(infinite.length > 0
      ? [
          [
            `${plural(infinite.length, 'model')} ${infinite.length === 1 ? 'rules' : 'rule'} out responses, which count at every N: `,
            ...listedModels(infinite.slice(0, 5).map(({ model }) => model)),
            infinite.length > 5 ? ', ….' : '.',
          ],
        ]
      : []),
    ...(broken.length > 0
      ? [
          [
            `The KL bound, which holds of the distributions, is broken by the estimates of ${plural(broken.length, 'model')}: a sign of too few responses.`,
          ],
        ]
      : []),
  ];
}
