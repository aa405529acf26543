import { seedSchema } from '../options.js';
import * as z from '../zod.js';
import { constraintSchema, UNIT_BALL } from './constraint.js';

const positive = z.number().positive();
const count = z.int().min(1);

const procedures = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('sgd') })
    .describe('θ ← Proj(θ + η ĝ), ĝ the mean gradient of the batch’s log-probabilities [14].'),
  z
    .strictObject({
      kind: z.literal('normalizedSgd'),
      lambda: z
        .number()
        .min(0)
        .optional()
        .describe('λ; default 0, or what Theorem 5.1 says with the step size "theory".'),
    })
    .describe('θ ← Proj(θ + η ĝ/(λ + ‖ĝ‖)) [18].'),
  z.strictObject({ kind: z.literal('signSgd') }).describe('θ ← Proj(θ + η sign ĝ), sign 0 = 0 [20].'),
  z
    .strictObject({
      kind: z.literal('adam'),
      beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the mean of gradients.'),
      beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the mean of their squares.'),
      epsilon: positive.default(1e-8).describe('Added to the root of the latter.'),
    })
    .describe('Adam with bias correction, ascending, then projection.'),
  z
    .strictObject({
      kind: z.literal('adaGrad'),
      epsilon: positive.default(1e-10).describe('Added to the root of the sum of squares.'),
    })
    .describe('AdaGrad: θ ← Proj(θ + η ĝ/(√G + ε)) coordinate by coordinate, G the sum of ĝ² so far.'),
  z
    .strictObject({ kind: z.literal('tokenSgd') })
    .describe('A projected step on every token, θ carried from token to token and response to response [21].'),
  z
    .strictObject({
      kind: z.literal('truncatedSgd'),
      threshold: positive.optional().describe('A; default log N.'),
    })
    .describe('Token gradients weighted by α_h until the student has strayed from the teacher by A [24–26].'),
  z
    .strictObject({
      kind: z.literal('policyGradient'),
      reward: z
        .enum(['outcome', 'process'])
        .default('outcome')
        .describe('1 for the right response, or 1/H for every token up to the first wrong one.'),
      rollouts: z
        .int()
        .min(2)
        .max(1_000_000)
        .nullable()
        .default(8)
        .describe('G, responses drawn to a prompt; null: the expectation over all responses, as of infinitely many.'),
      kl: z
        .number()
        .min(0)
        .default(0)
        .describe('β of the penalty β·KL(π_θ ‖ π_0), π_0 the model at the beginning of the stage.'),
      standardize: z
        .boolean()
        .default(false)
        .describe('Whether rewards are divided by their standard deviation in the group, as in GRPO; biased.'),
    })
    .describe(
      'θ ← Proj(θ + η ĝ), ĝ the gradient of the mean reward of the model’s own responses to the batch’s prompts, less the mean of the others to the same prompt; the batch’s responses are the right answers (arXiv:2603.06957).',
    ),
]);

/** Names of the update rules. */
const procedureNames = procedures.options.map(({ shape }) => shape.kind.value);

/** Schema of a {@link Procedure}. */
export const procedureSchema = z.union([
  z.enum(procedureNames).transform((kind) => procedures.parse({ kind })),
  procedures,
]);

/** The update rule. A bare name stands for the procedure with its defaults. */
export type Procedure = z.input<typeof procedureSchema>;

const ramp = {
  value: positive.describe('The greatest η.'),
  warmup: z.int().min(0).default(0).describe('Steps of the rise.'),
  end: z.number().min(0).default(0).describe('η at step T.'),
} as const;

const schedules = [
  z.strictObject({ kind: z.literal('constant'), value: positive }),
  z.strictObject({ kind: z.literal('inverseSquareRoot'), value: positive }).describe('value / √(t + 1).'),
  z
    .strictObject({ kind: z.literal('linear'), ...ramp })
    .describe('Rises linearly to `value` in `warmup` steps, then falls linearly to `end` at step T.'),
  z
    .strictObject({ kind: z.literal('cosine'), ...ramp })
    .describe('Rises linearly to `value` in `warmup` steps, then falls to `end` at step T along half a cosine.'),
] as const;

