import { plural } from '../../src/text/format.js';
import type { Case, FileFormat, Goal } from '../case.js';
import type { Scope } from './index.js';
import { participantsOf } from './participants.js';

/** Reading files, every value checked. */
export function readingCases(scope: Scope): Case[] {
  return [...npyCases(scope), ...FORMATS.map((format) => formatCase(format, scope))];
}

/** Another format: at which size, who reads it. */
interface Format {
  readonly format: FileFormat;
  readonly models: number;
  readonly responses: number;
  readonly dtype: 'f4' | 'f8';
  readonly about: string;
  readonly participants: readonly string[];
  /** The facade is also timed on all threads. */
  readonly threaded?: boolean;
  /** Given the participant that uses most threads. */
  readonly goals?: (fastest: string) => readonly Goal[];
}

/** With hash and checks, at 80% of the speed of NumPy with the checks alone. */
const CHECKED: Goal = { kind: 'ratio', slow: 'core', fast: 'numpyChecked', atMost: 1 / 0.8, note: '80% of the speed' };

const FORMATS: readonly Format[] = [
  {
    format: 'npz',
    models: 64,
    responses: 1_048_576,
    dtype: 'f4',
    about: 'One stored array a model.',
    participants: ['core', 'facade', 'numpy'],
  },
  {
    format: 'safetensors',
    models: 64,
    responses: 1_048_576,
    dtype: 'f4',
    about: 'One matrix; numpy is the reader of the safetensors package.',
    participants: ['core', 'facade', 'numpy', 'numpyChecked'],
    goals: () => [CHECKED],
  },
  {
    format: 'csv',
    models: 100,
    responses: 100_000,
    dtype: 'f4',
    about: 'A column a model, a row a response, joined by id.',
    participants: ['facade', 'loadtxt', 'pyarrow'],
    threaded: true,
    goals: () => [{ kind: 'ratio', slow: 'facade', fast: 'pyarrow', atMost: 1, note: 'its speed on one thread' }],
  },
  {
    format: 'long.csv',
    models: 100,
    responses: 100_000,
    dtype: 'f4',
    about: 'A row for each model and response, joined by id; the peer is the usual loop over csv.reader.',
    participants: ['facade', 'csvReader'],
    threaded: true,
    goals: (fastest) => [{ kind: 'ratio', slow: fastest, fast: 'csvReader', atMost: 0.1, note: 'ten times the speed' }],
  },
  {
    format: 'jsonl',
    models: 100,
    responses: 100_000,
    dtype: 'f4',
    about: 'One line for each model and response, joined by id; the peer is the usual loop over json.loads.',
    participants: ['facade', 'jsonLoads'],
    threaded: true,
    goals: (fastest) => [{ kind: 'ratio', slow: fastest, fast: 'jsonLoads', atMost: 0.1, note: 'ten times the speed' }],
  },
  {
    format: 'parquet',
    models: 16,
    responses: 524_288,
    dtype: 'f4',
    about: 'A column a model and one of ids, compressed with zstd. Only the facade reads Parquet.',
    participants: ['facade', 'pyarrow'],
    goals: () => [{ kind: 'ratio', slow: 'facade', fast: 'pyarrow', atMost: 2, note: 'half the speed' }],
  },
];

function formatCase(
  { format, models, responses: most, dtype, about, participants, threaded = false, goals = () => [] }: Format,
  scope: Scope,
): Case {
  const responses = scope.quick ? most / 16 : most;
  const as = participantsOf({ kind: 'read', file: '$matrix' }, { roofs: [{ name: 'bytes-256M' }] });
  const threads = threaded ? scope.threads.slice(1) : [];
  const own = threads.map((threads) => as('facade', { threads }));
  return {
    name: `read-${format.replace('.', '-')}`,
    title: `Reading ${plural(models, 'model')} × ${plural(responses, 'response')} from ${format}`,
    about: `${about} Speeds are bytes of values, not of the file.`,
    inputs: {
      matrix: {
        kind: 'converted',
        format,
        from: { kind: 'checkpoints', models, responses, dtype, noise: 0.3, seed: 4 },
      },
    },
    participants: [...participants.map((method) => as(method)), ...own],
    work: { unit: 'bytes', amount: models * responses * (dtype === 'f4' ? 4 : 8) },
    tolerance: 0,
    goals: [...goals(own.at(-1)?.id ?? 'facade')],
  };
}

function npyCases(scope: Scope): Case[] {
  const models = 64;
  const responses = scope.quick ? 65_536 : 1_048_576;
  return (['f4', 'f8'] as const).map((dtype) => {
    const bytes = models * responses * (dtype === 'f4' ? 4 : 8);
    const as = participantsOf({ kind: 'read', file: '$matrix' }, { roofs: [{ name: 'bytes-256M' }] });
    return {
      name: `read-npy-${dtype}`,
      title: `Reading a .npy file of ${Math.round(bytes / 2 ** 20)} MiB, ${dtype}`,
      about:
        'The file lies in the cache of the operating system. We hash it (BLAKE3) and check every value (no NaN, nothing ' +
        'positive); np.load does neither, so it is also timed with that check.',
      inputs: { matrix: { kind: 'checkpoints', models, responses, dtype, noise: 0.3, seed: 4 } },
      participants: [
        as('core'),
        as('facade'),
        ...scope.threads.slice(1).map((threads) => as('core', { threads })),
        as('numpy'),
        as('numpyChecked'),
      ],
      work: { unit: 'bytes', amount: bytes },
      tolerance: 0,
      goals: [CHECKED],
    };
  });
}
