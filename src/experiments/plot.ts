export { plotFigure } from '../report/charts/plot.js';
export type * from '../results/plot.js';
