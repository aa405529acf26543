import type { SelectionResult } from '../../selection/result.js';
import { compact, confidencePercent, count, plural } from '../../text/format.js';
import { build, resultGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { type Block, list, notes, paragraph, type Report, type Section, table, warnings } from '../report.js';
import { answerSections } from './answers.js';
import { byN, VERDICT_TONES, VERDICT_WORDS } from './facts.js';
import { figureSections } from './figures.js';
import { selectionSheet } from './sheet.js';
import { occasions, selectionSummary } from './summary.js';
import { modelsTable, picksTable, worstTable } from './tables.js';

/** Matrices of more numbers than this are left out of a page's data. */
const MOST_COUNTS = 250_000;

/** The report of a selection. */
export function selectionReport(result: SelectionResult): Report {
  return build('selectionReport()', resultGiven('selection', result), () => {
    const { recommendation, advice, others, caveats } = selectionSummary(result);
    const recommended: Block = {
      kind: 'advice',
      items: [
        {
          occasion: 'Over all N',
          model: result.recommendation.model,
          verdict: VERDICT_WORDS[result.recommendation.verdict],
          tone: VERDICT_TONES[result.recommendation.verdict],
          text: recommendation,
        },
      ],
    };
    const matrices = result.models.length ** 2 * result.tournaments.length;
    return {
      title: 'Which model to take',
      subtitle: [
        plural(result.models.length, 'model'),
        plural(result.responses, 'held-out response') +
          (result.prompts === null ? '' : ` to ${plural(result.prompts, 'prompt')}`),
        occasions(byN(result)),
      ].join(' · '),
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [
            // Where one model is taken at every N, what is said of it there says it all.
            ...(advice.length === 1 ? [] : [recommended]),
            {
              kind: 'advice',
              items: advice.map(({ occasion, model, verdict, text }) => ({
                occasion,
                model,
                verdict: VERDICT_WORDS[verdict],
                tone: VERDICT_TONES[verdict],
                text,
              })),
            },
            list(others),
            warnings(result.warnings),
          ],
        },
        {
          id: 'tables',
          heading: 'In numbers',
          blocks: [table(picksTable(result)), table(modelsTable(result), 'models')],
        },
        ...answerSections(result),
        { id: 'caveats', heading: 'To bear in mind', blocks: [notes(caveats)] },
        ...figureSections(result),
        responsesSection(result),
        provenanceSection(result.provenance, result.models, facts(result)),
      ],
      sheet: selectionSheet(result),
      result,
      ...(matrices > MOST_COUNTS && {
        keptInPage: { ...result, tournaments: result.tournaments.map((each) => ({ ...each, counts: null })) },
      }),
    };
  });
}

function responsesSection({ disagreements }: SelectionResult): Section {
  const names = { 'cross-entropy': 'cross-entropy', kl: 'KL divergence', 'pass-at-k': 'Pass@k' } as const;
  return {
    id: 'responses',
    heading: 'Responses the other picks fail to cover',
    lookUp: true,
    blocks:
      disagreements.length === 0
        ? [paragraph('No other criterion picked another model.')]
        : disagreements.flatMap((each) => [
            paragraph(
              `At N = ${compact(each.N)}, ${names[each.criterion]} picks `,
              { model: each.pick },
              `. On ${plural(each.uncovered, 'response')} `,
              { model: each.rival },
              ` is at least ${compact(each.N)} times as likely. Its ${count(each.worst.length)} greatest log ratios:`,
            ),
            table(worstTable(each)),
          ]),
  };
}

function facts({ confidence, replicates, unit, units }: SelectionResult): string[] {
  return [
    `Intervals at ${confidencePercent(confidence)} confidence.`,
    ...(replicates > 0 ? [`${count(replicates)} bootstrap resamples of ${plural(units, unit)}.`] : []),
  ];
}
