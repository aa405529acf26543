import type { Move } from './record.js';
import type { CaseResult, Growth, Roof } from './result.js';

const SCALES = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
  [1e-9, 'ns'],
] as const;

/** A time with three digits. */
export function formatSeconds(seconds: number): string {
  const [scale, unit] = SCALES.find(([scale]) => seconds >= scale) ?? SCALES.at(-1)!;
  return `${(seconds / scale).toPrecision(3)} ${unit}`;
}

/** A number a second, in thousands, millions, … */
export function formatRate(perSecond: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log10(perSecond) / 3), 0), 4);
  return `${(perSecond / 1000 ** power).toPrecision(3)}${['', ' k', ' M', ' G', ' T'][power]}/s`;
}

/** A case as a table of text. */
export function caseText({ name, title, timings, peers, goals, failure }: CaseResult): string {
  const lines = [`${name}: ${title}`];
  if (failure) return [...lines, `  FAILED: ${failure}`, ''].join('\n');
  const width = Math.max(...timings.map(({ id }) => id.length));
  for (const { id, skipped, seconds, perSecond, roofline, facts, equal } of timings) {
    if (!seconds) {
      lines.push(`  ${id.padEnd(width)}  skipped: ${skipped}`);
      continue;
    }
    const against = peers.find((peer) => peer.id === id)?.ratio;
    lines.push(
      [
        `  ${id.padEnd(width)}`,
        formatSeconds(seconds.min).padStart(9),
        `median ${formatSeconds(seconds.median)}`.padStart(16),
        formatRate(perSecond!).padStart(10),
        (roofline ? `${(100 * roofline.share).toFixed(0)}% of ${roofline.name}` : '').padEnd(20),
        against
          ? `${against.median.toPrecision(3)}× (${against.low.toPrecision(3)}–${against.high.toPrecision(3)})`
          : '',
        equal === null ? '' : equal ? 'equal' : 'DIFFERENT',
        ...Object.entries(facts ?? {}).map(([fact, value]) => `${fact} ${value.toPrecision(3)}`),
      ].join('  '),
    );
  }
  for (const { text, measured, met } of goals) {
    const verdict = met === null ? 'not measured' : met ? 'met' : 'missed';
    lines.push(`  goal: ${text}: ${measured === null ? '–' : measured.toPrecision(3)}, ${verdict}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What moved against a record, slower first. */
export function movesText(moves: readonly Move[]): string {
  if (moves.length === 0) return '  nothing moved by more than noise\n';
  return moves
    .map(({ name, participant, before, now, factor }) => {
      const change = factor > 1 ? `${factor.toFixed(2)}× slower` : `${(1 / factor).toFixed(2)}× faster`;
      return `  ${name} ${participant}: ${change} (${formatSeconds(before)}, now ${formatSeconds(now)})\n`;
    })
    .join('');
}

/** Growth along the series as text. */
export function growthText(growth: readonly Growth[]): string {
  return growth
    .map(({ series, participant, axis, exponent, standardError, goal }) => {
      const verdict = goal ? `; goal ${goal.text}: ${goal.met ? 'met' : 'missed'}` : '';
      return `  ${series}: ${participant} ∝ ${axis}^${exponent.toFixed(2)} ± ${standardError.toFixed(2)}${verdict}`;
    })
    .join('\n');
}

/** The measured limits as text. */
export function rooflineText(roofline: readonly Roof[]): string {
  return roofline
    .map(({ name, instructions, threads, perSecond }) => {
      return `  ${name.padEnd(14)} ${instructions.padEnd(9)} ${String(threads).padStart(2)} threads ${formatRate(perSecond)}`;
    })
    .join('\n');
}
