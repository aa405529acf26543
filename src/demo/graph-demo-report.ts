import { linearAxis } from '../report/axis.js';
import { learningCurveFigure } from '../report/experiment/learning-curve.js';
import type { Figure } from '../report/figure.js';
import { html } from '../report/html.js';
import { htmlTable } from '../report/html-table.js';
import { figureHtml, pageHtml, provenanceHtml, section, summaryHtml } from '../report/page.js';
import { phraseHtml } from '../report/phrase-html.js';
import { scatterChart } from '../report/scatter-chart.js';
import { compact, percent, plural } from '../text/format.js';
import { BEST_OF, type GraphDemoResult } from './graph-demo.js';
import { COVERAGE_AT, certainty, coverageAt, passAt, picksTable, story, verdict } from './graph-demo-summary.js';

/** The demonstration as one self-contained HTML file that opens offline. */
export function graphDemoHtml(result: GraphDemoResult): string {
  const { checkpoints, selection, picks, run } = result;
  const grid = (figures: readonly Figure[]) =>
    html`<div class="grid">${figures.map((each) => figureHtml(each))}</div>\n`;
  return pageHtml({
    title: `Which checkpoint goes into Best-of-${BEST_OF}?`,
    subtitle: `The graph reasoning task of The Coverage Principle · ${plural(checkpoints.length, 'checkpoint')} · ${plural(selection.responses, 'held-out response')}`,
    sections: [
      section(
        'summary',
        'Summary',
        html`<ul class="advice"><li class="clear">
<h3><span class="model">${picks.tournament}</span> <span class="budget">by the tournament, not ${picks.crossEntropy} by validation loss</span></h3>
<p>${phraseHtml(verdict(result))}</p></li></ul>\n`,
        summaryHtml([...story(result), certainty(result)]),
        htmlTable(picksTable(result)),
      ),
      section('seen', 'What anyone sees: log-probabilities of held-out responses', grid(seen(result))),
      section('truth', 'The truth beside it: exact measures against π_D', grid(truth(result)), grid(scatters(result))),
      provenanceHtml(
        selection.provenance,
        [],
        [
          `Truth: expectations over all responses to ${plural(run.task.validation, 'validation prompt')} of each class, weighted 0.9 and 0.1.`,
          'The whole selection is in selection.html beside this file.',
        ],
      ),
    ],
    result: { picks, selection: { ...selection, curves: null }, checkpoints },
  });
}

function curves(
  { checkpoints }: GraphDemoResult,
  input: Pick<Parameters<typeof learningCurveFigure>[0], 'id' | 'title' | 'caption' | 'label' | 'curves' | 'format'>,
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
      width: 560,
      height: 400,
      option: scatterChart({
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
