import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { EChartsOption } from 'echarts';
import { CoverageError } from '../../error.js';
import type { Figure } from '../charts/figure.js';
import { type FigureTheme, FONT_FAMILY, recolouring } from '../charts/theme.js';
import { build, figureGiven } from '../fault.js';
import { findSansFont } from './fonts.js';
import { escapeHtml } from './html.js';

/** How `figureSvg` draws. */
export interface SvgOptions {
  /** Default `light`. */
  readonly theme?: FigureTheme;
  /** Whether marks say on hovering what they are, default `true`; a drawing for screens that are touched needs it not. */
  readonly tips?: boolean;
}

/**
 * Draws a figure as one SVG element. The same figure always gives the same bytes. Model names and all other text are
 * escaped.
 */
export function figureSvg(figure: Figure, options: SvgOptions = {}): string {
  return build('figureSvg()', figureGiven(figure), () => {
    const { theme = 'light', tips = true } = options;
    // Loaded on first use: programs that draw nothing should not pay for it. Minified, it is there in two thirds of the time.
    const echarts: typeof import('echarts') = createRequire(import.meta.url)('echarts/dist/echarts.min.js');
    const { width, height } = figure;
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
    try {
      chart.setOption({
        animation: false,
        backgroundColor: 'none',
        textStyle: { fontFamily: FONT_FAMILY },
        ...(harmless(figure.option) as EChartsOption),
      });
      return finish(chart.renderToSVGString().replaceAll(MARKED, PROTO), figure, theme, tips);
    } finally {
      chart.dispose();
    }
  });
}

const PROTO = '__proto__';
/** Takes no room, and is in no name that comes from a file. */
const MARKED = `${PROTO}\u2060`;

/**
 * The option with a mark at each text that is `__proto__`: ECharts keeps what it has measured in plain objects by the text,
 * and this one would change what all of them inherit, in every later drawing of the process.
 */
function harmless(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(PROTO, MARKED);
  if (Array.isArray(value)) return value.map(harmless);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [harmless(key), harmless(each)]));
}

/**
 * Makes the drawing independent of how many were drawn before it in this process (ECharts numbers its classes and
 * clipping paths globally), sets its colours, and turns ECharts' data marks into `<title>` elements, which browsers
 * show on hovering and screen readers read. Quotes in texts are escaped by ECharts, so no text can look like an
 * attribute.
 */
function finish(svg: string, figure: Figure, theme: FigureTheme, tips: boolean): string {
  const colours = recolouring(theme);
  const ids = new Map<string, string>();
  const label = `<title>${escapeHtml(figure.title)}</title>\n<desc>${escapeHtml(figure.description)}</desc>`;
  return svg
    .replace(/<style\s*>[\s\S]*?<\/style>\s*/g, '')
    .replace(/<defs\s*>\s*<\/defs>\s*/g, '')
    .replace(/ class="zr\d+-cls-\d+"/g, '')
    .replace(/(id="|url\(#|xlink:href="#)(zr\d+-[a-z]+\d+)/g, (_, before: string, id: string) => {
      if (!ids.has(id)) ids.set(id, `${figure.id}-${ids.size}`);
      return before + ids.get(id);
    })
    .replace(/ (fill|stroke|stop-color)="(#[0-9a-f]{6})"/gi, (attribute, name: string, colour: string) => {
      const replacement = colours.get(colour.toLowerCase());
      return replacement === undefined ? attribute : ` ${name}="${replacement}"`;
    })
    .replace(
      /(<(\w+)[^<>]*?) ecmeta_series_index="(\d+)" ecmeta_data_index="(\d+)"([^<>]*>)([^<]*)<\/\2>/g,
      (_, open: string, tag: string, series: string, item: string, rest: string, text: string) => {
        const tip = tips && itemTip(figure.option, Number(series), Number(item));
        return `${open}${rest}${tip ? `<title>${escapeHtml(tip)}</title>` : ''}${text}</${tag}>`;
      },
    )
    .replace(/ (ecmeta_\w+="[^"]*"|pointer-events="visible")/g, '')
    .replace(/^<svg [^>]*>/, (open) =>
      open
        .replace(' version="1.1" baseProfile="full"', '')
        .replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', '')
        .replace(/>$/, ` role="img" aria-label="${escapeHtml(`${figure.title}. ${figure.description}`)}">\n${label}`),
    );
}

function itemTip(option: EChartsOption, series: number, item: number): string | undefined {
  const all = [option.series ?? []].flat();
  const data: unknown = all[series]?.data;
  const entry: unknown = Array.isArray(data) ? data[item] : undefined;
  return typeof entry === 'object' && entry !== null && 'tip' in entry ? String(entry.tip) : undefined;
}

/** How `figurePng` draws. */
export interface PngOptions {
  /** Default `light`. */
  readonly theme?: Exclude<FigureTheme, 'page'>;
  /** Pixels per CSS pixel, default 2. */
  readonly scale?: number;
  /** TrueType or OpenType files to set the text with; default: a sans-serif font found on the system. */
  readonly fontFiles?: readonly string[];
}

/**
 * Draws a figure as PNG. Needs the optional package `@resvg/resvg-js` and a font.
 *
 * @throws CoverageError `ERR_PNG_UNAVAILABLE` without the package, `ERR_NO_FONT` if no font is found
 */
export function figurePng(figure: Figure, options: PngOptions = {}): Uint8Array {
  return build('figurePng()', figureGiven(figure), () => {
    const { theme = 'light', scale = 2, fontFiles } = options;
    const { Resvg } = loadResvg();
    const font = fontFiles ? { files: [...fontFiles], family: undefined } : findSansFont();
    // A font that is not there would be left out without a word, and all text with it.
    const absent = font?.files.find((file) => !existsSync(file));
    if (!font || font.files.length === 0 || absent !== undefined) {
      throw new CoverageError(
        'ERR_NO_FONT',
        `${absent === undefined ? 'No font was found to set the text of the PNG with.' : `There is no font file ${absent}.`} ` +
          'Install one (on Debian: apt-get install fonts-dejavu-core), name font files by the option fontFiles, or write SVG instead.',
      );
    }
    const surface = recolouring(theme);
    const svg = figureSvg(figure, { theme });
    const drawn = new Resvg(svg, {
      fitTo: { mode: 'zoom', value: scale },
      background: surface.get('#fefefe')!,
      font: {
        loadSystemFonts: false,
        fontFiles: font.files,
        ...(font.family && { defaultFontFamily: font.family, sansSerifFamily: font.family }),
      },
    });
    return drawn.render().asPng();
  });
}

/**
 * Makes sure, before anything is computed, that PNG files can be drawn.
 *
 * @throws CoverageError `ERR_PNG_UNAVAILABLE`
 */
export function checkPng(): void {
  loadResvg();
}

function loadResvg(): typeof import('@resvg/resvg-js') {
  try {
    return createRequire(import.meta.url)('@resvg/resvg-js');
  } catch (cause) {
    throw new CoverageError(
      'ERR_PNG_UNAVAILABLE',
      'PNG files need the optional package @resvg/resvg-js, which is not installed: npm install @resvg/resvg-js. ' +
        'SVG files need nothing more.',
      { cause },
    );
  }
}
