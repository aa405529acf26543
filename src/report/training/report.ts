import { type Theory, TrainResult } from '../../linear/train-result.js';
import { count, plural } from '../../text/format.js';
import * as z from '../../zod.js';
import { build, shapeGiven } from '../fault.js';
import { figures, notes, paragraph, type Report, table } from '../report.js';
import { trainingFigures } from './curves.js';
import { historiesSheet, runsTable } from './tables.js';

/** What a report of training is made of. */
export interface TrainingReportInput {
  readonly results: readonly TrainResult[];
  /** What was trained, in a few words. */
  readonly title: string;
  /** Facts about data, model and settings, a sentence each. */
  readonly facts: readonly string[];
  /** What is needed to repeat the runs, kept in the report for programs. */
  readonly config: unknown;
  readonly version: string;
}

/** What must be there of a training to be reported on. */
const inputSchema = () =>
  z.looseObject({
    results: z.array(z.instanceof(TrainResult)),
    ...{ title: z.string(), facts: z.array(z.string()), version: z.string() },
  });

/** The report of a training: learning curves of cross-entropy, KL and Cov_N, final figures, settings. */
export function trainingReport(input: TrainingReportInput): Report {
  return build('trainingReport()', shapeGiven(inputSchema, input), () => {
    const { results, title, facts, config, version } = input;
    const curves = trainingFigures(results);
    const theory = results.find((result) => result.theory !== null)?.theory;
    const steps = results.reduce((sum, { step }) => sum + step, 0);
    const checkpoints = results.reduce((sum, each) => sum + each.checkpoints.length, 0);
    return {
      title,
      subtitle: `${plural(results.length, 'run')} · ${plural(steps, 'step')} in all · ${plural(checkpoints, 'checkpoint')}`,
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [
            notes([...facts.map((fact) => [fact]), ...(theory ? [[theoryText(theory)]] : [])]),
            table(runsTable(results)),
          ],
        },
        {
          id: 'curves',
          heading: 'Learning curves',
          lookUp: true,
          blocks: [
            curves.length > 0
              ? figures(curves)
              : paragraph(
                  'There are no curves: ask for validation every so many steps (',
                  { code: 'validation.every' },
                  ').',
                ),
          ],
        },
        {
          id: 'provenance',
          heading: 'Where this comes from',
          lookUp: true,
          blocks: [
            paragraph(
              `coverage-principle ${version}. The same configuration gives the same numbers at any number of threads.`,
            ),
            {
              kind: 'details',
              summary: 'Configuration',
              blocks: [{ kind: 'verbatim', text: JSON.stringify(config, null, 2) }],
            },
          ],
        },
      ],
      sheet: historiesSheet(results),
      result: { config, runs: results.map((result) => result.toJSON()) },
    };
  });
}

function theoryText({ source, stepSize, featureBound, horizon, inherentVariance, logN, steps }: Theory): string {
  return `${source} chose the step size ${stepSize} from B = ${featureBound}, H = ${horizon}, σ*² = ${inherentVariance}, log N = ${logN}, T = ${count(steps)}.`;
}
