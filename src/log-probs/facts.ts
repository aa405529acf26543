import { answer } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { native } from '../native.js';
import { checkOptions, jobOptionsShape } from '../options.js';
import type { Warning } from '../results/estimate.js';
import * as z from '../zod.js';
import type { LogProbs } from './log-probs.js';

/** A binary format of floating-point numbers. */
export type Precision = 'bfloat16' | 'float16' | 'float32' | 'float64';

/** What the numbers of one model say about how they were made. */
export interface ModelFacts {
  /** Name of the model. */
  readonly model: string;
  /** Least finite log-probability, in nats; `null` if all are −∞. */
  readonly min: number | null;
  /** Greatest finite log-probability; `null` if all are −∞. */
  readonly max: number | null;
  /** Mean of the finite log-probabilities; `null` if all are −∞. */
  readonly mean: number | null;
  /** Responses that the model rules out (−∞). */
  readonly minusInfinite: number;
  /** Values at or below −9999, where servers clamp −∞. */
  readonly clamped: number;
  /** Number of different values; fewer than responses means exact ties. */
  readonly distinct: number;
  /** Coarsest format that holds all values exactly, whatever the format of the file. */
  readonly precision: Precision;
  /** Distance in nats between neighbouring numbers of that format at the value of largest magnitude. */
  readonly spacing: number;
  /** Least number of decimal places, up to 6, that give all values exactly; `null` if more are needed. */
  readonly decimals: number | null;
}

/** What the numbers of a matrix say about how they were made. */
export interface MatrixFacts {
  /** One entry a model. */
  readonly models: readonly ModelFacts[];
  /** Groups of models that agree on every response. */
  readonly duplicateModels: readonly (readonly string[])[];
  /** Responses on which every model has the same value as on an earlier response. */
  readonly duplicateResponses: number;
  /** Responses that every model rules out. */
  readonly impossibleResponses: number;
}

const schema = z.strictObject(jobOptionsShape);

/** Range, precision, clamping and duplicates of log-probabilities. */
export async function matrixFacts(logProbs: LogProbs, options: JobOptions = {}): Promise<MatrixFacts> {
  const { threads } = checkOptions('matrixFacts', schema, options);
  const output = await runJob((job) => native.matrixFacts(logProbs.handle, threads, job), options);
  return nameFacts(JSON.parse(output.json), logProbs.models);
}

/** The core's facts: models are indices. @internal */
export interface NativeMatrixFacts extends Omit<MatrixFacts, 'models' | 'duplicateModels'> {
  readonly models: readonly Omit<ModelFacts, 'model'>[];
  readonly duplicateModels: readonly (readonly number[])[];
}

/** The core's facts with the names of the models. @internal */
export function nameFacts(facts: NativeMatrixFacts, models: readonly string[]): MatrixFacts {
  return {
    ...facts,
    models: facts.models.map((model, index) => ({ model: models[index]!, ...model })),
    duplicateModels: facts.duplicateModels.map((group) => group.map((index) => models[index]!)),
  };
}

/** Values resolve log N if neighbouring numbers are closer than this share of it. */
const COARSE = 0.1;

/**
 * Warnings about numbers that a comparison at the given N would stumble over: sums too coarse for log N, clamped
 * values, models or responses that occur twice, responses that decide nothing.
 */
export function factWarnings(facts: MatrixFacts, responses: number, budgets: readonly number[] = []): Warning[] {
  return answer('factWarnings()', () => {
    return [
      ...facts.models.flatMap((model) => [...precisionWarnings(model, budgets), ...clampWarnings(model)]),
      ...facts.duplicateModels.map((group) => ({
        code: 'WARN_DUPLICATE_MODELS',
        message: `${group.join(', ')} have the same log-probability on every response: the same checkpoint was probably scored twice.`,
      })),
      ...duplicateWarnings(facts, responses),
    ];
  });
}

function precisionWarnings(
  { model, precision, spacing, decimals, min }: ModelFacts,
  budgets: readonly number[],
): Warning[] {
  const least = Math.min(...budgets.filter((N) => N > 1).map(Math.log));
  const rounded = decimals === null ? 0 : 10 ** -decimals;
  const coarse = Math.max(precision === 'float64' ? 0 : spacing, rounded);
  const limit = Number.isFinite(least) ? COARSE * least : COARSE * Math.LN2;
  if (min === null || coarse < limit) return [];
  const cause =
    rounded >= spacing
      ? `are rounded to ${decimals} decimal place${decimals === 1 ? '' : 's'}`
      : `have the precision of ${precision}, in which numbers near ${min.toPrecision(4)} lie ${spacing} nats apart`;
  const against = Number.isFinite(least) ? `log ${format(Math.exp(least))} = ${least.toFixed(2)}` : 'log 2 = 0.69';
  return [
    {
      code: 'WARN_COARSE_PRECISION',
      message:
        `The log-probabilities of ${model} ${cause}, too coarse beside ${against}: counts at such N depend on rounding. ` +
        'Score again with log-probabilities summed in float32 or finer (lm-evaluation-harness: softmax_dtype=float32).',
    },
  ];
}

function clampWarnings({ model, clamped }: ModelFacts): Warning[] {
  if (clamped === 0) return [];
  return [
    {
      code: 'WARN_CLAMPED',
      message: `${model} has ${clamped} log-probabilities at or below −9999, by which servers replace −∞: write −inf if that is what they are.`,
    },
  ];
}

function duplicateWarnings({ duplicateResponses, impossibleResponses }: MatrixFacts, responses: number): Warning[] {
  const warnings: Warning[] = [];
  if (duplicateResponses > 0) {
    warnings.push({
      code: 'WARN_DUPLICATE_RESPONSES',
      message: `${duplicateResponses} of ${responses} responses have the same value under every model as an earlier one: repeated held-out data makes intervals too narrow.`,
    });
  }
  if (impossibleResponses > 0) {
    warnings.push({
      code: 'WARN_IMPOSSIBLE_RESPONSES',
      message: `${impossibleResponses} of ${responses} responses are ruled out (−∞) by every model: they count for none of them.`,
    });
  }
  return warnings;
}

function format(N: number): string {
  return String(Number(N.toPrecision(6)));
}
