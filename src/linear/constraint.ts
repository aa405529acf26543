import * as z from '../zod.js';

/** Θ, the convex set that θ stays in; the paper's is the unit ball (Assumption 2.2). */
export type Constraint =
  /** ‖θ‖₂ ≤ radius. */
  | { readonly kind: 'ball'; readonly radius: number }
  /** |θ_i| ≤ bound for every i. */
  | { readonly kind: 'box'; readonly bound: number }
  /** θ_i ≥ 0 and Σ θ_i = 1. */
  | { readonly kind: 'simplex' }
  /** All of ℝ^d. */
  | { readonly kind: 'unconstrained' };

const positive = z.number().positive();

/** Schema of a {@link Constraint}; the unit ball where none is given. */
export const constraintSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('ball'), radius: positive.default(1).describe('Radius of the ball; default 1.') }),
    z.strictObject({ kind: z.literal('box'), bound: positive.describe('Greatest absolute value of a coordinate.') }),
    z.strictObject({ kind: z.literal('simplex') }),
    z.strictObject({ kind: z.literal('unconstrained') }),
  ])
  .describe('Θ, the convex set that θ stays in.');

/** The unit ball. */
export const UNIT_BALL = { kind: 'ball', radius: 1 } as const satisfies Constraint;
