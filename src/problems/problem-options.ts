import { seedSchema } from '../options.js';
import * as z from '../zod.js';
import { graphTaskSchema } from './graph-options.js';

/** A whole number of something, from 1 on. */
const count = (most: number) => z.int().min(1).max(most);
const positive = (most = 1e12) => z.number().gt(0).max(most);
const responses = count(1e9);
const ratio = z.number().gt(1).max(1e100);
const horizon = count(1e6).describe('H, tokens of a response.');
const stepFactor = positive().optional();

const RULES = ['sgd', 'normalizedSgd', 'signSgd', 'adam', 'tokenSgd'] as const;

/** Named problems: instances of the paper with a data distribution, and studies that draw all they need in a trial. */
export const problemSchema = z.discriminatedUnion(
  'name',
  [
    z
      .strictObject({
        name: z.literal('bernoulli'),
        p: z
          .number()
          .gt(0)
          .lt(1)
          .optional()
          .describe('p*, the probability of token 1. Default: 1/n, where missing it is likely.'),
        responses: count(1e12).default(100).describe('n, responses that the estimator sees.'),
      })
      .describe('Missing mass of a coin (§3).'),
    z
      .strictObject({
        name: z.literal('prop-3.2'),
        responses: responses.default(100).describe('n, responses that the estimator sees; μ(1) = 1/(2n).'),
        horizon: horizon.default(32),
        sign: z.literal([-1, 1]).default(1).describe('θ*.'),
        bound: positive(100)
          .default(1)
          .describe('B, the scale of the features: φ(1, y_{1:h}) = B·y_h. The paper has 1.'),
      })
      .describe('Proposition 3.2: KL of every proper estimator grows like H/n.'),
    z
      .strictObject({
        name: z.literal('prop-4.1a'),
        responses: responses.default(1000).describe('n, responses that the estimator sees.'),
        dim: z.int().min(2).max(1e6).default(100).describe('d, the number of tokens.'),
        bound: positive(300).optional().describe('B, the scale of the features; at least log 5n. Default: log 5n.'),
      })
      .describe('Proposition 4.1(a): the coarse rate d/n.'),
    z
      .strictObject({
        name: z.literal('prop-4.1b'),
        responses: responses.default(10_000).describe('n, responses that the estimator sees.'),
        dim: count(1e6).default(100).describe('d, prompts besides prompt 0; at most n.'),
        N: ratio
          .default(16)
          .describe('The N of the construction: the wrong models give 1/N to the only response to prompt 0.'),
        c0: z.number().gt(0).lt(1).default(0.5).describe('c0 of ε = c0·√(d/n) and p = c0·ε²/log N.'),
        rare: positive(0.5).optional().describe("p = μ(0). Default: the construction's."),
      })
      .describe('Proposition 4.1(b): the fine rate d/(n log N).'),
    z
      .strictObject({
        name: z.literal('prop-5.1'),
        branch: z
          .enum(['oscillating', 'slow'])
          .optional()
          .describe('Which construction. Default: `slow`, or what `stepSize` belongs to.'),
        horizon: horizon.default(256),
        steps: count(1e9).default(1000).describe('T, steps.'),
        N: ratio.default(4).describe('N.'),
        bound: z
          .number()
          .min(1)
          .max(300)
          .optional()
          .describe(
            'B, the norm of the features. Default: 3·log(2TH), so that typical responses are near deterministic.',
          ),
        scale: positive(300).optional().describe('b ≤ B of the slow construction. Default: B.'),
        stepSize: positive(1e300)
          .optional()
          .describe('η of SGD. Default: 8/(HB), and half of it in the slow construction.'),
        normalizedStepSize: positive(1e300)
          .optional()
          .describe('η of normalized SGD. Default: min{1/(128B), (log N/(σ*²T))^{1/4}} of Theorem 5.1.'),
        lambda: z.number().min(0).optional().describe('λ of normalized SGD. Default: log N/(16η).'),
        batchSize: count(1e6).default(1).describe('K, fresh responses a step of normalized SGD.'),
        truncatedStepSize: positive(1e300)
          .optional()
          .describe('η of truncated SGD. Default: min{1/((64 log N + 2)B²), (Tσ*² log N)^{−1/2}} of Theorem 6.2.'),
      })
      .describe('Proposition 5.1: no constant step of SGD works for every prompt.'),
    z
      .strictObject({
        name: z.literal('prop-i.1'),
        responses: responses.default(1000).describe('n, responses that the estimators see.'),
        horizon: count(4096).default(64).describe('H = d, tokens of a response.'),
        N: ratio.default(4).describe('The N of the construction.'),
        bound: positive()
          .optional()
          .describe(
            'B, the scale of the features; at least √(4 log N/c1), so that θ* is in the unit ball. Default: twice that.',
          ),
        c0: positive(1e6).default(1).describe('c0 of μ(+) = min{1, c0/(nB²ε²)}.'),
        c1: positive(1e6).default(0.125).describe('c1 of ε = √(4 log N/(c1·H·B²)).'),
        stepFactor: stepFactor.describe(
          'Factor on the step sizes that Proposition 5.1 and Theorems 6.2 and 5.1 choose for T = n; with it SGD, truncated SGD and normalized SGD are trained, too.',
        ),
        seed: seedSchema.default(0).describe('Seed of the signs.'),
      })
      .describe('Proposition I.1: the dependence on σ*² is real.'),
    z
      .strictObject({
        name: z.literal('prop-e.1'),
        responses: responses.default(10_000).describe('n, responses that the estimators see.'),
        alpha: positive(1).default(0.5).describe('α: π_1 is off by a factor of at most e^α.'),
        M: ratio.default(100).describe('M, above e^α: π_2 is off by a factor M at the rare prompt.'),
        N: ratio.default(4).describe('The N of the tournaments, in (e^α, M].'),
        a: z.number().min(0).lt(1).default(0.25).describe('a of the offset tournament.'),
      })
      .describe('Proposition E.1: misspecified, maximum likelihood takes the model that does not cover.'),
    z
      .strictObject({
        name: z.literal('theorem-e.1'),
        kind: z
          .enum(['signs', 'misspecified'])
          .default('signs')
          .describe(
            'Which class is made convex: the sign vectors of Proposition 4.1(b), or the two models of Proposition E.1.',
          ),
        responses: responses.default(10_000).describe('n, responses that the estimators see.'),
        dim: count(1e6).default(1000).describe('`signs`: d, prompts besides prompt 0; at most n.'),
        N: ratio.default(16).describe('The N that the rare prompt is chosen for.'),
        M: ratio.default(1e6).describe('M > N: models of the class that are wrong at the rare prompt give 1/M there.'),
        c0: z.number().gt(0).lt(1).default(0.5).describe('`signs`: c0 of ε = c0·√(d/n).'),
        rare: positive(0.5)
          .optional()
          .describe('`signs`: p = μ(0). Default: c0³·d/(nN), of the order at which the mixture gives prompt 0 up.'),
        alpha: positive(1).default(0.5).describe('`misspecified`: α.'),
      })
      .describe('Theorem E.1: over convex classes Cov_N falls like 1/N.'),
    z
      .strictObject({
        name: z.literal('rare-prompts'),
        responses: responses.default(1000).describe('n = T, responses that the estimators see.'),
        horizon: horizon.default(64),
        prompts: count(4096).default(1).describe('d, the number of rare prompts.'),
        visits: positive()
          .default(0.5)
          .describe('ρ, how often each of them is expected among the responses: μ(x) = ρ/n; dρ ≤ n.'),
        logit: positive(30).default(3).describe('z = 2B|θ*_x|, the log odds of the likelier token of a rare prompt.'),
        bound: positive()
          .optional()
          .describe(
            'B, the scale of the features; at least z√d/2, so that θ* is in the unit ball, and 1. Default: the least.',
          ),
        stepFactor: stepFactor.describe(
          'Factor on the step sizes that Proposition 5.1 and Theorem 6.1 choose; without it only the MLE is there, with it SGD and token SGD with and without test-time training, too.',
        ),
        paths: count(1e6)
          .default(16)
          .describe('Responses to rare prompts on which a trial measures test-time training.'),
        seed: seedSchema.default(0).describe('Seed of the signs of θ*.'),
      })
      .describe('Several prompts as in Proposition 3.2.'),
    z
      .strictObject({ name: z.literal('graph'), ...graphTaskSchema.shape })
      .describe('The graph reasoning task of Appendix C.'),
    z
      .strictObject({
        name: z.literal('inequalities'),
        of: z
          .enum(['distributions', 'bernoulli', 'answers', 'shift', 'trees', 'linearModels', 'bestOfN'])
          .describe('What is drawn, and with it which inequalities are looked at.'),
      })
      .describe('Inequalities between Cov_N and other measures on random distributions; no data to train on.'),
    z
      .strictObject({
        name: z.literal('step-sizes'),
        horizon: horizon.default(1024),
        bound: z
          .number()
          .min(1)
          .max(300)
          .default(80)
          .describe('B; at the default responses are the typical one but for a probability that does not matter.'),
        N: ratio.default(4).describe('N.'),
        rule: z.enum(RULES).default('sgd').describe('The update rule.'),
        stepSize: positive()
          .optional()
          .describe("η. Default: Theorem 5.1's, for normalized SGD alone; the oscillating prompts are then not tried."),
        most: count(1e6).default(256).describe('Responses to a prompt at most.'),
      })
      .describe('Both constructions of Proposition 5.1, each trained on its hard prompt alone; no data to train on.'),
    z
      .strictObject({
        name: z.literal('random-class'),
        steps: count(1e7).default(256).describe('T, steps on one response each.'),
        horizon: count(1e4).default(8).describe('H, tokens of a response.'),
        vocabulary: z.int().min(2).max(1000).default(4).describe('V.'),
        prompts: count(1000).default(1).describe('Prompts, equally likely.'),
        dim: count(1e5).default(32).describe('d.'),
        window: z.int().min(0).max(100).default(1).describe('Tokens before the next one that features see.'),
        bound: positive(1e6).default(6).describe('B, the greatest norm of features.'),
        rule: z.enum(RULES).default('sgd').describe('The update rule.'),
        stepSize: positive().optional().describe("η. Default: what the rule's theorem says."),
        N: ratio.default(4).describe('N of the theorems.'),
        heldOut: z
          .int()
          .min(0)
          .max(1e6)
          .default(1000)
          .describe(
            'Held-out responses on which Cov_N is measured at iterates ever further apart, and averaged over them; 0 for exact measures at one iterate, drawn uniformly.',
          ),
      })
      .describe('Random linear classes with noise, drawn in a trial.'),
    z
      .strictObject({
        name: z.literal('rare-token'),
        p: positive(0.5).default(0.05).describe('The probability of the rare token.'),
        batchSize: count(1e6).default(8).describe('K, fresh responses a step.'),
        steps: count(1e6).default(1000).describe('T, steps.'),
        bound: positive(100).default(12).describe('B, at least |log odds of p|, so that θ* is in [−1, 1].'),
        N: ratio.default(4).describe('N.'),
        stepSize: positive().default(0.02).describe('η.'),
        lambda: z
          .number()
          .min(0)
          .nullable()
          .optional()
          .describe('λ. Default: that of Theorem 5.1 at its own step size 1/(128B), 8B·log N.'),
      })
      .describe('The term B/(K log N) of Theorem 5.1: normalized SGD on one rare token, started at θ*.'),
    z
      .strictObject({
        name: z.literal('tournament-class'),
        N: ratio.default(256).describe('N of the tournaments.'),
        a: positive(1).default(0.25).describe('a of the theorems.'),
        responses: count(1e7).default(1000).describe('n, held-out responses.'),
        wrong: z
          .array(z.number())
          .readonly()
          .default([0.1, 0.02])
          .describe('Of each wrong model, the probability under π_D that it fails: its Cov at N^{1+a}.'),
        bold: z
          .boolean()
          .default(false)
          .describe('Whether the rival is there that makes the flat model look bad to a simple tournament.'),
        flat: z.number().default(0).describe('The probability that the flat model fails.'),
        onPolicy: count(1000)
          .optional()
          .describe(
            'Responses that each model draws for each prompt of the offset tournament; without them it is not held.',
          ),
      })
      .describe('Classes made for Theorems 6.3 and 6.4; no data to train on.'),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? `must be one of ${problemsByName.join(', ')}` : undefined) },
);

/** The names of all problems, studies included. */
const problemsByName: readonly string[] = problemSchema.options.map(({ shape }) => shape.name.value);

/** A named problem with its options: `{ name: 'prop-3.2', responses: 1000, horizon: 64 }`; every other one has a default. */
export type ProblemOptions = z.input<typeof problemSchema>;
