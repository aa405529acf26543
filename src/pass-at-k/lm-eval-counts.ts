import type { FileStream } from '../input/file-stream.js';
import { type JsonObject, show, toId, toNumber } from '../input/json.js';
import { readJsonRows } from '../input/json-rows.js';
import type { CountContext } from './count-rows.js';

/**
 * Reads the samples that lm-evaluation-harness saved of a task with `repeats`.
 *
 * It keeps one value of each metric a document, not one a repeat. So the count is taken from a list of values where
 * the metric is one; from the mean over repeats (`pass@1`), which times n is whole; or, for an exact match, by comparing
 * every repeat that the filter kept with the target.
 */
export async function readLmEvalCounts(stream: FileStream, context: CountContext): Promise<void> {
  const { file, model, join, findings, options } = context;
  let { filter, metric } = options;
  for await (const { value: sample, row } of readJsonRows(stream)) {
    const id = toId(sample['doc_id']);
    if (id === undefined) {
      findings.error('ERR_MALFORMED_FILE', 'The row has no doc_id: it is not of lm-evaluation-harness.', { file, row });
      continue;
    }
    if (typeof sample['filter'] === 'string') {
      filter ??= sample['filter'];
      if (sample['filter'] !== filter) continue;
    }
    metric ??= defaultMetric(sample);
    const place = { file, row, model, response: id };
    const counts = countsOf(sample, metric);
    if (typeof counts === 'string') findings.error('ERR_UNSUPPORTED_FILE', counts, place);
    else join.addCounts(place, counts.samples, counts.correct);
  }
}

/** The first metric that says right or wrong. */
function defaultMetric(sample: JsonObject): string | undefined {
  const metrics = Array.isArray(sample['metrics']) ? sample['metrics'].filter((name) => typeof name === 'string') : [];
  return ['pass@1', 'pass_at_1', 'exact_match', 'acc'].find((name) => metrics.includes(name)) ?? metrics[0];
}

function countsOf(sample: JsonObject, metric: string | undefined): { samples: number; correct: number } | string {
  if (metric === undefined) return 'The row names no metric: say which (--metric).';
  const repeats = repeatsOf(sample['resps']);
  const value = sample[metric];
  if (Array.isArray(value)) {
    const values = value.map(toNumber);
    if (values.every((score) => score === 0 || score === 1)) {
      return { samples: values.length, correct: values.filter((score) => score === 1).length };
    }
    return `The metric ${metric} is ${show(value)}, not a list of zeros and ones.`;
  }
  const score = toNumber(value);
  if (typeof score !== 'number') return `The row has no metric ${metric}: say which it is (--metric).`;
  if (repeats === undefined) return 'The row has no responses (resps): how many samples there are is not known.';
  if (repeats === 1 && (score === 0 || score === 1)) return { samples: 1, correct: score };
  const correct = Math.round(score * repeats);
  if (/^pass(@|_at_)1$/.test(metric) && Math.abs(score * repeats - correct) < 1e-6)
    return { samples: repeats, correct };
  const kept = Array.isArray(sample['filtered_resps']) ? sample['filtered_resps'].flat() : [];
  const { target } = sample;
  if (metric === 'exact_match' && kept.length === repeats && typeof target === 'string') {
    const matches = kept.filter((response) => typeof response === 'string' && response.trim() === target.trim());
    return { samples: repeats, correct: matches.length };
  }
  return (
    `lm-evaluation-harness keeps one value of ${metric} for all ${repeats} repeats, from which the number of right ones cannot be told: ` +
    'use a filter that keeps every repeat (no take_first) with exact_match, or a metric that returns a list.'
  );
}

/** `resps` is requests × repeats, with one request for a task that generates. */
function repeatsOf(resps: unknown): number | undefined {
  const first = Array.isArray(resps) ? resps[0] : undefined;
  return Array.isArray(first) ? first.length : undefined;
}
