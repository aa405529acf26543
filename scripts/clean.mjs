// Removes the folders named on the command line, relative to the package.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
for (const folder of process.argv.slice(2)) rmSync(join(root, folder), { recursive: true, force: true });
