import { ratiosSchema, seedSchema } from '../options.js';
import { problemSchema } from '../problems/problem-options.js';
import * as z from '../zod.js';

const relationSchema = z
  .enum(['equal', 'atMost', 'atLeast'])
  .describe('How what is measured relates to what is claimed.');

/** How what is measured relates to what is claimed. */
export type Relation = z.output<typeof relationSchema>;

/** A quantity of an estimator in a trial. */
export const measureSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kl') }).describe('D_KL in nats.'),
  z.strictObject({ kind: z.literal('infiniteKl') }).describe('1 where D_KL is infinite, else 0.'),
  z
    .strictObject({ kind: z.literal('cov'), N: z.number().nullable().describe('N; null for the first of the point.') })
    .describe('Cov_N.'),
  z.strictObject({ kind: z.literal('detail'), name: z.string() }).describe('What a trial reports by that name.'),
  z
    .strictObject({ kind: z.literal('claim'), index: z.int().min(0) })
    .describe("What the problem's claim of that index is about."),
]);
export type Measure = z.output<typeof measureSchema>;

/** Which of the problems at a point counts. */
export const choiceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('first') }).describe('The only one, or the first.'),
  z.strictObject({ kind: z.literal('key'), key: z.number() }).describe('The one with this key.'),
  z.strictObject({ kind: z.literal('least') }).describe('The one of the least mean.'),
  z.strictObject({ kind: z.literal('greatest') }).describe('The one of the greatest mean.'),
  z
    .strictObject({ kind: z.literal('leastGreatest') })
    .describe('Of the groups of the same key the one whose greatest mean is least.'),
  z
    .strictObject({ kind: z.literal('crossing'), level: z.number().gt(0) })
    .describe('The key at which the mean, falling in the key, passes the level.'),
]);
export type Choice = z.output<typeof choiceSchema>;

const predictionShape = {
  relation: relationSchema,
  value: z.number().describe('The predicted value.'),
  tolerance: z.number().min(0).describe('How far from what is predicted the whole interval may lie.'),
};

/** Schema of a claim about the mean of values that come one a run. */
export const meanClaimSchema = z.strictObject(predictionShape);

export const seriesClaimSchema = z.strictObject({
  series: z.int().min(0).describe('Which series, by its index.'),
  of: z.enum(['exponent', 'level']).describe('What of it: the exponent in the variable, or the level at every point.'),
  ...predictionShape,
});

export const candidateSchema = z.strictObject({
  key: z.number().describe('What candidates are told apart or grouped by, such as a step size.'),
  group: z.string().nullable().describe('Which series it is for; null for all.'),
  problem: problemSchema,
});

export const pointSchema = z.strictObject({
  x: z.number().gt(0).describe('The value of the variable.'),
  N: ratiosSchema.describe('Values of N at which Cov_N is measured; series without one of their own follow the first.'),
  candidates: z.array(candidateSchema).readonly(),
});

export const seriesSchema = z.strictObject({
  group: z.string().nullable().describe('Which candidates it is about; null for all.'),
  estimator: z.string().describe('Of which estimator.'),
  quantity: measureSchema,
  choice: choiceSchema,
  over: z.int().min(0).nullable().describe('The series it is divided by, by its index.'),
});

export const sweepSchema = z.strictObject({
  points: z.array(pointSchema).readonly(),
  replicates: z.int().min(1).max(1_000_000).describe('Trials of each problem.'),
  series: z.array(seriesSchema).readonly().describe('What is followed along the sweep.'),
  claims: z.array(seriesClaimSchema).readonly().describe('What is claimed of the series.'),
  values: z.boolean().describe('Whether the values that the problems themselves claim are held against the trials.'),
});

/** Schema of an experiment as the core runs it: every option is said, a declaration has the defaults. */
export const experimentSchema = z.strictObject({
  sweeps: z.array(sweepSchema).min(1).readonly(),
  seed: seedSchema.describe('Trial r of every problem draws from stream r.'),
});
