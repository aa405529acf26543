// Puts `src/zod.ts` and what it needs of zod into one file, dist/zod.js, in place of what tsc made of it. The types that tsc made
// stay: those of the package zod.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const zod = join(root, 'node_modules', 'zod');
const { version } = JSON.parse(readFileSync(join(zod, 'package.json'), 'utf8'));
const license = readFileSync(join(zod, 'LICENSE'), 'utf8').trim();

await build({
  input: join(root, 'src', 'zod.ts'),
  platform: 'node',
  output: { file: join(root, 'dist', 'zod.js'), minify: true, postBanner: `/*! zod ${version}\n\n${license}\n*/` },
});
