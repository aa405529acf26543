// Writes what is made from the sources: schemas/*.json and docs/reference/train-config.md. Needs `dist` (npm run build:ts).
// A test holds the files to what this makes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { resultSchemas } from './result-schemas.mjs';
import { trainReference } from './train-reference.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is made, by path. */
export async function generated() {
  const { describeProblem, problemNames } = await import('../dist/experiments.js');
  const { trainConfigJsonSchema } = await import('../dist/training/schema.js');
  const { projectFileJsonSchema } = await import('../dist/cli/project-file.js');
  const { program } = await import('../dist/cli/program.js');
  const tree = await program({ signal: new AbortController().signal, exitWith: () => undefined });
  const trainConfig = trainConfigJsonSchema();
  const schemas = { 'train-config': trainConfig, 'project-config': projectFileJsonSchema(tree), ...resultSchemas() };
  const files = Object.entries(schemas).map(([name, schema]) => [
    `schemas/${name}.json`,
    `${JSON.stringify(schema, null, 2)}\n`,
  ]);
  const problems = problemNames().map((name) => describeProblem({ name }));
  return Object.fromEntries([...files, ['docs/reference/train-config.md', trainReference(trainConfig, problems)]]);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of Object.entries(await generated())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}
