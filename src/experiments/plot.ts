export { plotFigure } from '../report/experiment/plot-figure.js';
export type * from '../results/plot.js';
