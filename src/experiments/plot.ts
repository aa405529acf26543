export type * from '../results/plot.js';
