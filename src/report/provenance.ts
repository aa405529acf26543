import type { Provenance } from '../results/estimate.js';
import type { Phrase } from '../results/phrase.js';
import type { Table } from '../results/table.js';
import { count } from '../text/format.js';
import { type Block, list, paragraph, type Section, table } from './report.js';

/**
 * The section that says what is needed to repeat a result. `models` are the models whose sources those of the result are,
 * in this order; `null` if they are the files that all models were read from together.
 */
export function provenanceSection(
  { version, seed, sources }: Provenance,
  models: readonly string[] | null,
  facts: readonly string[],
): Section {
  return {
    id: 'provenance',
    heading: 'Where this comes from',
    lookUp: true,
    blocks: [
      paragraph([`coverage-principle ${version}, seed ${seed}.`, ...facts].join(' ')),
      ...(models === null ? fileBlocks(sources) : models.length > 0 ? sourceBlocks(sources, models) : []),
      ...scoredBlocks(sources, models ?? []),
    ],
  };
}

/** How what `score` wrote was scored, and what its preflight found. */
function scoredBlocks(sources: Provenance['sources'], models: readonly string[]): Block[] {
  const told = sources.flatMap(({ scored }, index): Phrase[] =>
    scored === undefined ? [] : [models[index] === undefined ? [scored] : [{ model: models[index] }, `: ${scored}`]],
  );
  return told.length > 0 ? [list(told)] : [];
}

/** Each model may have parts in several of the files, so the files are told, not whose they are. */
function fileBlocks(sources: Provenance['sources']): Block[] {
  const named = sources.filter(({ file }) => file !== undefined);
  if (named.length === 0) return [paragraph('The data were given as arrays.')];
  if (named.length === 1) return sourceBlocks(named, ['all']);
  return [
    table({
      caption: `The ${count(named.length)} files that were read`,
      columns: [{ label: 'file', name: true }, { label: 'format' }, { label: 'BLAKE3', name: true }],
      rows: named.map(({ file, format, blake3 }) => [file, format, blake3].map((text) => ({ text: text ?? '–' }))),
    }),
  ];
}

function sourceBlocks(sources: Provenance['sources'], models: readonly string[]): Block[] {
  const rows = models.map((_, index) => {
    const { file, format, dtype, blake3 } = sources[index] ?? {};
    return [file, format, dtype, blake3];
  });
  const [first] = rows;
  if (rows.every((row) => row.every((text) => text === undefined)))
    return [paragraph('The data were given as arrays.')];
  if (rows.every((row) => JSON.stringify(row) === JSON.stringify(first))) {
    const [file = 'an unnamed file', format, dtype, blake3] = first!;
    const kind = [format, dtype].filter(Boolean).join(', ');
    return [
      paragraph(
        'All models come from ',
        { code: file },
        kind && ` (${kind})`,
        ...(blake3 ? [', BLAKE3 ', { code: blake3 }] : []),
        '.',
      ),
    ];
  }
  return [table(sourcesTable(rows, models))];
}

function sourcesTable(rows: readonly (readonly (string | undefined)[])[], models: readonly string[]): Table {
  return {
    caption: `Sources of the ${count(models.length)} models`,
    columns: [
      { label: 'model', name: true },
      { label: 'file', name: true },
      { label: 'format' },
      { label: 'element type' },
      { label: 'BLAKE3', name: true },
    ],
    rows: rows.map((row, index) => [models[index], ...row].map((text) => ({ text: text ?? '–' }))),
  };
}
