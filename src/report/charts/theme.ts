/**
 * Colours of figures and pages.
 *
 * Series colours follow Okabe and Ito's palette, which people with colour-vision deficiencies can tell apart, moved in
 * lightness so that each stands off its background; marks also differ by shape or position, never by colour alone.
 * Figures are drawn with the light theme; another theme replaces colour by colour, so the light ones must be distinct.
 */

/** Colours by role; every theme has the same roles. */
export interface Theme {
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly axis: string;
  readonly grid: string;
  readonly faint: string;
  /** Colours of up to seven highlighted series. */
  readonly series: readonly string[];
  /** Fills of a heat map, least to greatest. */
  readonly ramp: readonly string[];
  /** Text on the ramp's first and last colours. */
  readonly rampLowInk: string;
  readonly rampHighInk: string;
}

export const LIGHT: Theme = {
  surface: '#fefefe',
  ink: '#1b1f24',
  muted: '#5a626c',
  axis: '#8b939d',
  grid: '#e4e7eb',
  faint: '#c2c8cf',
  series: ['#0072b2', '#d55e00', '#00896b', '#c2578f', '#a87400', '#3d9fd6', '#6b4fa0'],
  ramp: ['#edf2f8', '#d8e5f2', '#b9d2e9', '#94bbdd', '#679dcb', '#3d7db4', '#1f5d96', '#0c3f70'],
  rampLowInk: '#232a33',
  rampHighInk: '#fafcfd',
};

export const DARK: Theme = {
  surface: '#15181c',
  ink: '#e9ecef',
  muted: '#a9b2bc',
  axis: '#6d7680',
  grid: '#2b3037',
  faint: '#4a525c',
  series: ['#4fa8e0', '#f0803c', '#2fc79f', '#e68fbb', '#e0b040', '#8fd0f5', '#b09be0'],
  ramp: ['#1b2129', '#1d3046', '#1f4264', '#265a89', '#3a78ad', '#5f9bcb', '#91bfe2', '#cbe3f6'],
  rampLowInk: '#dfe5ea',
  rampHighInk: '#10151b',
};

/** Every role of a theme with the name of its custom property in a page, e.g. `--fig-series-0`. */
export function themeProperties(theme: Theme): [name: string, colour: string][] {
  return Object.entries(theme).flatMap(([role, colours]: [string, string | readonly string[]]) => {
    const name = `--fig-${role.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return typeof colours === 'string'
      ? [[name, colours] as [string, string]]
      : colours.map((colour, index) => [`${name}-${index}`, colour] as [string, string]);
  });
}

/** How a figure is coloured: a theme, or custom properties that the page around it defines. */
export type FigureTheme = 'light' | 'dark' | 'page';

/** Replacement of each colour of the light theme. */
export function recolouring(theme: FigureTheme): ReadonlyMap<string, string> {
  const from = themeProperties(LIGHT);
  if (theme === 'page') return new Map(from.map(([name, colour]) => [colour, `var(${name})`]));
  const to = themeProperties(theme === 'dark' ? DARK : LIGHT);
  return new Map(from.map(([, colour], index) => [colour, to[index]![1]]));
}

/** Generic families only: a report must look the same wherever it is opened, without fonts of its own. */
export const FONT_FAMILY = "system-ui, 'Segoe UI', 'Liberation Sans', Arial, 'DejaVu Sans', sans-serif";
