import type { DoctorReport } from '../../log-probs/doctor.js';
import { numberCell, type Table } from '../../results/table.js';
import { compact, count, plural } from '../../text/format.js';
import { styled, type TerminalOptions, terminalParagraph, terminalTable } from '../export/terminal.js';

const MOST_MODELS = 40;

/** What `doctor` found, for a terminal: findings first, then what the numbers look like. */
export function doctorText(report: DoctorReport, options: TerminalOptions = {}): string {
  const { color = false } = options;
  const errors = report.findings.filter(({ severity }) => severity === 'error').length;
  const warnings = report.findings.length - errors;
  const verdict = report.usable
    ? styled(
        'green',
        warnings === 0 ? 'Nothing wrong was found.' : `Usable, with ${plural(warnings, 'warning')}.`,
        color,
      )
    : styled(
        'red',
        `Not usable: ${plural(errors, 'error')}${warnings > 0 ? `, ${plural(warnings, 'warning')}` : ''}.`,
        color,
      );
  return [
    ...report.files.map(({ file, format }) => terminalParagraph([`${file}: ${format}`], options)),
    report.models.length > 0
      ? `${plural(report.models.length, 'model')}, ${plural(report.responses, 'response')}` +
        `${report.prompts === null ? '' : `, ${plural(report.prompts, 'prompt')}`}\n`
      : '',
    `${verdict}\n`,
    ...report.findings.map(({ severity, message, code, count: times }) =>
      terminalParagraph([`${message} [${code}${times > 1 ? `, ${count(times)} times` : ''}]`], options, {
        bullet: severity === 'error' ? '✗ ' : '! ',
      }),
    ),
    report.facts
      ? `\n${terminalTable(factsTable(report), options, { rows: MOST_MODELS, more: '--json holds all' })}`
      : '',
  ].join('');
}

function factsTable({ facts }: DoctorReport): Table {
  return {
    caption: 'What the numbers look like (log-probabilities in nats)',
    columns: [
      { label: 'model', name: true },
      { label: 'least', align: 'right' },
      { label: 'mean', align: 'right' },
      { label: 'greatest', align: 'right' },
      { label: '−∞', align: 'right' },
      { label: 'distinct', align: 'right' },
      { label: 'precision' },
      { label: 'spacing', align: 'right' },
    ],
    rows: facts!.models.map((model) => [
      { text: model.model },
      numberCell(model.min, (value) => compact(value)),
      numberCell(model.mean, (value) => compact(value)),
      numberCell(model.max, (value) => compact(value)),
      { text: count(model.minusInfinite) },
      { text: count(model.distinct) },
      { text: model.decimals === null ? model.precision : `${model.precision}, ${model.decimals} decimals` },
      { text: model.spacing.toPrecision(2) },
    ]),
  };
}
