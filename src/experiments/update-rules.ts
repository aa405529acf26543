import type { Procedure } from '../linear/train-settings.js';

/** The update rules that are held against each other. */
export const RULES = ['SGD', 'normalized SGD', 'SignSGD', 'Adam'] as const;
export type Rule = (typeof RULES)[number];

/** The procedure of a rule at step size η; normalized SGD has Theorem 5.1's λ = log N/(16η). */
export function procedureOf(rule: Rule, stepSize: number, N: number): Procedure {
  if (rule === 'normalized SGD') return { kind: 'normalizedSgd', lambda: Math.log(N) / (16 * stepSize) };
  return { SGD: 'sgd', SignSGD: 'signSgd', Adam: 'adam' }[rule] as Procedure;
}

/** Adam without averages, which is SignSGD wherever gradients are neither zero nor so small that their squares are. */
export const ADAM_WITHOUT_AVERAGES: Procedure = { kind: 'adam', beta1: 0, beta2: 0, epsilon: 1e-300 };
