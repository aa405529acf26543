/** Texts and marks placed by pixel: keys of figures, labels at the ends of lines. */
import { FONT_FAMILY, LIGHT } from './theme.js';

/** Shapes of marks, one for each colour of a series, so that colour is never the only difference. */
const SYMBOLS = [
  'circle',
  'rect',
  'triangle',
  'diamond',
  'path://M-5,-4L5,-4L0,5Z',
  'path://M-2,-6L2,-6L2,-2L6,-2L6,2L2,2L2,6L-2,6L-2,2L-6,2L-6,-2L-2,-2Z',
  'path://M-6,0L-3,-5L3,-5L6,0L3,5L-3,5Z',
] as const;

/** The symbol that belongs to a colour of the light theme. */
export function symbolOf(colour: string): string {
  return SYMBOLS[LIGHT.series.indexOf(colour)] ?? 'circle';
}

/** A graphic element: text with its middle at `y`. */
export function textAt(
  x: number,
  y: number,
  text: string,
  style: { readonly fill?: string; readonly bold?: boolean; readonly size?: number; readonly centred?: boolean } = {},
): object {
  const { fill = LIGHT.ink, bold = false, size = 12, centred = false } = style;
  return {
    type: 'text',
    silent: true,
    x,
    y,
    style: {
      text,
      fill,
      fontSize: size,
      fontFamily: FONT_FAMILY,
      fontWeight: bold ? 600 : 400,
      align: centred ? 'center' : 'left',
      verticalAlign: 'middle',
    },
  };
}

/** A graphic element: a filled rectangle. */
export function boxAt(x: number, y: number, width: number, height: number, fill: string): object {
  return { type: 'rect', silent: true, shape: { x, y, width, height }, style: { fill } };
}

/** A graphic element: a filled polygon around (x, y). */
export function polygonAt(x: number, y: number, points: readonly (readonly [number, number])[], fill: string): object {
  return {
    type: 'polygon',
    silent: true,
    shape: { points: points.map(([dx, dy]) => [x + dx, y + dy]) },
    style: { fill },
  };
}

/** Corners of a diamond, for `polygonAt`. */
export const DIAMOND = [
  [0, -7],
  [7, 0],
  [0, 7],
  [-7, 0],
] as const;

/** Corners of a triangle, for `polygonAt`. */
export const TRIANGLE = [
  [0, -6],
  [6, 5],
  [-6, 5],
] as const;

/** Corners of a square, for `polygonAt`. */
export const SQUARE = [
  [-5, -5],
  [5, -5],
  [5, 5],
  [-5, 5],
] as const;

/** About how many pixels a text of 12-pixel letters takes: a little generous, since the font is not known. */
export function textWidth(text: string, size = 12): number {
  return text.length * size * 0.58;
}
