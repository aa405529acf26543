import { constraintSchema } from '../linear/constraint.js';
import type { PhiFunction } from '../linear/table-features.js';
import { checkpointsSchema, validationSettingsShape } from '../linear/train.js';
import { stageSettingsShape, trainSettingsShape } from '../linear/train-settings.js';
import { seedSchema } from '../options.js';
import { problemNames } from '../problems/problem.js';
import * as z from '../zod.js';

const size = z.int().min(1).max(0xffff_ffff);
const positive = z.number().positive();
const path = z.string().min(1);

const heldOutShare = z.number().gt(0).lt(1);
const seed = seedSchema
  .default(0)
  .describe('Seed of the choice of held-out responses; the same for all runs of a sweep.');

const problemData = z
  .strictObject({
    kind: z.literal('problem'),
    name: z.enum([...problemNames()]).describe('Name of the problem.'),
    options: z.record(z.string(), z.unknown()).default({}).describe('Options of the problem.'),
    heldOut: z.int().min(1).default(1024).describe('Held-out responses drawn from the data distribution.'),
    seed,
  })
  .describe('A named problem of the paper: responses are drawn fresh from its data distribution.');

const sequencesData = z
  .strictObject({
    kind: z.literal('sequences'),
    train: path.describe(
      'JSON Lines, one response a line: {"prompt": index or list of tokens, "tokens": [list of tokens]}.',
    ),
    heldOut: z
      .union([path, heldOutShare])
      .optional()
      .describe(
        'File of held-out responses (its lines may have "logProb", that of the data distribution), or the share of `train` to hold out.',
      ),
    vocabulary: size.optional().describe('V; default: one more than the greatest token.'),
    seed,
  })
  .describe('Responses as lists of tokens from files.');

const textData = z
  .strictObject({
    kind: z.literal('text'),
    files: z.array(path).min(1).describe('Text files, read as bytes; a vocabulary of the bytes that occur.'),
    horizon: size.default(32).describe('H, the bytes of a response: files are cut into pieces of this length.'),
    context: z.int().min(0).max(1_000_000).default(8).describe('Bytes before a piece that are its prompt.'),
    heldOut: heldOutShare.default(0.05).describe('Share of the pieces held out, chosen at random.'),
    seed,
    maxBytes: size.optional().describe('Read no more than this of each file.'),
  })
  .describe('Real text: responses are pieces of it, prompts what comes before them.');

const dataSchema = z.discriminatedUnion('kind', [problemData, sequencesData, textData]);

const by = z.enum(['prompt', 'position', 'promptPosition', 'prefix']);
const bound = positive.optional().describe('B, to be held to; default: the greatest norm.');

const ownFeatures = z.strictObject({ kind: z.literal('problem') }).describe('The features of the named problem.');

const ngramFeatures = z
  .strictObject({
    kind: z.literal('ngram'),
    order: z.int().min(0).max(16).default(3).describe('Tokens of the longest context.'),
    buckets: size.default(4096).describe('Contexts of each order that are told apart; more are hashed together.'),
    bound: positive.default(1).describe('B.'),
  })
  .describe('Hashed contexts of the last tokens: a log-linear language model.');

const randomFeatures = z
  .strictObject({
    kind: z.literal('random'),
    dim: size.describe('d.'),
    window: z.int().min(0).default(1).describe('Tokens before the next one that count.'),
    byPrompt: z.boolean().default(false).describe('Whether features depend on the prompt, too.'),
    bandwidth: positive.default(1).describe('How fast correlation falls with the number of differences.'),
    bound: positive.default(1).describe('B.'),
    seed: seedSchema.default(0),
  })
  .describe('Seeded random Fourier features of the last tokens and the position.');

const tableFeatures = z
  .strictObject({
    kind: z.literal('table'),
    by,
    file: path.describe('.npy, .npz or .safetensors, shape [contexts…, token, d].'),
    bound,
  })
  .describe('Features from an array.');

