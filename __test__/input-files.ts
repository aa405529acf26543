import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Writers of files into a folder that is there as long as a file of tests runs. */
export function inputFiles(name: string) {
  const folder = mkdtempSync(join(tmpdir(), `coverage-principle-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true }));
  let files = 0;
  const write = (name: string, content: string | Uint8Array) => {
    files += 1;
    const path = join(folder, `${files}-${name}`);
    writeFileSync(path, content);
    return path;
  };
  return {
    folder,
    write,
    csv: (content: string) => write('table.csv', content),
    /** A line a row; texts as they are. */
    jsonl: (...rows: unknown[]) =>
      write('rows.jsonl', rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n')),
  };
}

/** A row of our own form. */
export const long = (id: string, model: string, logProb: unknown) => ({ id, model, logProb });
/** A sample of lm-evaluation-harness. */
export const sample = (doc: number, logProb: unknown, more = {}) => ({
  doc_id: doc,
  doc: {},
  target: ' word',
  arguments: { gen_args_0: { arg_0: 'context', arg_1: ' word' } },
  resps: [[[logProb, 'False']]],
  filtered_resps: [[logProb, 'False']],
  filter: 'none',
  prompt_hash: `p${doc}`,
  target_hash: `t${doc}`,
  ...more,
});
