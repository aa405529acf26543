import type { SelectionResult } from '../../selection/result.js';
import { plural } from '../../text/format.js';
import { figureSection, figures, paragraph, type Section, unfoldingFigures } from '../report.js';
import { heatMapFigures } from './heat-map.js';
import { profileFigure } from './profile-figure.js';
import { scatterFigures } from './scatter-figure.js';
import { winShareFigure } from './win-share-figure.js';
import { winnerFigure } from './winner-figure.js';

/** The figures of a selection in sections; those for which the result holds nothing are left out. */
export function figureSections(result: SelectionResult): Section[] {
  const scatters = scatterFigures(result);
  return [
    ...figureSection('winners', winnerFigure(result)),
    ...figureSection('profiles', profileFigure(result)),
    matrixSection(result),
    ...(scatters.length > 0
      ? [
          {
            id: 'cross-entropy',
            heading: 'Cross-entropy against score',
            lookUp: true,
            blocks: [
              paragraph(
                'Were cross-entropy enough, the points would lie on a rising line and both picks would be the same point.',
              ),
              figures(scatters),
            ],
          },
        ]
      : []),
    ...figureSection('certainty', winShareFigure(result)),
  ];
}

function matrixSection(result: SelectionResult): Section {
  const matrices = heatMapFigures(result);
  return {
    id: 'matrix',
    heading: 'Tournament',
    lookUp: true,
    blocks: [
      matrices.length > 0
        ? unfoldingFigures(matrices)
        : paragraph(
            `The matrix of counts was not kept for ${plural(result.models.length, 'model')}; ask for it by `,
            { code: '--counts' },
            ' (the option ',
            { code: 'counts' },
            ') to see who beats whom.',
          ),
    ],
  };
}
