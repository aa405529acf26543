export * from '../results/table.js';
