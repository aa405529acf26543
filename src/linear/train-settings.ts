import * as z from 'zod';
import { seedSchema } from '../options.js';
import { type Constraint, constraintSchema, UNIT_BALL } from './constraint.js';

/** The update rule. A bare name stands for the procedure with its defaults. */
export type Procedure =
  | 'sgd'
  | 'normalizedSgd'
  | 'signSgd'
  | 'adam'
  | 'tokenSgd'
  | 'truncatedSgd'
  /** θ ← Proj(θ + η ĝ), ĝ the mean gradient of the batch's log-probabilities [14]. */
  | { readonly kind: 'sgd' }
  /** θ ← Proj(θ + η ĝ/(λ + ‖ĝ‖)) [18]; λ ≥ 0, default 0, or what Theorem 5.1 says with the step size `theory`. */
  | { readonly kind: 'normalizedSgd'; readonly lambda?: number }
  /** θ ← Proj(θ + η sign ĝ), sign 0 = 0 [20]. */
  | { readonly kind: 'signSgd' }
  /** Adam with bias correction, ascending, then projection. Defaults 0.9, 0.999, 1e-8. */
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number }
  /** A projected step on every token, θ carried from token to token and response to response [21]. */
  | { readonly kind: 'tokenSgd' }
  /** Token gradients weighted by α_h until the student has strayed from the teacher by A [24–26]; default A = log N. */
  | { readonly kind: 'truncatedSgd'; readonly threshold?: number };

/** η_t at step t = 0, …, T − 1. A bare number is a constant; `theory` lets the procedure's theorem choose. */
export type StepSize =
  | number
  | 'theory'
  | { readonly kind: 'constant'; readonly value: number }
  /** value / √(t + 1). */
  | { readonly kind: 'inverseSquareRoot'; readonly value: number }
  /** Rises linearly to `value` in `warmup` steps, then falls linearly to `end` at step T. */
  | { readonly kind: 'linear'; readonly value: number; readonly warmup?: number; readonly end?: number }
  /** Rises linearly to `value` in `warmup` steps, then falls to `end` at step T along half a cosine. */
  | { readonly kind: 'cosine'; readonly value: number; readonly warmup?: number; readonly end?: number }
  /** The theorem's choice from B, H, σ*², N and T; σ*² is enumerated from the data distribution if not given. */
  | { readonly kind: 'theory'; readonly inherentVariance?: number };

/** Settings of a training run that are plain data. */
export interface TrainSettings {
  /** @defaultValue 'sgd' */
  readonly procedure?: Procedure;
  /** η, positive. @defaultValue 0.1 */
  readonly stepSize?: StepSize;
  /** K, responses a step; 1 for token SGD. @defaultValue 1 */
  readonly batchSize?: number;
  /** T, steps of the run. @defaultValue enough for `epochs` over a data set; needed where data is drawn fresh */
  readonly steps?: number;
  /** Passes over a data set where `steps` is not given; the last batch takes what is left. @defaultValue 1 */
  readonly epochs?: number;
  /** Whether each epoch has its own order, drawn from the seed. @defaultValue true */
  readonly shuffle?: boolean;
  /** N of the theorems and of truncation, above 1. @defaultValue 16 */
  readonly N?: number;
  /** Θ. @defaultValue the unit ball */
  readonly constraint?: Constraint;
  /** Seed of data and order. @defaultValue 0 */
  readonly seed?: number;
  /** Index of the run under this seed: which random stream its fresh data comes from. @defaultValue 0 */
  readonly run?: number;
  /** Whether the mean of all iterates is kept; costs d additions a step. @defaultValue false */
  readonly average?: boolean;
}

const positive = z.number().positive();
const count = z.int().min(1);

const procedureSchema = z.union([
  z.enum(['sgd', 'normalizedSgd', 'signSgd', 'adam', 'tokenSgd', 'truncatedSgd']),
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('sgd') }),
    z.strictObject({ kind: z.literal('normalizedSgd'), lambda: z.number().min(0).optional() }),
    z.strictObject({ kind: z.literal('signSgd') }),
    z.strictObject({
      kind: z.literal('adam'),
      beta1: z.number().min(0).lt(1).optional(),
      beta2: z.number().min(0).lt(1).optional(),
      epsilon: positive.optional(),
    }),
    z.strictObject({ kind: z.literal('tokenSgd') }),
    z.strictObject({ kind: z.literal('truncatedSgd'), threshold: positive.optional() }),
  ]),
]);

const schedule = { value: positive, warmup: z.int().min(0).optional(), end: z.number().min(0).optional() } as const;

const stepSizeSchema = z.union([
  positive,
  z.literal('theory'),
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('constant'), value: positive }),
    z.strictObject({ kind: z.literal('inverseSquareRoot'), value: positive }),
    z.strictObject({ kind: z.literal('linear'), ...schedule }),
    z.strictObject({ kind: z.literal('cosine'), ...schedule }),
    z.strictObject({ kind: z.literal('theory'), inherentVariance: z.number().min(0).optional() }),
  ]),
]);

/** Schema of {@link TrainSettings}, field by field. */
export const trainSettingsShape = {
  procedure: procedureSchema.default('sgd').describe('The update rule.'),
  stepSize: stepSizeSchema
    .default(0.1)
    .describe('Step size η: a number, a schedule, or "theory" for the choice of the procedure’s theorem.'),
  batchSize: count.default(1).describe('K, responses a step.'),
  steps: count.optional().describe('T, steps of the run; needed where data is drawn fresh.'),
  epochs: count.default(1).describe('Passes over a data set where `steps` is not given.'),
  shuffle: z.boolean().default(true).describe('Whether each epoch has its own order, drawn from the seed.'),
  N: z.number().gt(1).default(16).describe('N of the theorems and of truncation.'),
  constraint: constraintSchema.default(UNIT_BALL),
  seed: seedSchema.default(0).describe('Seed of data and order.'),
  run: seedSchema
    .default(0)
    .describe('Index of the run under this seed: which random stream its fresh data comes from.'),
  average: z.boolean().default(false).describe('Whether the mean of all iterates is kept.'),
} as const;

/** Settings with their defaults. */
export type CheckedTrainSettings = z.output<z.ZodObject<typeof trainSettingsShape>>;

/** Settings, checkpoints and validation interval as the core reads them. `inherentVariance` is for `theory`. @internal */
export function nativeTrainOptions(
  { procedure, stepSize, ...rest }: CheckedTrainSettings,
  every: { validateEvery: number; checkpointEvery: number; checkpointTheta: boolean },
  inherentVariance: number | undefined,
): string {
  return JSON.stringify({
    ...rest,
    ...every,
    procedure: typeof procedure === 'string' ? { kind: procedure } : procedure,
    stepSize: nativeStepSize(stepSize, inherentVariance),
  });
}

function nativeStepSize(stepSize: CheckedTrainSettings['stepSize'], inherentVariance: number | undefined): object {
  if (typeof stepSize === 'number') return { kind: 'constant', value: stepSize };
  if (asksForVariance(stepSize)) return { kind: 'theory', inherentVariance };
  return stepSize as object;
}

/** Whether σ*² is needed and not given. @internal */
export function asksForVariance(stepSize: CheckedTrainSettings['stepSize']): boolean {
  if (stepSize === 'theory') return true;
  return typeof stepSize === 'object' && stepSize.kind === 'theory' && stepSize.inherentVariance === undefined;
}
