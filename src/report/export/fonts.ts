import { type Dirent, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A sans-serif family with its files, regular first. */
export interface FontFamily {
  readonly family: string;
  readonly files: string[];
}

/** Families known to be complete, the most often installed first; names of their regular and bold files. */
const FAMILIES: readonly (readonly [family: string, regular: string, bold: string])[] = [
  ['Liberation Sans', 'LiberationSans-Regular.ttf', 'LiberationSans-Bold.ttf'],
  ['Arial', 'Arial.ttf', 'Arial Bold.ttf'],
  ['Arial', 'arial.ttf', 'arialbd.ttf'],
  ['DejaVu Sans', 'DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'],
  ['Noto Sans', 'NotoSans-Regular.ttf', 'NotoSans-Bold.ttf'],
  ['Open Sans', 'OpenSans-Regular.ttf', 'OpenSans-Bold.ttf'],
  ['Roboto', 'Roboto-Regular.ttf', 'Roboto-Bold.ttf'],
  ['FreeSans', 'FreeSans.ttf', 'FreeSansBold.ttf'],
  ['FreeSans', 'FreeSans.otf', 'FreeSansBold.otf'],
];

const FOLDERS = [
  '/usr/share/fonts',
  '/usr/local/share/fonts',
  '/System/Library/Fonts',
  '/Library/Fonts',
  join(process.env['WINDIR'] ?? 'C:\\Windows', 'Fonts'),
  join(homedir(), '.local/share/fonts'),
  join(homedir(), '.fonts'),
  join(homedir(), 'Library/Fonts'),
];

const DEEPEST = 5;

/**
 * The first known sans-serif family on the system, or `null`. Files are looked for by name, so that a drawing does not
 * depend on what else is installed.
 */
export function findSansFont(folders: readonly string[] = FOLDERS): FontFamily | null {
  const wanted = new Set(FAMILIES.flatMap(([, regular, bold]) => [regular, bold]));
  const found = new Map<string, string>();
  for (const folder of folders) collect(folder, wanted, found, DEEPEST);
  for (const [family, regular, bold] of FAMILIES) {
    const files = [found.get(regular), found.get(bold)].filter((file) => file !== undefined);
    if (found.has(regular)) return { family, files };
  }
  return null;
}

function collect(folder: string, wanted: ReadonlySet<string>, found: Map<string, string>, depth: number): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // A folder that is missing or closed to us holds no font for us.
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 0) collect(path, wanted, found, depth - 1);
    else if (wanted.has(entry.name) && !found.has(entry.name)) found.set(entry.name, path);
  }
}
