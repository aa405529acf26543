import { CoverageError, expectInstance } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { callNative, native } from '../native.js';
import { budgetsSchema, checkOptions, jobOptionsShape, ratiosSchema, shardSchema } from '../options.js';
import { readSaved } from '../saved-file.js';
import { writeReportFile } from '../write-file.js';
import * as z from '../zod.js';
import { competitors } from './competitors.js';

type Handle = InstanceType<typeof native.CountsPartHandle>;

const countsPartSchema = z.strictObject({
  ...jobOptionsShape,
  shard: shardSchema.describe('Part I of N, counted from 1: the pairs of models are shared among N parts.'),
  bestOf: budgetsSchema.default([]).describe('Budgets K of the selection.'),
  N: ratiosSchema.or(z.array(z.never()).readonly()).default([]).describe('Ratios N of the selection.'),
  reference: z.string().optional().describe('The reference of the selection, which does not compete.'),
  command: z
    .array(z.string())
    .readonly()
    .default([])
    .describe('Words kept with the part: the command line that asks for the whole. All parts must have the same.'),
  there: z
    .custom<CountsPart>((value) => value instanceof CountsPart, 'must be a CountsPart')
    .optional()
    .describe('The part as it is there already: taken if it is this one, else refused.'),
});

/** Options of {@link CountsPart.count}. */
export type CountsPartOptions = JobOptions & Omit<z.input<typeof countsPartSchema>, keyof JobOptions>;

/**
 * A part of what a selection counts, so that several processes or machines can share it. All parts together, in any order,
 * are what one process counts, to the bit: {@link selectCheckpoint} takes them as `parts`.
 */
export class CountsPart {
  readonly #handle: Handle;
  /** What names it in messages. */
  readonly #label: string;

  private constructor(handle: Handle, label: string) {
    this.#handle = handle;
    this.#label = label;
  }

  /**
   * Counts one part, O(M²·n) over the number of parts.
   *
   * @throws CoverageError `ERR_INVALID_OPTION`; `ERR_INPUT_CHANGED` if the part that is there is another;
   * `ERR_TOO_FEW_MODELS`, `ERR_UNKNOWN_MODEL`; the signal's reason when aborted
   */
  static async count(input: LogProbs, options: CountsPartOptions): Promise<CountsPart> {
    const checked = checkOptions('CountsPart.count', countsPartSchema, options);
    const { shard, bestOf, N, reference, command, there, threads } = checked;
    expectInstance('CountsPart.count()', input, LogProbs);
    const logProbs = competitors(input, reference);
    // What is counted depends on budgets and ratios alone.
    const settings = JSON.stringify({ bestOf, N, seed: 0, confidence: 0.95, counts: false, threads });
    const handle = await runJob(
      (job) =>
        native.countPart(
          [...logProbs.models],
          logProbs.handle,
          [...shard],
          [...command],
          there?.handle ?? null,
          settings,
          job,
        ),
      options,
      logProbs.placeNames,
    );
    return new CountsPart(handle, `part ${shard.join('/')}`);
  }

  /**
   * Reads a file that {@link CountsPart.write} wrote.
   *
   * @throws CoverageError `ERR_IO` if it cannot be read, `ERR_MALFORMED_FILE` if it is something else, cut off or altered
   */
  static async read(file: string): Promise<CountsPart> {
    return readSaved('part', file, (bytes) => {
      return new CountsPart(
        callNative(() => native.CountsPartHandle.fromBytes(bytes)),
        file,
      );
    });
  }

  /** Writes the part beside `file`, then renames it, so that the file is never half written. */
  async write(file: string): Promise<void> {
    await writeReportFile(
      file,
      callNative(() => this.#handle.toBytes()),
    );
  }

  /** @internal */
  get handle(): Handle {
    return this.#handle;
  }

  /** @internal */
  get label(): string {
    return this.#label;
  }

  /** Which part of how many, counted from 1. */
  get shard(): readonly [number, number] {
    const [part, of] = callNative(() => this.#handle.shard);
    return [part!, of!];
  }

  /** The words kept with the part. */
  get command(): readonly string[] {
    return callNative(() => this.#handle.command);
  }
}

/**
 * The counts of all parts, which must be of these models in this order.
 *
 * @throws CoverageError `ERR_MISSING_PART` naming those that are missing or there twice; `ERR_INPUT_CHANGED` for parts that
 * do not belong together or are of other models
 * @internal
 */
export function handleOfParts(
  parts: readonly CountsPart[],
  models: readonly string[],
): InstanceType<typeof native.AllPartsHandle> {
  const handle = callNative(() =>
    native.AllPartsHandle.assemble(
      parts.map((part) => part.handle),
      parts.map((part) => part.label),
    ),
  );
  const known = callNative(() => handle.names);
  const other = known.find((name, index) => name !== models[index]) ?? models[known.length];
  if (other === undefined) return handle;
  throw new CoverageError(
    'ERR_INPUT_CHANGED',
    `The parts were counted of ${known.length} models, the input has ${models.length}, and they differ at ${other}: count the parts anew.`,
    { place: { model: other } },
  );
}
