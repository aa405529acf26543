import type { LogProbs } from '../log-probs/log-probs.js';

/** Numbers equal ids alike, in order of first appearance. */
export function toLabels(ids: readonly string[]): Uint32Array {
  const labels = new Map<string, number>();
  return Uint32Array.from(ids, (id) => {
    const label = labels.get(id) ?? labels.size;
    labels.set(id, label);
    return label;
  });
}

/** A label for each response's prompt; `null` where prompts are unknown or none repeats, so that responses are the unit. */
export function promptLabels({ metadata }: LogProbs): Uint32Array | null {
  const { promptIds } = metadata;
  if (promptIds === null || new Set(promptIds).size === promptIds.length) return null;
  return toLabels(promptIds);
}
