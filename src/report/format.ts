export * from '../text/format.js';
