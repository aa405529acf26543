import { linearAxis } from '../report/charts/axis.js';
import type { Figure } from '../report/charts/figure.js';
import { type LearningCurves, learningCurveFigure } from '../report/charts/learning-curve.js';
import { scatterChart } from '../report/charts/scatter-chart.js';
import { provenanceSection } from '../report/provenance.js';
import { figures, list, type Report, type Sheet, table } from '../report/report.js';
import { compact, percent, plural } from '../text/format.js';
import { BEST_OF, type GraphDemoResult } from './graph-demo.js';
import { COVERAGE_AT, certainty, coverageAt, passAt, picksTable, story, verdict } from './graph-demo-summary.js';

/** The report of the demonstration. */
export function graphDemoReport(result: GraphDemoResult): Report {
  const { checkpoints, selection, picks, run } = result;
  return {
    title: `Which checkpoint goes into Best-of-${BEST_OF}?`,
    subtitle: `The graph reasoning task of The Coverage Principle · ${plural(checkpoints.length, 'checkpoint')} · ${plural(selection.responses, 'held-out response')}`,
    sections: [
      {
        id: 'summary',
        heading: 'Summary',
        blocks: [
          {
            kind: 'advice',
            items: [
              {
                occasion: `By the tournament, not ${picks.crossEntropy} by validation loss:`,
                model: picks.tournament,
                tone: 'good',
                text: verdict(result),
              },
            ],
          },
          list([...story(result), certainty(result)]),
          table(picksTable(result)),
        ],
      },
      {
        id: 'seen',
        heading: 'What anyone sees: log-probabilities of held-out responses',
        blocks: [figures(seen(result))],
      },
      {
        id: 'truth',
        heading: 'The truth beside it: exact measures against π_D',
        blocks: [figures([...truth(result), ...scatters(result)])],
      },
      provenanceSection(
        selection.provenance,
        [],
        [
          `Truth: expectations over all responses to ${plural(run.task.validation, 'validation prompt')} of each class, weighted 0.9 and 0.1.`,
          'The whole selection is in selection.html beside this file.',
        ],
      ),
    ],
    sheet: checkpointsSheet(result),
    result: { picks, selection: { ...selection, curves: null }, checkpoints },
  };
}

/** One row a checkpoint: what anyone sees, then the truth. */
function checkpointsSheet({ checkpoints, selection }: GraphDemoResult): Sheet {
  const { scores } = selection.tournaments[0]!;
  return {
    columns: ['checkpoint', 'crossEntropy', 'score', 'kl', `Cov_${COVERAGE_AT}`, `Pass@${BEST_OF}`],
    rows: checkpoints.map(({ name, checkpoint }) => {
      const at = selection.models.indexOf(name);
      const { kl } = checkpoint.measures.all;
      return [name, selection.crossEntropy.values[at], scores[at], kl, coverageAt(checkpoint), passAt(checkpoint)];
    }),
  };
}

function curves(
  { checkpoints }: GraphDemoResult,
  input: Pick<LearningCurves, 'id' | 'title' | 'caption' | 'label' | 'curves' | 'format'>,
): Figure {
  const steps = checkpoints.map(({ name }) => Number(name.slice('step-'.length)));
  return learningCurveFigure({
    ...input,
    description: `${input.label} over the steps of fine-tuning.`,
    steps,
    stepLabel: 'step of fine-tuning (logarithmic)',
    stepScale: 'log10',
    narrow: true,
  });
}

function seen(result: GraphDemoResult): Figure[] {
  const { selection, picks } = result;
  const { N, scores } = selection.tournaments[0]!;
  return [
    curves(result, {
      id: 'loss',
      title: 'Validation loss',
      caption: `Cross-entropy of the held-out responses. Its pick: ${picks.crossEntropy}.`,
      label: 'cross-entropy (nats per response)',
      curves: [{ name: 'loss', values: selection.crossEntropy.values }],
    }),
    curves(result, {
      id: 'score',
      title: 'Score in the tournament',
      caption: `Share of held-out responses that some other checkpoint finds at least ${compact(N)} times as likely. Its pick: ${picks.tournament}.`,
      label: `score at N = ${compact(N)}`,
      format: (value) => percent(value),
      curves: [{ name: 'score', values: scores }],
    }),
  ];
}

function truth(result: GraphDemoResult): Figure[] {
  const { run, checkpoints } = result;
  const over = (value: (checkpoint: (typeof checkpoints)[number]['checkpoint']) => number) =>
    checkpoints.map(({ checkpoint }) => value(checkpoint));
  const [{ measures }] = run.checkpoints as [(typeof run.checkpoints)[number]];
  return [
    curves(result, {
      id: 'coverage',
      title: 'Coverage profile',
      caption: 'Share of π_D that the checkpoint under-weights by a factor N or more.',
      label: 'Cov_N',
      format: (value) => percent(value),
      curves: measures.N.filter((N) => N > 2).map((N) => ({
        name: `N = ${compact(N)}`,
        values: over((each) => coverageAt(each, N)),
      })),
    }),
    curves(result, {
      id: 'pass',
      title: 'Pass@N',
      caption: 'Probability that one of N responses is the one that π_D drew.',
      label: 'Pass@N',
      format: (value) => percent(value),
      curves: measures.passN
        .filter((N) => N > 1)
        .map((N) => ({
          name: `N = ${N}`,
          values: over((each) => passAt(each, N)),
        })),
    }),
  ];
}

function scatters({ checkpoints, picks }: GraphDemoResult): Figure[] {
  const scatter = (id: string, label: string, value: (at: number) => number): Figure => {
    const points = checkpoints.map(({ name, checkpoint }, at) => ({
      name,
      x: value(at),
      y: passAt(checkpoint),
      tip: `${name}: ${label} ${compact(value(at))}, Pass@${BEST_OF} ${percent(passAt(checkpoint))}`,
    }));
    return {
      id: `pass-${id}`,
      title: `Pass@${BEST_OF} against ${label}`,
      caption: 'One point a checkpoint.',
      description: `Pass@${BEST_OF} against ${label} for ${points.length} checkpoints; the tournament picks ${picks.tournament}, validation loss ${picks.crossEntropy}.`,
      ...scatterChart({
        width: 560,
        height: 400,
        x: linearAxis(
          label,
          points.map(({ x }) => x),
        ),
        y: linearAxis(
          `Pass@${BEST_OF}`,
          points.map(({ y }) => y),
          (share) => percent(share),
        ),
        points,
        picks: [
          { criterion: 'tournament', name: picks.tournament },
          { criterion: 'validation loss', name: picks.crossEntropy },
        ],
      }),
    };
  };
  return [
    scatter('coverage', `Cov_${COVERAGE_AT}`, (at) => coverageAt(checkpoints[at]!.checkpoint)),
    scatter('kl', 'KL (nats)', (at) => checkpoints[at]!.checkpoint.measures.all.kl!),
  ];
}
