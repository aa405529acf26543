import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FileStream } from '../input/file-stream.js';
import { writeReportFile } from '../write-file.js';
import type { Responses } from './rows.js';
import type { Item } from './servers/scorer.js';
import type { TokenPolicy } from './tokens.js';

/** What the ids in a file are of. */
interface TokensHead {
  readonly 'coverage-principle': 'tokens';
  readonly input: string;
  readonly policy: TokenPolicy;
  /** What the tokenizer makes of the probes. */
  readonly probes: readonly (readonly number[])[];
}

/** The file of token ids of a run or of its part. Not `.jsonl`: readers of the folder leave it alone. */
export function tokensPath(folder: string, part: readonly [number, number] | undefined): string {
  return join(folder, `tokens${part ? `.${part[0]}-of-${part[1]}` : ''}.ids`);
}

function headOf({ sha256 }: Responses, policy: TokenPolicy, probes: readonly (readonly number[])[]): TokensHead {
  return { 'coverage-principle': 'tokens', input: sha256, policy, probes };
}

/** The ids that a run before has kept, if they are of the same input, tokenizer and policy. */
export async function readTokens(
  path: string,
  responses: Responses,
  selected: readonly number[],
  policy: TokenPolicy,
  probes: readonly (readonly number[])[],
): Promise<Item[] | null> {
  if (!existsSync(path)) return null;
  const items: Item[] = [];
  let expected: string | null = JSON.stringify(headOf(responses, policy, probes));
  for await (const lines of new FileStream(path).lines()) {
    for (const { text } of lines) {
      if (expected !== null) {
        if (text !== expected) return null;
        expected = null;
        continue;
      }
      const [id, prompt, response] = JSON.parse(text) as [string | number, number[], number[]];
      if (id !== responses.rows[selected[items.length]!]?.id) return null;
      items.push({ prompt, response });
    }
  }
  return items.length === selected.length ? items : null;
}

/** Keeps the ids: a head, then `[id, prompt, response]` a line. */
export async function writeTokens(
  path: string,
  responses: Responses,
  selected: readonly number[],
  policy: TokenPolicy,
  probes: readonly (readonly number[])[],
  items: readonly Item[],
): Promise<void> {
  function* pieces(): Generator<Uint8Array> {
    yield Buffer.from(`${JSON.stringify(headOf(responses, policy, probes))}\n`);
    for (let at = 0; at < items.length; at += 1024) {
      const lines = items
        .slice(at, at + 1024)
        .map(({ prompt, response }, index) =>
          JSON.stringify([responses.rows[selected[at + index]!]!.id, prompt, response]),
        );
      yield Buffer.from(`${lines.join('\n')}\n`);
    }
  }
  await writeReportFile(path, pieces());
}
