import type { PassAtK, PassAtKResult } from '../../pass-at-k/pass-at-k.js';
import { confidencePercent, count, percent, percentInterval, plural, roughPercent } from '../../text/format.js';
import { linearAxis, shareLabel } from '../charts/axis.js';
import { colourNote, curveChart } from '../charts/curve-chart.js';
import { type Figure, figureId } from '../charts/figure.js';
import { intervalChart } from '../charts/interval-chart.js';
import { shareBars } from '../charts/share-bars.js';
import { LIGHT } from '../charts/theme.js';
import { figureSection, type Section, unfoldingFigures } from '../report.js';
import { byK, highlightedModels, meanRanking, ranking } from './facts.js';

const WIDTH = 900;
const HEIGHT = 460;

/** Pass@k as a function of k; `null` unless two or more k are known for some model. */
function passAtKCurves(result: PassAtKResult): Figure | null {
  const entries = byK(result);
  const curves = meanRanking(result).map((index) => {
    const known = entries.flatMap(({ k, values }) => {
      const { value, interval } = values[index]!;
      return value === null ? [] : [{ k, value, interval }];
    });
    return { name: result.models[index]!, known };
  });
  const drawn = curves.filter(({ known }) => known.length > 1);
  if (drawn.length === 0) return null;
  const featured = highlightedModels(result).filter((name) => drawn.some((curve) => curve.name === name));
  // All curves, and the band of the one that has it.
  const all = drawn.flatMap(({ name, known }) =>
    known.flatMap(({ value, interval }) => [value, ...((name === featured[0] && interval) || [])]),
  );
  const left = result.models.length - drawn.length;
  return {
    id: 'pass-at-k',
    title: 'Pass@k as a function of k',
    caption:
      `Share of the ${plural(result.problems, 'problem')} that k samples solve, higher is better. Shaded: interval over problems at ` +
      `${confidencePercent(result.confidence)} confidence of ${featured[0]}.${colourNote(drawn.length, featured.length)}` +
      (left > 0 ? ` ${plural(left, 'model')} known at fewer than two k not drawn.` : ''),
    description: `Rising curves of ${plural(drawn.length, 'model')}; the greatest at the last k belongs to ${entries.at(-1)!.pick ?? 'none'}.`,
    ...curveChart({
      width: WIDTH,
      height: HEIGHT,
      x: { label: 'k (samples)', scale: 'log2', min: entries[0]!.k, max: entries.at(-1)!.k },
      y: linearAxis('Pass@k', all, shareLabel),
      curves: drawn.map(({ name, known }) => ({
        name,
        points: known.map(({ k, value }) => [k, value] as const),
        marks: known.map(({ k, value, interval }) => ({
          x: k,
          y: value,
          tip: `${name}: Pass@${k} ${percent(value)}${interval ? `, interval ${percentInterval(interval)}` : ''}`,
        })),
        ...(name === featured[0] && {
          band: known.flatMap(({ k, interval }) => (interval ? [[k, ...interval] as [number, number, number]] : [])),
        }),
      })),
      highlighted: featured,
    }),
  };
}

const MOST_ROWS = 60;

/** Pass@k of each model with its interval, one figure for each k of which something is known. */
function intervalFigures(result: PassAtKResult): Figure[] {
  return byK(result).flatMap((entry) => (entry.pick === null ? [] : [intervals(result, entry)]));
}

function intervals(result: PassAtKResult, entry: PassAtK): Figure {
  const featured = highlightedModels(result);
  const known = ranking(entry).filter((index) => entry.values[index]!.value !== null);
  const shown = known.slice(0, MOST_ROWS);
  const rows = shown.map((index) => {
    const name = result.models[index]!;
    const { value, interval } = entry.values[index]!;
    const colour = LIGHT.series[featured.indexOf(name)];
    const tip = `${name}: Pass@${entry.k} ${percent(value!)}${interval ? `, interval ${percentInterval(interval)}` : ''}`;
    return { name, value: value!, interval, tip, ...(colour && { colour }) };
  });
  const unknown = result.models.length - known.length;
  return {
    id: figureId('pass-at-k', entry.k),
    title: `Pass@${entry.k} with intervals`,
    caption:
      `Betting intervals over problems at ${confidencePercent(result.confidence)} confidence, each for its model alone.` +
      (known.length > 1
        ? ' The same problems are hard for all models, so two intervals may overlap and the models still differ: which may be best is tested by their differences problem by problem.'
        : '') +
      (shown.length < known.length ? ` Only the first ${MOST_ROWS} of ${known.length} models are shown.` : '') +
      (unknown > 0 ? ` ${plural(unknown, 'model')} with fewer than ${entry.k} samples of some problem left out.` : ''),
    description: `Points with intervals of ${plural(shown.length, 'model')}, ${entry.pick} on top.`,
    ...intervalChart({
      width: WIDTH,
      x: linearAxis(
        `Pass@${entry.k}`,
        rows.flatMap(({ value, interval }) => [value, ...(interval ?? [])]),
        shareLabel,
      ),
      rows,
    }),
  };
}

/** Share of the resamples in which each model is the pick; `null` without a bootstrap. */
function pickShareFigure(result: PassAtKResult): Figure | null {
  const sampled = byK(result).flatMap(({ k, pick, pickShares }) =>
    pick && pickShares ? [{ k, pick, pickShares }] : [],
  );
  // A single model is always the pick.
  if (sampled.length === 0 || result.models.length === 1) return null;
  const share = ({ pick, pickShares }: (typeof sampled)[number]) =>
    roughPercent(pickShares[result.models.indexOf(pick)]!);
  return {
    id: 'pick-shares',
    title: 'How often would each lead?',
    caption:
      'How often each model would have the greatest Pass@k if the problems had been drawn anew (bootstrap): a picture, which ' +
      'few problems flatter. Which models may be best is tested, and said in the summary.',
    description: `${sampled.map((entry) => `At k = ${entry.k} ${entry.pick} is picked in ${share(entry)}`).join('; ')}.`,
    ...shareBars({
      width: WIDTH,
      label: `share of ${count(result.replicates)} resamples won`,
      rows: sampled.map(({ k, pickShares }) => ({ label: `k = ${k}`, shares: pickShares })),
      names: result.models,
      highlighted: highlightedModels(result),
    }),
  };
}

/** The figures of Pass@k in sections. */
export function figureSections(result: PassAtKResult): Section[] {
  const intervals = intervalFigures(result);
  return [
    ...figureSection('curves', passAtKCurves(result)),
    ...figureSection('shares', pickShareFigure(result)),
    ...(intervals.length > 0
      ? [{ id: 'intervals', heading: 'Each model by itself', blocks: [unfoldingFigures(intervals)] }]
      : []),
  ];
}
