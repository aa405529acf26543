import type { Provenance, Warning } from '../../results/estimate.js';
import type { Phrase } from '../../results/phrase.js';
import type { Plot } from '../../results/plot.js';
import type { Cell, Table, Tone } from '../../results/table.js';
import type { Verdict } from '../../results/verdict.js';
import { plural } from '../../text/format.js';
import { plotFigure } from '../charts/plot.js';
import { build, experimentsGiven } from '../fault.js';
import { provenanceSection } from '../provenance.js';
import { type Block, figures, list, type Report, type Section, type Sheet, table, warnings } from '../report.js';
import { heldText } from '../verdicts.js';

/** An experiment as it is reported on: its claims, and what they rest on. */
export interface ReportedExperiment {
  /** Distinct within a report and fit for an anchor. */
  readonly name: string;
  readonly title: string;
  /** Where in the paper the claims are. */
  readonly source: string;
  /** What was done and seen, in plain words. */
  readonly summary: readonly Phrase[];
  readonly verdicts: readonly Verdict[];
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
}

/** What a report of experiments says besides them. */
export interface ExperimentExtras {
  /** What they have in common, for the line under the title, e.g. `seed 0`. */
  readonly settings?: readonly string[];
  readonly warnings?: readonly Warning[];
  readonly provenance?: Provenance;
}

/** What `reproduce --json` prints, plain data. @public */
export interface PrintedExperiments {
  /** All claims of all experiments. */
  readonly verdicts: readonly Verdict[];
  readonly experiments: readonly ReportedExperiment[];
}

/** The report of one or several experiments: verdicts on all of them first, then each with what its verdicts rest on. */
export function experimentReport(experiments: readonly ReportedExperiment[], extras: ExperimentExtras = {}): Report {
  return build('experimentReport()', experimentsGiven(experiments, extras), () => {
    const { settings = [], warnings: all = [], provenance } = extras;
    const [single] = experiments.length === 1 ? experiments : [];
    const verdicts = experiments.flatMap((each) => each.verdicts);
    return {
      title: single ? single.title : 'The Coverage Principle, reproduced',
      subtitle: [single ? single.source : plural(experiments.length, 'experiment'), ...settings].join(' · '),
      sections: [
        {
          id: 'verdicts',
          heading: heldText(verdicts),
          blocks: [
            warnings(all),
            ...(single ? [] : [table(experimentsTable(experiments))]),
            { kind: 'verdicts', verdicts },
          ],
        },
        ...(single ? singleSections(single) : experiments.map(partSection)),
        ...(provenance ? [provenanceSection(provenance, [], [])] : []),
      ],
      sheet: verdictsSheet(experiments),
      result: { verdicts, experiments } satisfies PrintedExperiments,
    };
  });
}

function singleSections({ summary, plots, tables }: ReportedExperiment): Section[] {
  return [
    { id: 'summary', heading: 'Summary', blocks: [list(summary)] },
    { id: 'figures', heading: 'Figures', blocks: [figures(plots.map(plotFigure))] },
    { id: 'tables', heading: 'In numbers', lookUp: true, blocks: tables.map((each) => table(each)) },
  ].filter(({ blocks }) => blocks.length > 0);
}

function partSection({ name, source, title, summary, plots, tables }: ReportedExperiment): Section {
  const numbers: Block = { kind: 'details', summary: 'In numbers', blocks: tables.map((each) => table(each)) };
  return {
    id: name,
    heading: `${source}: ${title}`,
    blocks: [list(summary), figures(plots.map(plotFigure)), ...(tables.length > 0 ? [numbers] : [])],
  };
}

/** One row an experiment: how many of its claims held. */
function experimentsTable(experiments: readonly ReportedExperiment[]): Table {
  const cell = (verdicts: readonly Verdict[], holds: boolean | null, tone: Tone): Cell => {
    const value = verdicts.filter((each) => each.holds === holds && !each.construction).length;
    return value === 0 ? { text: '–', sort: 0, tone: 'muted' } : { text: String(value), sort: value, tone };
  };
  return {
    caption: 'Experiments',
    columns: [
      { label: 'experiment', name: true },
      { label: 'source' },
      { label: 'what it shows', name: true },
      { label: 'held', align: 'right' },
      { label: 'failed', align: 'right' },
      { label: 'undecided', align: 'right' },
    ],
    rows: experiments.map(({ name, source, title, verdicts }) => [
      { text: name },
      { text: source },
      { text: title },
      cell(verdicts, true, 'good'),
      cell(verdicts, false, 'caution'),
      cell(verdicts, null, 'muted'),
    ]),
  };
}

/** One row a claim. */
function verdictsSheet(experiments: readonly ReportedExperiment[]): Sheet {
  return {
    columns: ['experiment', 'claim', 'source', 'predicted', 'measured', 'low', 'high', 'holds', 'reason'],
    rows: experiments.flatMap(({ name, verdicts }) =>
      verdicts.map(({ claim, source, predicted, measured, interval, holds, reason }) => [
        name,
        claim,
        source,
        predicted,
        measured,
        ...(interval ?? [null, null]),
        holds,
        reason,
      ]),
    ),
  };
}