const hiddenFeatures = z
  .strictObject({
    kind: z.literal('hiddenStates'),
    by,
    file: path.describe('.npy, .npz or .safetensors, shape [contexts…, k].'),
    bound,
  })
  .describe('A softmax head on frozen hidden states: φ = e_token ⊗ h.');

const functionFeatures = z
  .strictObject({
    kind: z.literal('function'),
    by,
    dim: size,
    phi: z.custom<PhiFunction>((value) => typeof value === 'function', 'must be a function'),
    bound,
  })
  .describe('φ(prompt, tokens) as a function; only in JavaScript and TypeScript configurations.');

const plainFeatures = [ownFeatures, ngramFeatures, randomFeatures, tableFeatures, hiddenFeatures] as const;

type PlainSpec = z.output<(typeof plainFeatures)[number]> | z.output<typeof functionFeatures>;

/** How the features are made. */
export type FeatureSpec = PlainSpec | { readonly kind: 'concat' | 'sum'; readonly parts: readonly FeatureSpec[] };

function combinations(parts: () => z.ZodType<FeatureSpec>) {
  const list = z.lazy(() => z.array(parts()).min(1));
  return [
    z.strictObject({ kind: z.literal('concat'), parts: list }).describe('Features side by side.'),
    z.strictObject({ kind: z.literal('sum'), parts: list }).describe('Features added up.'),
  ] as const;
}

const featureSchema: z.ZodType<FeatureSpec> = z.discriminatedUnion('kind', [
  ...plainFeatures,
  functionFeatures,
  ...combinations(() => featureSchema),
]);

/** The same without functions, which JSON cannot hold. */
const jsonFeatureSchema: z.ZodType<FeatureSpec> = z.discriminatedUnion('kind', [
  ...plainFeatures,
  ...combinations(() => jsonFeatureSchema),
]);

const axisValue = z.union([z.number(), z.string(), z.boolean()]);

function schemaWith(features: z.ZodType<FeatureSpec>) {
  return z.strictObject({
    $schema: z.string().optional().describe('Where editors find this schema.'),
    title: z.string().optional().describe('Title of the report.'),
    data: dataSchema.describe('What is trained on.'),
    features: features.describe('φ; for a named problem default its own.').optional(),
    teacher: path
      .optional()
      .describe(
        'Log-probabilities of all V next tokens along the responses of `train`, shape [token, V]: the teacher of truncatedSgd. Default: the π_D of a named problem.',
      ),
    training: z
      .strictObject({
        ...trainSettingsShape,
        constraint: constraintSchema.optional().describe('Θ; default the unit ball, for a named problem its own.'),
        before: z
          .array(
            z.strictObject({
              data: dataSchema.optional().describe('What the stage is trained on; default what the run is.'),
              ...stageSettingsShape,
            }),
          )
          .default([])
          .describe('Stages gone through first, as pre-training before fine-tuning; θ is carried on.'),
      })
      .prefault({})
      .describe('Procedure, step size, batches, steps.'),
    validation: z
      .strictObject({
        ...validationSettingsShape,
        exact: z.boolean().default(false).describe('Exact measures by enumeration; needs a named problem.'),
      })
      .prefault({})
      .describe('What is measured along the way.'),
    checkpoints: checkpointsSchema.prefault({}).describe('Which models are kept.'),
    sweep: z
      .record(z.string().min(1), z.array(axisValue).min(1))
      .optional()
      .describe('Many runs: values by dotted path, e.g. {"training.stepSize": [0.1, 1], "training.seed": [0, 1, 2]}.'),
  });
}

/** Schema of a training configuration. */
export const trainConfigSchema = schemaWith(featureSchema);

/** A training configuration as it is written. */
export type TrainConfig = z.input<typeof trainConfigSchema>;

/** A training configuration with its defaults. */
export type CheckedTrainConfig = z.output<typeof trainConfigSchema>;

/** The schema of JSON configurations as JSON Schema (draft 2020-12), for editors. */
export function trainConfigJsonSchema(): object {
  return {
    title: 'Configuration of coverage-principle train',
    ...z.toJSONSchema(schemaWith(jsonFeatureSchema), { io: 'input' }),
  };
}
