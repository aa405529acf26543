import type { Figure } from '../src/report/charts/figure.js';
import { lineChart } from '../src/report/charts/line-chart.js';
import { LIGHT } from '../src/report/charts/theme.js';
import { type Block, figures, paragraph, type Report, type Section, type Sheet, table } from '../src/report/report.js';
import type { Cell, Table } from '../src/results/table.js';
import { compact, count, percent } from '../src/text/format.js';
import type { BenchmarkResult, CaseResult, GoalResult, Growth } from './result.js';
import { formatRate, formatSeconds } from './terminal.js';

const WIDTH = 860;
const HEIGHT = 460;

/** The report of all results: goals, growth, every case, the measured limits. */
export function benchmarkReport(result: BenchmarkResult): Report {
  const { machine, quick, version, date } = result;
  return {
    title: 'How fast, against what, on what',
    subtitle: [
      `coverage-principle ${version}`,
      machine.cpu,
      `${machine.cores} cores`,
      date.slice(0, 10),
      ...(quick ? ['quick: not to quote'] : []),
    ].join(' · '),
    sections: [
      { id: 'goals', heading: 'Goals', blocks: [goalsIntroduction(result), table(goalsTable(result))] },
      { id: 'growth', heading: 'How the time grows', blocks: [figures(growthFigures(result.growth))] },
      { id: 'exponents', heading: 'Exponents of growth', blocks: [table(exponentsTable(result.growth))] },
      ...result.cases.map(caseSection),
      { id: 'limits', heading: 'What the machine can do at most', blocks: [table(rooflineTable(result))] },
      { id: 'conditions', heading: 'Conditions', blocks: [table(conditionsTable(result))] },
    ],
    sheet: timingsSheet(result),
    result,
  };
}

/** One row a case and participant. */
function timingsSheet({ cases }: BenchmarkResult): Sheet {
  return {
    columns: ['case', 'participant', 'leastSeconds', 'medianSeconds', 'perSecond', 'equal', 'skipped'],
    rows: cases.flatMap(({ name, timings }) =>
      timings.map(({ id, seconds, perSecond, equal, skipped }) => [
        name,
        id,
        seconds?.min,
        seconds?.median,
        perSecond,
        equal,
        skipped,
      ]),
    ),
  };
}

/** The growth plots, one a series. */
function growthFigures(growth: readonly Growth[]): Figure[] {
  const series = [...new Set(growth.map(({ series }) => series))];
  return series.map((name) => growthFigure(growth.filter((each) => each.series === name)));
}

function growthFigure(members: readonly Growth[]): Figure {
  const { series, axis } = members[0]!;
  const places = members.flatMap(({ points }) => points.map(([place]) => place));
  const times = members.flatMap(({ points }) => points.map(([, seconds]) => seconds));
  const [first, last] = [Math.min(...places), Math.max(...places)];
  return {
    id: series,
    title: `Time against the number of ${axis}: ${series.replaceAll('-', ' ')}`,
    caption: 'Both axes are logarithmic: a straight line is a power, its slope the exponent. Least time of the rounds.',
    description: members
      .map(({ participant, exponent }) => `${participant} grows with exponent ${exponent.toFixed(2)}`)
      .join('; '),
    width: WIDTH,
    height: HEIGHT,
    option: lineChart({
      width: WIDTH,
      height: HEIGHT,
      x: { label: axis, scale: last / first > 30 ? 'log10' : 'log2', min: first, max: last, format: count },
      y: {
        label: 'seconds',
        scale: 'log10',
        min: Math.min(...times) / 1.5,
        max: Math.max(...times) * 1.5,
        format: formatSeconds,
      },
      lines: members.map(({ participant, points }, index) => ({
        label: participant,
        colour: LIGHT.series[index % LIGHT.series.length]!,
        points,
        marks: points.map(([x, y]) => ({ x, y, tip: `${participant}, ${count(x)} ${axis}: ${formatSeconds(y)}` })),
      })),
    }),
  };
}

const text = (value: string): Cell => ({ text: value });
const number = (value: number, shown: string): Cell => ({ text: shown, sort: value });
const NONE: Cell = { text: '–', tone: 'muted' };

function goalsOf({ cases, growth }: BenchmarkResult): { place: string; goal: GoalResult }[] {
  return [
    ...cases.flatMap(({ name, goals }) => goals.map((goal) => ({ place: name, goal }))),
    ...growth.flatMap(({ series, goal }) => (goal ? [{ place: series, goal }] : [])),
  ];
}

function goalsIntroduction(result: BenchmarkResult): Block {
  const goals = goalsOf(result);
  const met = goals.filter(({ goal }) => goal.met).length;
  const open = goals.filter(({ goal }) => goal.met === null).length;
  const failed = result.cases.filter(({ failure }) => failure !== undefined).length;
  const notMeasured = open > 0 ? `, ${open} could not be measured here` : '';
  const failures = failed > 0 ? `; ${failed} cases failed` : '';
  return paragraph(
    `${met} of ${goals.length} goals are met${notMeasured}${failures}. Ratios are of the least times of the rounds.`,
  );
}

