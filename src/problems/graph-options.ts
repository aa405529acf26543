import { procedureSchema, scheduleSchema } from '../linear/train-settings.js';
import { jobOptionsShape, ratiosSchema, seedSchema } from '../options.js';
import * as z from '../zod.js';

const scale = z.number().gt(0).max(1000);
const hashBits = z
  .int()
  .min(6)
  .max(26)
  .default(16)
  .describe('log₂ of the number of coordinates that conjunctions are hashed to.');

/** Schema of {@link GraphTaskOptions}'s `features`.`conjunctions`. */
export const graphConjunctionsSchema = z
  .strictObject({ bits: hashBits, scale: scale.default(1).describe('Norm of the conjunctions of a candidate.') })
  .describe(
    'Hashed conjunctions of a passable candidate beside the features of the graph (name and position; these and the name before; these and the target), by which probabilities vary from prompt to prompt. Default: none, all prompts share their probabilities.',
  );

/** Schema of {@link GraphTaskOptions}'s `features`. */
export const graphFeaturesSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('structural'),
      parity: z
        .boolean()
        .optional()
        .describe('Whether the parity of a choice is compared with that of its layer. Default: for Figure 1 only.'),
      history: z
        .boolean()
        .optional()
        .describe('Whether a choice is compared with the choice before. Default: for Figure 1 only.'),
      hiddenRule: z
        .boolean()
        .default(false)
        .describe("Whether a choice is compared with the rule of Figure 2's second class, which is unlearnable else."),
      scale: scale.default(1).describe('Value of a feature.'),
      conjunctions: graphConjunctionsSchema.optional(),
    })
    .describe('Features that see the graph.'),
  z
    .strictObject({
      kind: z.literal('hashed'),
      bits: hashBits,
      scale: scale.default(1).describe('Norm of a feature vector without collisions.'),
    })
    .describe('Hashed conjunctions of tokens and positions: the model has to find the rule itself.'),
]);

const weightsSchema = z.tuple([z.number().min(0), z.number().min(0), z.number().min(0)]).readonly();

/** Schema of {@link GraphTaskOptions}. */
export const graphTaskSchema = z.strictObject({
  figure: z.enum(['figure-1', 'figure-2']).default('figure-1').describe("Which of the paper's two tasks."),
  layers: z.int().min(2).max(64).default(8).describe('L, middle layers; for Figure 2 even and at least 4.'),
  names: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      'm: nodes are named by distinct integers below it; at least 4L + 18. Default: 64, for Figure 2 128, or what the layers need.',
    ),
  weights: weightsSchema
    .optional()
    .describe(
      'Weights of the three classes, scaled to sum to 1. Default: for Figure 1 equal, for Figure 2 0.94, 0.05, 0.01.',
    ),
  validation: z.int().min(1).max(100_000).default(1024).describe('Validation prompts of each class.'),
  features: graphFeaturesSchema.prefault({ kind: 'structural' }).describe('What the linear model sees.'),
  radius: z.number().gt(0).max(1000).default(20).describe('Radius of the ball that θ stays in.'),
  seed: seedSchema.default(0).describe('Seed of the task and of all its prompts.'),
});

/** The graph reasoning task of the paper's Appendix C. Every option has a default, which its schema tells. */
export type GraphTaskOptions = z.input<typeof graphTaskSchema>;

/** Schema of a {@link GraphStage}. */
export const graphStageSchema = z.strictObject({
  weights: weightsSchema
    .optional()
    .describe('Weights of the classes in the training data. Default: those of the task.'),
  procedure: procedureSchema.prefault('sgd').describe('The update rule.'),
  stepSize: scheduleSchema
    .prefault(0.1)
    .describe('Step size η: a number or a schedule; the choices of the theorems are for other problems.'),
  batchSize: z.int().min(1).default(16).describe('Responses a step.'),
  examples: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe(
      'Size of a training set, drawn once and gone through in epochs. Default: every response is to a fresh prompt.',
    ),
  steps: z.int().min(1).default(1000).describe('Steps of the stage.'),
  checkpoints: z
    .array(z.int().min(0))
    .readonly()
    .default([])
    .describe('Steps of this stage after which the model is measured; rising, 0 = before the first.'),
});

/** A stage of training; θ is carried on from stage to stage. */
export type GraphStage = z.input<typeof graphStageSchema>;

/** Schema of what is measured. */
export const graphMeasureSchema = z.strictObject({
  N: ratiosSchema.readonly().default([2, 3, 4, 4.6, 5.7, 16]).describe('Values of N for Cov_N.'),
  pass: z.array(z.int().min(1)).readonly().default([4, 8, 12]).describe('Values of N for Pass@N.'),
});

/** Schema of {@link GraphRunOptions}. */
export const graphRunSchema = z.strictObject({
  task: graphTaskSchema.prefault({}).describe('The task that models are measured on.'),
  stages: z
    .array(graphStageSchema)
    .min(1, 'a run has at least one stage')
    .readonly()
    .describe('The stages of training; models are measured on the classes as the last stage weights them.'),
  measure: graphMeasureSchema.prefault({}).describe('What is measured at the checkpoints.'),
  heldOut: z
    .int()
    .min(0)
    .max(10_000_000)
    .default(0)
    .describe(
      "Held-out responses, drawn from π_D to fresh prompts of the last stage's mixture and scored by every checkpoint.",
    ),
  keepTheta: z.boolean().default(false).describe('Whether θ of the checkpoints is kept.'),
  seed: seedSchema.default(0).describe('Seed of training data and held-out responses.'),
});

/** A run: a task, the stages of training, and what is measured. */
export interface GraphRunOptions extends z.input<typeof graphRunSchema> {
  /**
   * θ to start from, that of a checkpoint for instance.
   * @defaultValue 0
   */
  readonly theta0?: Float64Array;
}

/** Schema of {@link GraphPromptOptions}. */
export const graphPromptsSchema = z.strictObject({
  set: z
    .enum(['train', 'validation'])
    .default('train')
    .describe('Fresh prompts of the mixture, or the validation prompts class by class.'),
  first: z.int().min(0).default(0).describe('Zero-based number of the first prompt of the set.'),
  count: z.int().min(1).default(1000).describe('How many; of the validation prompts at most as many as there are.'),
  seed: seedSchema.default(0).describe('Seed of the sampled responses.'),
  signal: jobOptionsShape.signal,
});

/** Which prompts of a task. */
export type GraphPromptOptions = z.input<typeof graphPromptsSchema>;
