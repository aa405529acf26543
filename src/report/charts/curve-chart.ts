import { plural } from '../../text/format.js';
import type { Axis } from './axis.js';
import { atBothWidths } from './figure.js';
import { keyHeight, type Line, lineChart } from './line-chart.js';
import { LIGHT } from './theme.js';

/** A curve with a name. */
export interface Curve extends Omit<Line, 'label' | 'colour'> {
  readonly name: string;
}

/** What a chart of named curves shows; sizes in pixels. */
export interface CurveChart {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  /**
   * Names of the curves to colour and label, the most interesting first; the others are drawn faint behind them, and
   * without marks and bands. At most as many as a theme has series colours. Default: the first ones.
   */
  readonly highlighted?: readonly string[];
  /** Room for the labels; default 220. */
  readonly labelRoom?: number;
  /** Whether the highlighted curves bear their names; default yes. */
  readonly labels?: boolean;
}

/** More faint curves than this cannot be told apart: then evenly chosen ones stand for them. */
const MOST_FAINT = 300;

/** A chart of curves, a few of them highlighted; on a phone their names stand above. */
export function curveChart({
  width,
  height,
  curves,
  highlighted,
  labelRoom = 220,
  labels = true,
  ...axes
}: CurveChart) {
  const featured = (highlighted ?? curves.map(({ name }) => name)).slice(0, LIGHT.series.length);
  const faint = curves.filter(({ name }) => !featured.includes(name));
  const stride = Math.ceil(faint.length / MOST_FAINT);
  const behind = faint.filter((_, index) => index % stride === 0);
  const lines = [
    ...behind.map(({ points, steps = false }) => ({ label: '', colour: null, points, steps })),
    // The first of the highlighted is drawn last, on top.
    ...featured
      .flatMap((name, index): Line[] => {
        const curve = curves.find((each) => each.name === name);
        return curve ? [{ ...curve, label: labels ? name : '', colour: LIGHT.series[index]! }] : [];
      })
      .reverse(),
  ];
  return atBothWidths(width, (wide) => {
    if (wide === width) return { height, option: lineChart({ ...axes, width, height, labelRoom, lines }) };
    const slim = { width: wide, height: SLIM_HEIGHT + keyHeight(lines), labelsAbove: true };
    return { height: slim.height, option: lineChart({ ...axes, ...slim, lines }) };
  });
}

const SLIM_HEIGHT = 290;

/** What a caption has to say of the colours. */
export function colourNote(curves: number, highlighted: number, noun = 'model'): string {
  if (curves <= highlighted) return '';
  const others = curves - highlighted;
  return ` Coloured: ${plural(highlighted, noun)}; grey: the other ${others}${others > MOST_FAINT ? ', some standing for all' : ''}.`;
}
