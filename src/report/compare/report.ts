import type { Phrase } from '../../results/phrase.js';
import { type Cell, numberCell, type Table } from '../../results/table.js';
import type { ComparedAt, Comparison, LeadingResponse } from '../../selection/compare.js';
import {
  capitalised,
  compact,
  confidencePercent,
  count,
  decimal,
  percent,
  percentInterval,
  plural,
} from '../../text/format.js';
import { shareAxis } from '../charts/axis.js';
import { curveChart } from '../charts/curve-chart.js';
import type { Figure } from '../charts/figure.js';
import { build, resultGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { figureSection, list, type Report, type Sheet, table, warnings } from '../report.js';
import { VERDICT_TONES, VERDICT_WORDS } from '../selection/facts.js';
import { closest } from '../selection/summary.js';

const MOST_ROWS = 20;
/** Of a text so many characters stand in a table; the whole of it is shown on hovering, and in CSV and JSON. */
const SHOWN = 60;
const SIZE = { width: 900, height: 420 };

/** The report of two models head to head. */
export function comparisonReport(result: Comparison): Report {
  return build('comparisonReport()', resultGiven('comparison', result), () => {
    const { models, responses, prompts, tournaments, responsesLed } = result;
    return {
      title: `${models[0]} against ${models[1]}`,
      subtitle: `${plural(responses, 'held-out response')}${prompts === null ? '' : ` to ${plural(prompts, 'prompt')}`}`,
      sections: [
        {
          id: 'summary',
          heading: 'Summary',
          blocks: [list(tournaments.map((at) => summaryOf(at, responses))), warnings(result.warnings)],
        },
        { id: 'tables', heading: 'Who leads by N and more', blocks: [table(leadsTable(result))] },
        ...figureSection('profile', profileFigure(result)),
        {
          id: 'responses',
          heading: 'On which responses',
          blocks: models.map((model, index) => table(responsesTable(model, responsesLed[index]!))),
        },
        provenanceSection(result.provenance, models, [
          `Intervals at ${confidencePercent(result.confidence)} confidence.`,
        ]),
      ],
      sheet: sheetOf(result),
      result,
    };
  });
}

/** Which of the two to take at one budget or N, and how sure that is. */
function summaryOf({ bestOf, N, better, explanation, span, recommendation }: ComparedAt, responses: number): Phrase {
  const occasion = bestOf === null ? `N\u00a0=\u00a0${compact(N)}` : `Best-of-${bestOf} (N\u00a0=\u00a0${compact(N)})`;
  const held = recommendation.model === better ? [] : closest({ span, recommendation }, responses);
  return [
    `For ${occasion} take `,
    { model: recommendation.model },
    '. ',
    { stress: capitalised(VERDICT_WORDS[recommendation.verdict]) },
    ': ',
    ...held,
    held.length === 0 ? explanation : `At N\u00a0=\u00a0${compact(N)} alone, ${explanation}`,
  ];
}

function leadsTable({ models, responses, tournaments }: Comparison): Table {
  const budgets = tournaments.some(({ bestOf }) => bestOf !== null);
  return {
    caption: 'Share of the responses on which each is at least N times as likely as the other',
    columns: [
      ...(budgets ? [{ label: 'K', align: 'right', title: 'Budget: samples a prompt' } as const] : []),
      { label: 'N', align: 'right' },
      ...models.flatMap((model) => [
        { label: model, align: 'right' } as const,
        { label: 'interval', align: 'right', withPrevious: true } as const,
      ]),
      {
        label: 'take',
        name: true,
        title: 'The one that leads more often; for a budget the one that stays closest to the least scores over its N',
      },
      { label: 'verdict' },
    ],
    rows: tournaments.map(({ bestOf, N, leads, better, explanation, recommendation: { model, verdict } }) => [
      ...(budgets ? [numberCell(bestOf, count)] : []),
      { text: compact(N), sort: N },
      ...leads.flatMap(({ share, interval }) => [
        numberCell(share, (value) => percent(value, responses)),
        { text: percentInterval(interval, responses), sort: interval[0] },
      ]),
      { text: model, ...(model !== better && { title: `at N = ${compact(N)} alone it would be ${better}` }) },
      { text: VERDICT_WORDS[verdict], title: explanation, tone: VERDICT_TONES[verdict] },
    ]),
  };
}

function responsesTable(model: string, led: readonly LeadingResponse[]): Table {
  const prompts = led.some(({ prompt }) => prompt !== null);
  const texts = (['prompt', 'response'] as const).filter((of) => led.some(({ text }) => text?.[of]));
  return {
    caption:
      `${model} leads on ${plural(led.length, 'response')}` +
      (led.length > MOST_ROWS ? `; the ${MOST_ROWS} with the greatest lead` : ''),
    columns: [
      { label: 'response', name: true },
      ...(prompts ? [{ label: 'prompt', name: true } as const] : []),
      ...texts.map((of) => ({ label: `text of the ${of}`, name: true })),
      { label: 'log ratio', align: 'right', title: 'log of its probability over the other’s, in nats' },
    ],
    rows: led
      .slice(0, MOST_ROWS)
      .map(({ response, prompt, text, logRatio }) => [
        { text: response },
        ...(prompts ? [{ text: prompt ?? '–' }] : []),
        ...texts.map((of) => textCell(text?.[of] ?? null)),
        logRatio === null
          ? { text: '∞', sort: Number.MAX_VALUE, title: 'the other gives probability zero' }
          : numberCell(logRatio, (value) => decimal(value, 2)),
      ]),
  };
}

/** The beginning of a text, on one line. */
function textCell(text: string | null): Cell {
  if (text === null) return { text: '–', tone: 'muted' };
  const line = text.replace(/\s+/g, ' ').trim();
  const characters = [...line];
  const cut = characters.length > SHOWN;
  return {
    text: cut ? `${characters.slice(0, SHOWN - 1).join('')}…` : line,
    ...(line !== text || cut ? { title: text } : {}),
  };
}

/** The coverage profile both ways; `null` without a grid. */
function profileFigure({ models, responses, profile: { N, shares } }: Comparison): Figure | null {
  if (N.length < 2) return null;
  return {
    id: 'profile-both-ways',
    title: 'How often each leads, as a function of N',
    caption:
      'Share of the responses on which the one model gives at least N times the probability of the other. The lower a ' +
      'model’s rival, the better the model. The scale is logarithmic.' +
      (shares.flat().includes(0) ? ' Lines that reach the bottom edge are at zero.' : ''),
    description: `Two falling curves: ${models.join(' and ')}.`,
    ...curveChart({
      ...SIZE,
      x: { label: 'N (ratio)', scale: 'log2', min: N[0]!, max: N.at(-1)! },
      y: shareAxis('share of responses', shares.flat(), responses),
      curves: models.map((name, model) => ({
        name,
        points: N.map((each, at) => [each, shares[model]![at]!] as const),
        marks: [],
      })),
      highlighted: models,
    }),
  };
}

/** One row for each response on which one of the two leads. */
function sheetOf({ models, responsesLed }: Comparison): Sheet {
  return {
    columns: ['leader', 'other', 'response', 'prompt', 'logRatio', 'promptText', 'responseText'],
    rows: models.flatMap((leader, model) =>
      responsesLed[model]!.map(({ response, prompt, text, logRatio }) => [
        leader,
        models[1 - model]!,
        response,
        prompt,
        logRatio ?? 'inf',
        text?.prompt ?? null,
        text?.response ?? null,
      ]),
    ),
  };
}
