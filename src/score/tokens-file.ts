import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStream } from '../input/file-stream.js';
import { writeReportFile } from '../write-file.js';
import type { Responses } from './rows.js';
import type { Item } from './servers/scorer.js';
import { type TokenPolicy, tokensHash } from './tokens.js';

/** What the ids in a file are of, and what they are. */
interface TokensHead {
  readonly 'coverage-principle': 'tokens';
  readonly input: string;
  readonly policy: TokenPolicy;
  /** What the tokenizer makes of the probes. */
  readonly probes: readonly (readonly number[])[];
  /** {@link tokensHash} of the ids: of a file that was changed since, nothing is taken. */
  readonly sha256: string;
}

/** The file of token ids of a run or of its part. Not `.jsonl`: readers of the folder leave it alone. */
export function tokensPath(folder: string, part: readonly [number, number] | undefined): string {
  return join(folder, `tokens${part ? `.${part[0]}-of-${part[1]}` : ''}.ids`);
}

function headOf(
  { sha256: input }: Responses,
  policy: TokenPolicy,
  probes: readonly (readonly number[])[],
  sha256: string,
): TokensHead {
  return { 'coverage-principle': 'tokens', input, policy, probes, sha256 };
}

/** The ids that a run before has kept, if they are of the same input, tokenizer and policy, and as they were written. */
export async function readTokens(
  path: string,
  responses: Responses,
  selected: readonly number[],
  policy: TokenPolicy,
  probes: readonly (readonly number[])[],
): Promise<Item[] | null> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size === 0) return null;
  const items: Item[] = [];
  let head: string | null = null;
  for await (const lines of new FileStream(path).lines()) {
    for (const { text } of lines) {
      if (head === null) {
        head = text;
        continue;
      }
      const line = parsed(text);
      if (line === null || line[0] !== responses.rows[selected[items.length]!]?.id) return null;
      items.push({ prompt: line[1], response: line[2] });
    }
  }
  if (items.length !== selected.length) return null;
  return head === JSON.stringify(headOf(responses, policy, probes, tokensHash(items))) ? items : null;
}

/** A line of ids; `null` for what is none. Which ids they are, the hash tells. */
function parsed(text: string): [string | number, number[], number[]] | null {
  try {
    const line: unknown = JSON.parse(text);
    const isLine = Array.isArray(line) && line.length === 3 && line.slice(1).every(Array.isArray);
    return isLine ? (line as [string | number, number[], number[]]) : null;
  } catch {
    return null;
  }
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
    yield Buffer.from(`${JSON.stringify(headOf(responses, policy, probes, tokensHash(items)))}\n`);
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