const constant = positive.transform((value) => ({ kind: 'constant' as const, value }));

/** Schema of a step size that needs no theorem. */
export const scheduleSchema = z.union([constant, z.discriminatedUnion('kind', [...schedules])]);

/** Schema of a {@link StepSize}. */
export const stepSizeSchema = z.union([
  constant,
  z.literal('theory').transform((kind) => ({ kind, inherentVariance: undefined })),
  z.discriminatedUnion('kind', [
    ...schedules,
    z
      .strictObject({
        kind: z.literal('theory'),
        inherentVariance: z.number().min(0).optional().describe('σ*²; default: enumerated from the data distribution.'),
      })
      .describe('The choice of the procedure’s theorem from B, H, σ*², N and T.'),
  ]),
]);

/** η_t at step t = 0, …, T − 1. A bare number is a constant; `theory` lets the procedure's theorem choose. */
export type StepSize = z.input<typeof stepSizeSchema>;

const stageShape = {
  procedure: procedureSchema.prefault('sgd').describe('The update rule.'),
  stepSize: stepSizeSchema
    .prefault(0.1)
    .describe('Step size η: a number, a schedule, or "theory" for the choice of the procedure’s theorem.'),
  batchSize: count.default(1).describe('K, responses a step.'),
  steps: count.optional().describe('T, steps; needed where data is drawn fresh.'),
  epochs: count.default(1).describe('Passes over a data set where `steps` is not given.'),
  shuffle: z.boolean().default(true).describe('Whether each epoch has its own order, drawn from the seed.'),
} as const;

/** Schema of steps at which checkpoints are kept. */
export const checkpointStepsSchema = z.array(z.int().min(0)).readonly().default([]);

/** Schema of {@link StageSettings}, field by field. */
export const stageSettingsShape = {
  ...stageShape,
  checkpoints: checkpointStepsSchema.describe(
    'Steps of this stage after which a checkpoint is kept; rising, 0 = before the first.',
  ),
} as const;

/** Settings of a stage before the run's own, as pre-training comes before fine-tuning. */
export type StageSettings = z.input<z.ZodObject<typeof stageSettingsShape>>;

/** Schema of {@link TrainSettings}, field by field. */
export const trainSettingsShape = {
  ...stageShape,
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

/** Settings of a training run that are plain data. */
export type TrainSettings = z.input<z.ZodObject<typeof trainSettingsShape>>;

type CheckedStage = z.output<z.ZodObject<typeof stageSettingsShape>>;

/** Streams of the fresh data of stages are so far apart, so that runs and stages have each their own. */
const STREAMS = 2 ** 32;

/** A stage before the run's own as the core reads it: number `index` of run `run`. @internal */
export function nativeStage(stage: CheckedStage, run: number, index: number, inherentVariance: number | undefined) {
  return {
    ...stage,
    stepSize: nativeStepSize(stage.stepSize, inherentVariance),
    run: (run + (index + 1) * STREAMS) % Number.MAX_SAFE_INTEGER,
  };
}

/** Settings, checkpoints and validation interval as the core reads them. `inherentVariance` is for `theory`. @internal */
export function nativeTrainOptions(
  settings: CheckedTrainSettings,
  before: readonly ReturnType<typeof nativeStage>[],
  watch: {
    validateEvery: number;
    checkpointEvery: number;
    checkpointTheta: boolean;
    checkpoints: readonly number[];
  },
  inherentVariance: number | undefined,
): string {
  return JSON.stringify({
    ...settings,
    ...watch,
    before,
    stepSize: nativeStepSize(settings.stepSize, inherentVariance),
  });
}

function nativeStepSize(stepSize: CheckedTrainSettings['stepSize'], inherentVariance: number | undefined): object {
  return asksForVariance(stepSize) ? { kind: 'theory', inherentVariance } : stepSize;
}

/** Whether σ*² is needed and not given. @internal */
export function asksForVariance(stepSize: CheckedTrainSettings['stepSize']): boolean {
  return stepSize.kind === 'theory' && stepSize.inherentVariance === undefined;
}
