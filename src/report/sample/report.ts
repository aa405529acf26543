import { answer } from '../../error.js';
import type { Phrase } from '../../results/phrase.js';
import type { Table } from '../../results/table.js';
import type { SampledModel, SampleResult } from '../../sample/sample.js';
import { compact, count, percent, plural } from '../../text/format.js';
import { list, paragraph, type Report, table, warnings } from '../report.js';

/** Samples that are missing and named, of each reason; JSON has all. */
const MOST_NAMED = 5;

/** The report of a run of `sample`: what was drawn, how much of it is right, and what is missing and why. */
export function sampleReport(result: SampleResult): Report {
  return answer('sampleReport()', () => {
    const { models, rate, seconds, n } = result;
    const added = models.reduce((sum, each) => sum + each.added, 0);
    return {
      title: 'Sampling',
      subtitle: [
        plural(models.length, 'model'),
        `${plural((models[0]?.total ?? 0) / n, 'prompt')}, ${plural(n, 'sample')} each`,
        ...(rate === null
          ? []
          : [`${plural(added, 'sample')} in ${compact(seconds, 3)} s, ${compact(rate, 3)} a second`]),
      ].join(' · '),
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [paragraph(...summary(result)), list(models.flatMap(gaps)), warnings(result.warnings)],
        },
        { id: 'tables', heading: 'In numbers', blocks: [table(modelsTable(models))] },
      ],
      sheet: {
        columns: ['model', 'file', 'drawn', 'added', 'total', 'right', 'cut', 'missing', 'requests', 'faults'],
        rows: models.map((each) => [
          each.model,
          each.file,
          each.drawn,
          each.added,
          each.total,
          each.right,
          each.cut,
          each.missing.length,
          each.requests,
          each.faults,
        ]),
      },
      result,
    };
  });
}

function summary({ complete, out }: SampleResult): Phrase {
  return complete
    ? ['All samples are drawn and verified: give ', { code: out }, ' to pass-at-k.']
    : ['Not everything is drawn: call it again to go on where it is.'];
}

/** What a model lacks, and why. */
function gaps({ model, stopped, missing, drawn, total }: SampledModel): Phrase[] {
  const phrases: Phrase[] = [];
  if (stopped !== null)
    phrases.push([{ model }, `: ${count(drawn)} of ${count(total)}; the servers were given up: ${stopped}`]);
  const reasons = new Map<string, string[]>();
  for (const { id, sample, reason } of missing)
    reasons.set(reason, [...(reasons.get(reason) ?? []), `${sample} of ${id}`]);
  for (const [reason, names] of reasons) {
    const more = names.length > MOST_NAMED ? ` and ${count(names.length - MOST_NAMED)} more` : '';
    phrases.push([{ model }, `: no sample ${names.slice(0, MOST_NAMED).join(', ')}${more}: ${reason}`]);
  }
  return phrases;
}

function modelsTable(models: readonly SampledModel[]): Table {
  const right = (label: string) => ({ label, align: 'right' as const });
  return {
    caption: 'What was drawn',
    columns: [
      { label: 'model', name: true },
      right('right'),
      right('drawn'),
      right('of'),
      right('now'),
      right('cut'),
      right('requests'),
      right('faults'),
      { label: 'server' },
      { label: 'file', name: true },
    ],
    rows: models.map((each) => [
      { text: each.model },
      each.drawn === 0 ? { text: '–' } : { text: percent(each.right / each.drawn), sort: each.right / each.drawn },
      { text: count(each.drawn), sort: each.drawn, ...(each.drawn < each.total && { tone: 'caution' as const }) },
      { text: count(each.total), sort: each.total },
      { text: count(each.added), sort: each.added },
      { text: count(each.cut), sort: each.cut },
      { text: count(each.requests), sort: each.requests },
      { text: count(each.faults), sort: each.faults },
      { text: each.software ?? '–' },
      { text: each.file },
    ]),
  };
}
