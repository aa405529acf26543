export * from '../text/csv.js';
