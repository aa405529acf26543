/** Formats of files that can be read, the same as the core's table; a test holds the two to each other. */
export const FILE_FORMATS = [
  'npy',
  'npz',
  'safetensors',
  'arrow',
  'parquet',
  'lm-evaluation-harness',
  'inspect',
  'openai-evals',
  'evalplus',
  'multipl-e',
  'helm',
  'olmes',
  'write-out',
  'responses',
  'problems',
  'jsonl',
  'tsv',
  'csv',
] as const;

/**
 * A format of files. `responses` are saved responses of an inference server or of vLLM's offline API; `jsonl` also covers
 * lists of rows and rows in a wrapper.
 */
export type FileFormat = (typeof FILE_FORMATS)[number];
