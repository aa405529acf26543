import type { CoverageProfiles, ModelProfile } from '../../profile/coverage-profile.js';
import { compact, confidencePercent, decimal, percent, percentInterval, plural } from '../../text/format.js';
import { linearAxis, shareAxis } from '../charts/axis.js';
import { colourNote, curveChart } from '../charts/curve-chart.js';
import { type Figure, figureId } from '../charts/figure.js';
import { type Point, scatterChart } from '../charts/scatter-chart.js';
import { figureSection, figures, type Section } from '../report.js';
import { budgetsOf, coverageAt, highlightedProfiles, leastKl, meanRanking, rankingAt } from './facts.js';

/** The figures of coverage profiles in sections. */
export function figureSections(result: CoverageProfiles): Section[] {
  const scatters = klFigures(result);
  return [
    ...figureSection('profiles', profileCurves(result)),
    ...(scatters.length > 0
      ? [{ id: 'kl', heading: 'KL divergence against coverage', blocks: [figures(scatters)] }]
      : []),
  ];
}

const CURVES = { width: 900, height: 480 };

function profileCurves(result: CoverageProfiles): Figure {
  const featured = highlightedProfiles(result);
  const budgets = budgetsOf(result);
  const n = result.responses;
  const last = Math.max(4, ...budgets) * 2;
  const curves = meanRanking(result).map((profile) => ({ profile, points: steps(profile, n, last) }));
  const shares = curves.flatMap(({ points }) => points.map(([, share]) => share));
  return {
    id: 'coverage-profiles',
    title: 'Coverage profiles: Cov_N as a function of N',
    caption:
      `Share of the responses to which ${result.reference} gives at least N times the model’s probability; lower is better. ` +
      `The scale is logarithmic. Shaded: the band that holds for all N at once, at ${confidencePercent(result.confidence)} confidence, ` +
      `of ${featured[0]}${result.models.length > 1 ? '; those of the others are as wide' : ''} (±${percent(result.bandHalfWidth)}).` +
      colourNote(result.models.length, featured.length),
    description: `Falling step curves of ${plural(result.models.length, 'model')}.`,
    ...curveChart({
      ...CURVES,
      x: { label: 'N (ratio)', scale: 'log2', min: 1, max: last },
      y: shareAxis('Cov_N (share of responses)', shares, n),
      curves: curves.map(({ profile, points }) => ({
        name: profile.model,
        points,
        steps: true,
        marks: profile.coverage.map(({ N, value, count, interval }) => ({
          x: N,
          y: value,
          tip: `${profile.model}, N = ${compact(N)}: Cov_N ${percent(value, n)} (${count} of ${n}), interval ${percentInterval(interval, n)}`,
        })),
        ...(profile.model === featured[0] && { band: band(points, result.bandHalfWidth) }),
      })),
      highlighted: featured,
    }),
  };
}

/**
 * The profile from N = 1 to `last`, each share holding from just after the place before it; beyond the greatest ratio
 * seen only responses that the model rules out count.
 */
function steps(
  { curve, infinite }: ModelProfile,
  responses: number,
  last: number,
): (readonly [N: number, share: number])[] {
  const end = Math.log(last);
  const points: (readonly [number, number])[] = [];
  for (const [index, logN] of curve.logN.entries()) {
    if (logN > end) return [...points, [last, curve.share[index]!]];
    points.push([Math.exp(logN), curve.share[index]!]);
  }
  return [...points, [last, infinite / responses]];
}

/** The band around steps, drawn at both sides of each step. */
function band(points: readonly (readonly [number, number])[], half: number): [number, number, number][] {
  return points.flatMap(([N, share], index): [number, number, number][] => {
    const ends = [Math.max(0, share - half), Math.min(1, share + half)] as const;
    const before = points[index - 1];
    return before
      ? [
          [before[0], ...ends],
          [N, ...ends],
        ]
      : [[N, ...ends]];
  });
}

const SCATTER = { width: 520, height: 400 };

/** KL divergence against Cov_N, one point a model, one figure for each N. */
function klFigures(result: CoverageProfiles): Figure[] {
  const known = result.models.filter(({ kl }) => kl.value !== null);
  const least = leastKl(result);
  if (known.length < 2 || !least) return [];
  return budgetsOf(result).map((N) => {
    const best = rankingAt(result, N).find((profile) => known.includes(profile))!;
    const points = known.map((profile): Point => {
      const { value } = coverageAt(profile, N);
      const tip = `${profile.model}: KL ${decimal(profile.kl.value!)} nats, Cov_N ${percent(value, result.responses)}`;
      return { name: profile.model, x: profile.kl.value!, y: value, tip };
    });
    const left = result.models.length - known.length;
    return {
      id: figureId('kl-against-coverage-n', N),
      title: `KL divergence against Cov_N, N = ${compact(N)}`,
      caption:
        (best === least
          ? 'The same model is best by both.'
          : 'The least KL divergence (leftmost) is not the least Cov_N (lowest).') +
        (points.some(({ y }) => y === 0) ? ' Points on the bottom edge have Cov_N zero.' : '') +
        (left > 0 ? ` ${plural(left, 'model')} without a known KL divergence not drawn.` : ''),
      description: `${points.length} models; least Cov_N: ${best.model}, least KL: ${least.model}.`,
      ...scatterChart({
        ...SCATTER,
        x: linearAxis(
          `KL divergence from ${result.reference.length > 24 ? 'the reference' : result.reference} (nats)`,
          points.map(({ x }) => x),
        ),
        y: shareAxis(
          `Cov_N at N = ${compact(N)}`,
          points.map(({ y }) => y),
          result.responses,
        ),
        points,
        picks: [
          { criterion: 'least Cov_N', name: best.model },
          { criterion: 'least KL', name: least.model },
        ],
      }),
    };
  });
}
