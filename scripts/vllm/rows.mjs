// Rows to score: texts, token ids and messages, four responses a prompt, words from a text of the project.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numbers, root } from '../stress/shared.mjs';

const VOCABULARY = 600;

/** What the tokenizer is trained on, and where words come from. */
export const text = join(root, 'README.md');

function write(path, rows) {
  writeFileSync(path, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  return rows;
}

function source(seed) {
  const next = numbers(seed);
  const all = readFileSync(text, 'utf8').split(/\s+/).filter(Boolean);
  const between = (least, most) => least + Math.floor(next() * (most - least + 1));
  return {
    words(least, most) {
      const count = between(least, most);
      const start = between(0, all.length - count);
      return all.slice(start, start + count).join(' ');
    },
    ids: (least, most) => Array.from({ length: between(least, most) }, () => between(2, VOCABULARY - 1)),
  };
}

/** Rows of all kinds. */
export function mixedRows(path, count) {
  const { words, ids } = source(1);
  const prompts = Array.from({ length: Math.ceil(count / 4) }, (_, prompt) => {
    if (prompt % 5 === 3) return { promptTokens: ids(5, 60) };
    if (prompt % 5 === 4)
      return {
        messages: [
          { role: 'system', content: words(3, 6) },
          { role: 'user', content: words(3, 12) },
        ],
      };
    return { prompt: words(4, 16) };
  });
  const rows = Array.from({ length: count }, (_, index) => {
    const prompt = prompts[index >> 2];
    const response = prompt.promptTokens ? { responseTokens: ids(1, 40) } : { response: ` ${words(1, 12)}` };
    return { id: `r${index}`, promptId: `p${index >> 2}`, ...prompt, ...response };
  });
  return write(path, rows);
}

/** Rows whose prompts begin with the same long text, as worked examples do: what a prefix cache is for. */
export function sharedPrefixRows(path, count) {
  const { words } = source(2);
  const examples = words(60, 60);
  const rows = Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    promptId: `p${index >> 2}`,
    prompt: `${examples} ${index >> 2}:`,
    response: ` ${words(4, 12)}`,
  }));
  return write(path, rows);
}

/** The rows as token ids, in the form that needs no tokenizer. */
export function rowsOfIds(path, ids) {
  const rows = ids.map(([promptTokens, responseTokens], index) => ({ id: `r${index}`, promptTokens, responseTokens }));
  return write(path, rows);
}
