import { open } from 'node:fs/promises';
import { checkFile, FileStream } from '../input/file-stream.js';
import { located } from '../input/findings.js';
import type { JsonObject } from '../input/json.js';
import { readJsonRows } from '../input/json-rows.js';
import { isLmEvalRow } from './lm-eval.js';
import type { LogProbsFormat } from './reader.js';
import { isResponseRow } from './responses.js';

const BY_EXTENSION = new Map<string, LogProbsFormat>([
  ['npy', 'npy'],
  ['npz', 'npz'],
  ['safetensors', 'safetensors'],
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['parquet', 'parquet'],
  ['pq', 'parquet'],
]);

const JSON_EXTENSIONS = new Set(['json', 'jsonl', 'ndjson']);

/** The format of a file, by its name, then by its content. @throws CoverageError */
export async function detectFormat(path: string): Promise<LogProbsFormat> {
  await checkFile(path);
  const extension = /\.(\w+)(\.gz)?$/.exec(path.toLowerCase())?.[1] ?? '';
  const known = BY_EXTENSION.get(extension);
  if (known) return known;
  if (JSON_EXTENSIONS.has(extension)) return jsonFormat(path);
  const head = await readHead(path);
  const text = new TextDecoder('latin1').decode(head);
  if (text.startsWith('\x93NUMPY')) return 'npy';
  if (text.startsWith('PK')) return 'npz';
  if (text.startsWith('PAR1')) return 'parquet';
  if (text[8] === '{' && head.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors';
  const start = text.replace(/^\u00ef\u00bb\u00bf/, '').trimStart();
  if (start.startsWith('{') || start.startsWith('[')) return jsonFormat(path);
  const header = start.slice(0, start.search(/[\r\n]|$/));
  if (header.includes('\t')) return 'tsv';
  if (/[,;]/.test(header) && /^[\t\x20-\xff]*$/.test(header)) return 'csv';
  throw located(
    'ERR_UNKNOWN_FORMAT',
    'The format cannot be told from the name or the content of the file: say which it is (--format), or convert it to one of ' +
      '.npy, .npz, .safetensors, .csv, .tsv, .jsonl or .parquet.',
    { file: path },
  );
}

async function readHead(path: string): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(4096), 0, 4096, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function jsonFormat(path: string): Promise<LogProbsFormat> {
  for await (const { value } of readJsonRows(new FileStream(path))) {
    if (isLmEvalRow(value)) return 'lm-evaluation-harness';
    if (isResponseRow(value)) return 'responses';
    const hint = HINTS.find(({ keys }) => keys.some((key) => key in value));
    if (hint) throw located('ERR_UNSUPPORTED_FILE', hint.message, { file: path });
    return 'jsonl';
  }
  throw located('ERR_NO_RESPONSES', 'The file holds no row: write it again.', { file: path });
}

/** Files that users may well give, and that hold something else. */
const HINTS: readonly { keys: readonly (keyof JsonObject)[]; message: string }[] = [
  {
    keys: ['log_history'],
    message:
      'This is a trainer_state.json: it has mean losses, from which no coverage profile follows. Score the held-out responses one by one.',
  },
  {
    keys: ['is_corrects', 'passed', 'base_status', 'eval'],
    message: 'This holds samples that were checked, not log-probabilities: it is input for Pass@k.',
  },
  {
    keys: ['results', 'n-shot', 'configs'],
    message:
      'This is a results file of lm-evaluation-harness, which has averages only: give the samples_*.jsonl files (--log_samples).',
  },
];
