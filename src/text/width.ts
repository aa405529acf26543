import { createRequire } from 'node:module';
import type stringWidth from 'string-width';

/**
 * Letters and signs of one column each that no other changes: those of ASCII, Latin, punctuation and mathematics. A test
 * holds the list to `string-width`.
 */
const PLAIN = /^[ -~\u00a0-\u00ac\u00ae-\u02ff\u2010-\u2027\u202f-\u203b\u203d-\u2048\u204a-\u205e\u2200-\u22ff]*$/;

let widthOf: typeof stringWidth | undefined;

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  // Loaded on first use: its tables of all characters take as long as a small command does.
  widthOf ??= (createRequire(import.meta.url)('string-width') as { readonly default: typeof stringWidth }).default;
  return widthOf(text);
}
