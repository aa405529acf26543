export type { Verdict } from '../../results/verdict.js';
