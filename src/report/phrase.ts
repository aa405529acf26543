export * from '../results/phrase.js';
