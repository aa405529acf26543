import type { EChartsOption } from 'echarts';

/** A figure as data: what it shows in words, and the Apache ECharts option that draws it, free to be restyled. */
export interface Figure {
  /** Distinct within a report and fit for a file name: lower-case letters, digits, hyphens. */
  readonly id: string;
  readonly title: string;
  /** How to read it and what to mind; plain text. */
  readonly caption: string;
  /** What it shows, for someone who does not see it. */
  readonly description: string;
  /** Size in CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** In the light theme's colours. A data item may carry a `tip`: the text shown on hovering. */
  readonly option: EChartsOption;
  /** The same for a screen too narrow for it, `SLIM` pixels wide. Default: the figure itself, scaled down. */
  readonly slim?: Drawing;
}

/** How a figure is drawn at one size. */
export type Drawing = Pick<Figure, 'width' | 'height' | 'option'>;

/** Width of a figure on a phone. */
export const SLIM = 350;

/** A drawing at its own width, and again at that of a phone. */
export function atBothWidths(
  width: number,
  draw: (width: number) => Omit<Drawing, 'width'>,
): Drawing & Pick<Figure, 'slim'> {
  return { width, ...draw(width), slim: { width: SLIM, ...draw(SLIM) } };
}

/** An id from words and a number: `matrix-n` and 2.5 give `matrix-n-2-5`. */
export function figureId(words: string, value: number): string {
  return `${words}-${String(value).replace('+', '').replace('.', '-')}`;
}
