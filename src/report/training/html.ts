import type { TrainResult } from '../../linear/train-result.js';
import { count, plural } from '../../text/format.js';
import { html } from '../html.js';
import { htmlTable } from '../html-table.js';
import { figureHtml, pageHtml, section } from '../page.js';
import { trainingFigures } from './curves.js';
import { runsTable } from './tables.js';

/** What a report of training says besides the results. */
export interface TrainingReport {
  readonly results: readonly TrainResult[];
  /** What was trained, in a few words. */
  readonly title: string;
  /** Facts about data, model and settings, a sentence each. */
  readonly facts: readonly string[];
  /** What is needed to repeat the runs, kept in the page for programs. */
  readonly config: unknown;
  readonly version: string;
}

/** Training as one self-contained HTML file: learning curves of cross-entropy, KL and Cov_N, final figures, settings. */
export function trainingHtml({ results, title, facts, config, version }: TrainingReport): string {
  const figures = trainingFigures(results);
  const theory = results.find((result) => result.theory !== null)?.theory;
  const steps = results.reduce((sum, { step }) => sum + step, 0);
  return pageHtml({
    title,
    subtitle: `${plural(results.length, 'run')} · ${plural(steps, 'step')} in all · ${plural(
      results.reduce((sum, { checkpoints }) => sum + checkpoints.length, 0),
      'checkpoint',
    )}`,
    sections: [
      section(
        'summary',
        'Summary',
        html`<ul class="notes">${facts.map((fact) => html`<li>${fact}</li>`)}${
          theory &&
          html`<li>${theory.source} chose the step size ${String(theory.stepSize)} from B = ${String(theory.featureBound)}, H = ${String(
            theory.horizon,
          )}, σ*² = ${String(theory.inherentVariance)}, log N = ${String(theory.logN)}, T = ${count(theory.steps)}.</li>`
        }</ul>\n`,
        htmlTable(runsTable(results)),
      ),
      figures.length > 0
        ? section('curves', 'Learning curves', ...figures.map((figure) => figureHtml(figure)))
        : section(
            'curves',
            'Learning curves',
            html`<p>There are no curves: ask for validation every so many steps (validation.every).</p>\n`,
          ),
      section(
        'provenance',
        'Where this comes from',
        html`<p>coverage-principle ${version}. The same configuration gives the same numbers at any number of threads.</p>
<details><summary>Configuration</summary><pre>${JSON.stringify(config, null, 2)}</pre></details>\n`,
      ),
    ],
    result: { config, runs: results.map((result) => result.toJSON()) },
  });
}