function goalsTable(result: BenchmarkResult): Table {
  return {
    caption: 'Goals',
    columns: [
      { label: 'case', name: true },
      { label: 'goal' },
      { label: 'measured', align: 'right' },
      { label: 'verdict' },
    ],
    rows: goalsOf(result).map(({ place, goal: { text: goal, measured, met } }) => [
      text(place),
      text(goal),
      measured === null ? NONE : number(measured, compact(measured, 3)),
      met === null
        ? { text: 'not measured', tone: 'muted' }
        : { text: met ? 'met' : 'missed', tone: met ? 'good' : 'caution' },
    ]),
  };
}

function exponentsTable(growth: readonly Growth[]): Table {
  return {
    caption: 'Exponents of the growth of time',
    columns: [
      { label: 'series' },
      { label: 'participant' },
      { label: 'exponent', align: 'right' },
      { label: 'standard error', align: 'right' },
      { label: 'points', align: 'right' },
    ],
    rows: growth.map(({ series, participant, exponent, standardError, points }) => [
      text(series),
      text(participant),
      number(exponent, exponent.toFixed(2)),
      number(standardError, standardError.toFixed(2)),
      number(points.length, String(points.length)),
    ]),
  };
}

function caseSection(result: CaseResult): Section {
  const { name, title, about, inputs, work, tolerance, failure } = result;
  const equality = tolerance === 0 ? 'the same bits' : `equal within ${tolerance} of the greatest value`;
  return {
    id: name,
    heading: title,
    blocks: [
      paragraph(about),
      paragraph(`${inputs.join('; ')}. One run is ${count(work.amount)} ${work.unit}; results must be ${equality}.`),
      failure === undefined ? table(caseTable(result)) : paragraph({ stress: 'Failed:' }, ` ${failure}`),
    ],
  };
}

function caseTable({ title, timings, peers }: CaseResult): Table {
  return {
    caption: title,
    columns: [
      { label: 'participant' },
      { label: 'least', align: 'right' },
      { label: 'median', align: 'right' },
      { label: 'rate', align: 'right' },
      { label: 'of the limit', align: 'right' },
      { label: 'times the first', align: 'right', title: 'median of the rounds, least and greatest' },
      { label: 'result' },
      { label: 'beside' },
    ],
    rows: timings.map(({ id, skipped, seconds, perSecond, roofline, facts, equal }): Cell[] => {
      if (!seconds)
        return [text(id), NONE, NONE, NONE, NONE, NONE, NONE, { text: `skipped: ${skipped}`, tone: 'muted' }];
      const ratio = peers.find((peer) => peer.id === id)?.ratio;
      return [
        text(id),
        number(seconds.min, formatSeconds(seconds.min)),
        number(seconds.median, formatSeconds(seconds.median)),
        number(perSecond!, formatRate(perSecond!)),
        roofline
          ? {
              ...number(roofline.share, percent(roofline.share, 100)),
              title: `${roofline.name}, ${roofline.instructions}`,
            }
          : NONE,
        ratio
          ? number(ratio.median, `${compact(ratio.median, 3)} (${compact(ratio.low, 3)}–${compact(ratio.high, 3)})`)
          : NONE,
        equal === null ? { text: 'the measure', tone: 'muted' } : text(equal ? 'equal' : 'different'),
        text(
          Object.entries(facts ?? {})
            .map(([fact, value]) => `${fact} ${compact(value, 3)}`)
            .join(', '),
        ),
      ];
    }),
  };
}

function rooflineTable({ roofline }: BenchmarkResult): Table {
  return {
    caption: 'Measured limits',
    columns: [
      { label: 'limit' },
      { label: 'instructions' },
      { label: 'threads', align: 'right' },
      { label: 'rate', align: 'right' },
    ],
    rows: roofline.map(({ name, instructions, threads, perSecond }) => [
      text(name),
      text(instructions),
      number(threads, String(threads)),
      number(perSecond, formatRate(perSecond)),
    ]),
  };
}

function conditionsTable({ machine, date }: BenchmarkResult): Table {
  const rows: [string, string][] = [
    ['processor', `${machine.cpu}, ${machine.cores} cores`],
    ['instructions', machine.instructions.join(' ')],
    ['memory', `${compact(machine.memoryBytes / 2 ** 30, 3)} GiB`],
    ['operating system', machine.os],
    ['load before the start', machine.loadBefore.toFixed(2)],
    ['began', date],
    ['Node', machine.node],
    ['Rust', machine.rust],
    ...Object.entries(machine.python ?? { Python: 'none: peers were skipped' }),
  ];
  return {
    caption: 'Conditions',
    columns: [{ label: 'what' }, { label: 'which' }],
    rows: rows.map((row) => row.map(text)),
  };
}
