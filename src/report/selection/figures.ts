import type { SelectionResult } from '../../selection/result.js';
import { compact, percent, plural } from '../../text/format.js';
import { figureId } from '../charts/figure.js';
import { stepFigure } from '../charts/learning-curve.js';
import { figureSection, figures, paragraph, type Section, unfoldingFigures } from '../report.js';
import { byN } from './facts.js';
import { heatMapFigures } from './heat-map.js';
import { profileFigure } from './profile-figure.js';
import { scatterFigures } from './scatter-figure.js';
import { winShareFigure } from './win-share-figure.js';
import { winnerFigure } from './winner-figure.js';

/** The figures of a selection in sections; those for which the result holds nothing are left out. */
export function figureSections(result: SelectionResult): Section[] {
  const scatters = scatterFigures(result);
  return [
    ...figureSection('winners', winnerFigure(result)),
    ...figureSection('profiles', profileFigure(result)),
    matrixSection(result),
    ...(scatters.length > 0
      ? [
          {
            id: 'cross-entropy',
            heading: 'Cross-entropy against score',
            lookUp: true,
            blocks: [
              paragraph(
                'Were cross-entropy enough, the points would lie on a rising line and both picks would be the same point.',
              ),
              figures(scatters),
            ],
          },
        ]
      : []),
    ...figureSection('certainty', winShareFigure(result)),
    ...overTraining(result),
  ];
}

/** Score and cross-entropy over training step, where the names of all models hold one. */
function overTraining(result: SelectionResult): Section[] {
  const runs = runsOf(result.models);
  if (!runs) return [];
  const curvesOf = (values: readonly (number | null)[]) =>
    runs.map(({ name, members }) => ({
      name,
      points: members.map(({ step, index }) => [step, values[index] ?? null] as const),
    }));
  const steps = runs.flatMap(({ members }) => members.map(({ step }) => step)).sort((a, b) => a - b);
  // Steps that are spread evenly are best seen so; where half of them lie in the first fifth they grow by factors.
  const logarithmic = steps[0]! > 0 && steps[Math.floor(steps.length / 2)]! < steps.at(-1)! / 5;
  const common = {
    narrow: true,
    noun: 'run',
    stepScale: logarithmic ? 'log10' : 'linear',
    stepLabel: `training step${logarithmic ? ' (logarithmic)' : ''}`,
  } as const;
  const scores = byN(result).map(({ N, scores, winner }) =>
    stepFigure({
      ...common,
      id: figureId('score-over-step-n', N),
      title: `Score over training step, N\u00a0=\u00a0${compact(N)}`,
      caption: `Share of the responses on which the worst rival gives at least ${compact(N)} times the probability; lower is better. Least at ${winner}.`,
      label: 'score (share of responses)',
      scale: 'share',
      total: result.responses,
      format: (share) => percent(share, result.responses),
      curves: curvesOf(scores),
    }),
  );
  const loss = stepFigure({
    ...common,
    id: 'cross-entropy-over-step',
    title: 'Cross-entropy over training step',
    caption: `Mean of −log probability of the responses. Least at ${result.crossEntropy.winner}.`,
    label: 'cross-entropy (nats per response)',
    curves: curvesOf(result.crossEntropy.values),
  });
  return [{ id: 'training', heading: 'Over training', blocks: [figures([...scores, loss])] }];
}

interface Run {
  readonly name: string;
  /** By rising step; `index` is the model's. */
  readonly members: readonly { readonly step: number; readonly index: number }[];
}

const STEP =
  /(?<![a-z])(?:global[-_]?)?(?:steps?|iter(?:ation)?s?|checkpoint|ckpt)[-_ =:]?(\d+(?:\.\d+)?)([km]?)(?![a-z\d])/i;
/** Fewer steps than this show no course. */
const LEAST_STEPS = 3;

/**
 * Models by run and step, told from names like `step-2000`, `run-a/checkpoint-500` or `global_step12k`: the run is what
 * the name holds besides the step. `null` unless every name holds a step and some run has several.
 */
export function runsOf(models: readonly string[]): Run[] | null {
  const found = models.map((name, index) => {
    const match = STEP.exec(name);
    if (!match) return null;
    const factor = { k: 1000, m: 1_000_000 }[match[2]!.toLowerCase()] ?? 1;
    const rest = name.slice(0, match.index) + name.slice(match.index + match[0].length);
    return { index, step: Number(match[1]) * factor, rest };
  });
  const known = found.filter((each) => each !== null);
  if (known.length < models.length) return null;
  const rests = new Set(known.map(({ rest }) => rest));
  // Where every name has a rest of its own, such as the tokens seen at that step, they are one run all the same.
  const group = (each: (typeof known)[number]) => (rests.size === known.length ? '' : each.rest);
  const runs = [...new Set(known.map(group))].map((name) => ({
    name: name.replace(/^[-_/. ]+|[-_/. ]+$/g, '') || 'run',
    members: known.filter((each) => group(each) === name).sort((a, b) => a.step - b.step),
  }));
  const distinct = runs.every(({ members }) => new Set(members.map(({ step }) => step)).size === members.length);
  return distinct && runs.some(({ members }) => members.length >= LEAST_STEPS) ? runs : null;
}

function matrixSection(result: SelectionResult): Section {
  const matrices = heatMapFigures(result);
  return {
    id: 'matrix',
    heading: 'Tournament',
    lookUp: true,
    blocks: [
      matrices.length > 0
        ? unfoldingFigures(matrices)
        : paragraph(
            `The matrix of counts was not kept for ${plural(result.models.length, 'model')}; ask for it by `,
            { code: '--counts' },
            ' (the option ',
            { code: 'counts' },
            ') to see who beats whom.',
          ),
    ],
  };
}
