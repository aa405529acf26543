import type { SelectionResult } from '../../selection/result.js';
import type { Figure } from '../figure.js';
import { heatMapFigures } from './heat-map.js';
import { profileFigure } from './profile-figure.js';
import { scatterFigures } from './scatter-figure.js';
import { winShareFigure } from './win-share-figure.js';
import { winnerFigure } from './winner-figure.js';

/** The figures of a selection, in the order of the report; those for which the result holds nothing are left out. */
export function selectionFigures(result: SelectionResult): Figure[] {
  return [
    winnerFigure(result),
    profileFigure(result),
    ...heatMapFigures(result),
    ...scatterFigures(result),
    winShareFigure(result),
  ].filter((figure) => figure !== null);
}
