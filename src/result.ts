export * from './results/estimate.js';
