import type { LineFormat } from '../score/line-file.js';
import * as z from '../zod.js';
import type { Sampled } from './generator.js';
import type { Prompts } from './prompts.js';

/** Schema of the first line of a file that `sample` writes. */
const manifestSchema = z.object({
  'coverage-principle': z.literal('samples'),
  version: z.string(),
  model: z.string(),
  part: z.tuple([z.int(), z.int()]).optional(),
  input: z.object({ file: z.string().nullable(), sha256: z.string(), rows: z.int() }),
  server: z.object({ software: z.string(), served: z.string(), urls: z.array(z.string()) }),
  sampling: z.object({
    n: z.int(),
    temperature: z.number(),
    topP: z.number(),
    maxTokens: z.int(),
    stop: z.array(z.string()),
    seed: z.number(),
  }),
  verifier: z.looseObject({ kind: z.string() }),
});

/** How a file of samples came to be: its first line. */
export type SampleManifest = z.output<typeof manifestSchema>;

/** What is known of a sample beside its place, as bits of one number. */
export const RIGHT = 1;
export const CUT = 2;

/**
 * The samples of one model: a line a sample, its key counted prompt by prompt, its number {@link RIGHT} and {@link CUT}.
 * `onText` is told every text that is there.
 */
export function sampleFormat(
  { rows }: Prompts,
  n: number,
  onText: (row: number, text: string) => void,
): LineFormat<SampleManifest> {
  const positions = new Map(rows.map(({ id }, index) => [String(id), index]));
  return {
    command: 'sample',
    parseHead: (text) => {
      try {
        return manifestSchema.parse(JSON.parse(text));
      } catch {
        return null;
      }
    },
    parseLine: ({ problemId, sampleIndex, correct, finish, response }) => {
      const whole = typeof sampleIndex === 'number' && Number.isInteger(sampleIndex) && sampleIndex >= 0;
      if (!whole || typeof correct !== 'boolean' || typeof response !== 'string') return null;
      const row = positions.get(String(problemId));
      const key = row === undefined || sampleIndex >= n ? undefined : row * n + sampleIndex;
      if (row !== undefined) onText(row, response);
      return { what: `Sample ${sampleIndex} of ${problemId}`, key, value: bits(correct, finish) };
    },
  };
}

/** {@link RIGHT} and {@link CUT} of a sample. */
export function bits(correct: boolean, finish: unknown): number {
  return (correct ? RIGHT : 0) + (finish === 'length' ? CUT : 0);
}

/** The line of a sample, as `pass-at-k` takes it. */
export function sampleLine(
  { model }: SampleManifest,
  problemId: string | number,
  sampleIndex: number,
  correct: boolean,
  { text, finish }: Sampled,
): object {
  return { model, problemId, sampleIndex, correct, finish, response: text };
}
