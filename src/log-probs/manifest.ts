import type { Warning } from '../results/estimate.js';
import { count, plural } from '../text/format.js';
import * as z from '../zod.js';

/** What was found when responses were scored twice, in another order and at another concurrency. */
const preflightSchema = z.object({
  /** Positions of the responses in the input. */
  rows: z.array(z.int()),
  /** Their log-probabilities, one by one, then in the other order; −∞ and what had no value is null. */
  first: z.array(z.number().nullable()),
  second: z.array(z.number().nullable()),
  /** Responses that had a finite value both times. */
  compared: z.int(),
  /** The largest difference in nats. */
  largestDifference: z.number(),
  /** Responses whose two values are not the same number. */
  differing: z.int(),
  /** Comparisons with the checkpoints that were known then, at each N, and how many came out otherwise the second time. */
  flips: z.array(z.object({ N: z.number(), comparisons: z.int(), flipped: z.int() })),
  /** Checkpoints that gave the same values throughout. */
  identicalTo: z.array(z.string()),
});

/** Schema of the first line of a file that `score` writes. */
const manifestSchema = z.object({
  'coverage-principle': z.literal('scores'),
  version: z.string(),
  model: z.string(),
  part: z.tuple([z.int(), z.int()]).optional(),
  input: z.object({ file: z.string().nullable(), sha256: z.string(), rows: z.int() }),
  server: z.object({
    kind: z.string(),
    software: z.string(),
    served: z.string(),
    maxLength: z.int().nullable(),
    urls: z.array(z.string()),
  }),
  tokens: z.object({
    sha256: z.string(),
    bos: z.array(z.int()),
    eos: z.array(z.int()),
    boundary: z.string(),
  }),
  tokenLogProbs: z.boolean(),
  dtype: z.string().optional(),
  preflight: preflightSchema.nullable(),
});

/** How a file of scores came to be: its first line. */
export type ScoreManifest = z.output<typeof manifestSchema>;

/** The finding of a preflight. */
export type Preflight = z.output<typeof preflightSchema>;

/** The manifest in a line of text; `null` if it is none. */
export function parseManifest(text: string): ScoreManifest | null {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Where scores come from and how they repeat, in a sentence for reports. */
export function scoredBy({ server: { software, served, urls }, dtype, preflight, tokens }: ScoreManifest): string {
  const special = [
    tokens.bos.length > 0 ? `token ${tokens.bos.join(', ')} before each text prompt` : 'no token added before prompts',
    tokens.eos.length > 0 ? `token ${tokens.eos.join(', ')} scored after each response` : 'none after responses',
  ].join(', ');
  return `Scored by ${software} serving ${served}${dtype ? ` in ${dtype}` : ''} (${plural(urls.length, 'server')}; ${special}). ${foundByPreflight(preflight)}`;
}

/** What a preflight found, in a sentence. */
export function foundByPreflight(preflight: Preflight | null): string {
  if (preflight === null) return 'No response was scored twice.';
  const { rows, compared, differing, largestDifference, flips } = preflight;
  if (compared === 0) return `None of ${plural(rows.length, 'response')} had a value both times that it was scored.`;
  const without = rows.length - compared;
  const more = without > 0 ? ` (${count(without)} more had no value, or −∞, at least once)` : '';
  const twice = `${plural(compared, 'response')} scored twice, in another order and at another concurrency${more}`;
  if (differing === 0) return `${twice}: the same numbers.`;
  const flipped = flips
    .filter(({ comparisons }) => comparisons > 0)
    .map((each) => `${count(each.flipped)} of ${count(each.comparisons)} comparisons at N = ${each.N}`);
  const effect = flipped.length > 0 ? `; ${flipped.join(', ')} came out otherwise` : '';
  return `${twice}: ${count(differing)} differ, by up to ${largestDifference.toPrecision(2)} nats${effect}.`;
}

/** Nats of a difference between two scores of one response that would matter to many comparisons. */
const LARGE = 0.1;

/** What a reader of scores must know of how they came to be. */
export function manifestWarnings({ model, preflight }: ScoreManifest): Warning[] {
  if (preflight === null) return [];
  const warnings: Warning[] = [];
  // A comparison may come out otherwise for the other checkpoint's sake; without any, what might have is said.
  const unknown = preflight.flips.every(({ comparisons }) => comparisons === 0);
  const matters =
    preflight.flips.some(({ flipped }) => flipped > 0) || (unknown && preflight.largestDifference > LARGE);
  if (preflight.differing > 0 && matters) {
    const message = `The scores of ${model} depend on order or concurrency. ${foundByPreflight(preflight)} Serve it without prefix caching, with batch-invariant kernels or in higher precision, and score again.`;
    warnings.push({ code: 'WARN_SCORES_VARY', message });
  }
  if (preflight.identicalTo.length > 0) {
    const message = `${model} gave the same log-probabilities as ${preflight.identicalTo.join(', ')} on all ${preflight.rows.length} responses of the preflight: check that the server loaded other weights.`;
    warnings.push({ code: 'WARN_SAME_SCORES', message });
  }
  return warnings;
}
