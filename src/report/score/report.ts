import { foundByPreflight } from '../../log-probs/manifest.js';
import type { Phrase } from '../../results/phrase.js';
import type { Table } from '../../results/table.js';
import type { ScoredCheckpoint, ScoreResult } from '../../score/score.js';
import { compact, count, listed, plural } from '../../text/format.js';
import * as z from '../../zod.js';
import { build, shapeGiven } from '../fault.js';
import { list, paragraph, type Report, table, warnings } from '../report.js';

/** Rows without a score that are named; JSON has all. */
const MOST_NAMED = 10;

/** What must be there of a result of `score`. */
const scoreSchema = () =>
  z.looseObject({
    checkpoints: z.array(
      z.looseObject({
        ...{ model: z.string(), file: z.string(), software: z.string().nullable(), stopped: z.string().nullable() },
        ...{
          scored: z.number(),
          added: z.number(),
          total: z.number(),
          clampedTokens: z.number(),
          requests: z.number(),
        },
        ...{ faults: z.number(), preflight: z.looseObject({}).nullable() },
        unscored: z.array(z.looseObject({ id: z.string() })),
      }),
    ),
    race: z.looseObject({ models: z.array(z.looseObject({ model: z.string() })), explanation: z.string() }).nullable(),
    ...{ complete: z.boolean(), seconds: z.number(), rate: z.number().nullable() },
    warnings: z.array(z.looseObject({ message: z.string() })),
  });

/** The report of a run of `score`: what was scored, what was not and why, and how far the values can be relied on. */
export function scoreReport(result: ScoreResult): Report {
  return build('scoreReport()', shapeGiven(scoreSchema, result), () => {
    const { checkpoints, rate, seconds } = result;
    const added = checkpoints.reduce((sum, each) => sum + each.added, 0);
    return {
      title: 'Scoring',
      subtitle: [
        plural(checkpoints.length, 'checkpoint'),
        plural(checkpoints[0]?.total ?? 0, 'response'),
        ...(rate === null
          ? []
          : [`${plural(added, 'score')} in ${compact(seconds, 3)} s, ${compact(rate, 3)} a second`]),
      ].join(' · '),
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [
            paragraph(...summary(result)),
            list(checkpoints.flatMap((each) => gaps(each, result.race !== null))),
            warnings(result.warnings),
          ],
        },
        { id: 'tables', heading: 'In numbers', blocks: [table(checkpointsTable(checkpoints, result.race !== null))] },
        {
          id: 'preflight',
          heading: 'Preflight',
          blocks: [
            list(checkpoints.map(({ model, preflight }): Phrase => [{ model }, `: ${foundByPreflight(preflight)}`])),
          ],
        },
      ],
      sheet: {
        columns: ['model', 'file', 'scored', 'added', 'total', 'unscored', 'requests', 'faults', 'clampedTokens'],
        rows: checkpoints.map((each) => [
          each.model,
          each.file,
          each.scored,
          each.added,
          each.total,
          each.unscored.length,
          each.requests,
          each.faults,
          each.clampedTokens,
        ]),
      },
      result,
    };
  });
}

function summary({ complete, out, race, checkpoints }: ScoreResult): Phrase {
  if (race !== null) {
    const served = new Set(checkpoints.map(({ model }) => model));
    const before = race.models.filter(({ model }) => !served.has(model)).map(({ model }) => model);
    return [
      race.explanation,
      ...(before.length > 0 ? [` Not served now, and taken with what is scored of it: ${before.join(', ')}.`] : []),
      ...(complete
        ? [' Give ', { code: out }, ' to select for the decision in full.']
        : [' Call it again to go on where it is.']),
    ];
  }
  if (!complete) return ['Not everything is scored: call it again to go on where it is.'];
  const [one, other] = checkpoints;
  // A choice needs two: with one server after the other the last of them hears the right thing, too.
  return other === undefined
    ? [
        'Every response of ',
        { model: one!.model },
        ' is scored: give ',
        { code: out },
        ' to select once the scores of another checkpoint are there, too.',
      ]
    : ['Every response of every checkpoint is scored: give ', { code: out }, ' to select.'];
}

/** What a checkpoint lacks, and why. */
function gaps({ model, stopped, unscored, scored, total }: ScoredCheckpoint, raced: boolean): Phrase[] {
  const phrases: Phrase[] = [];
  if (stopped !== null) {
    const effect = raced ? ', and what is missing is taken at its worst until it is served again' : '';
    phrases.push([{ model }, `: ${count(scored)} of ${count(total)}; the servers were given up${effect}: ${stopped}`]);
  }
  const reasons = new Map<string, string[]>();
  for (const { id, reason } of unscored) reasons.set(reason, [...(reasons.get(reason) ?? []), id]);
  for (const [reason, ids] of reasons) {
    const named = ids.slice(0, MOST_NAMED);
    const more = ids.length > named.length ? ` and ${count(ids.length - named.length)} more` : '';
    phrases.push([
      { model },
      `: no score of ${ids.length > named.length ? named.join(', ') : listed(named)}${more}: ${reason}`,
    ]);
  }
  return phrases;
}

function checkpointsTable(checkpoints: readonly ScoredCheckpoint[], raced: boolean): Table {
  const right = (label: string) => ({ label, align: 'right' as const });
  return {
    caption: 'What was scored',
    columns: [
      { label: 'model', name: true },
      right('scored'),
      right('of'),
      right('now'),
      right('requests'),
      right('faults'),
      { label: 'server' },
      { label: 'file', name: true },
    ],
    rows: checkpoints.map(({ model, scored, total, added, requests, faults, software, file }) => [
      { text: model },
      { text: count(scored), sort: scored, ...(!raced && scored < total && { tone: 'caution' as const }) },
      { text: count(total), sort: total },
      { text: count(added), sort: added },
      { text: count(requests), sort: requests },
      { text: count(faults), sort: faults },
      { text: software ?? '–' },
      { text: file },
    ]),
  };
}
