import { existsSync } from 'node:fs';
import type { LogProbs } from '../log-probs/log-probs.js';
import { CountsPart, type CountsPartOptions } from '../selection/counts-part.js';
import { madePart, wordsOfWhole } from './parts.js';

/** Counts a part of a selection and writes it; one that is there already, of the same input, is left as it is. */
export async function selectPart(
  input: LogProbs,
  file: string,
  options: Omit<CountsPartOptions, 'command' | 'there'>,
): Promise<string> {
  const there = existsSync(file) ? await CountsPart.read(file) : undefined;
  const part = await CountsPart.count(input, { ...options, command: wordsOfWhole(), ...(there && { there }) });
  if (there === undefined) await part.write(file);
  return madePart(part.shard, file);
}

/** Reads parts from their files. */
export async function readCountsParts(files: readonly string[]): Promise<CountsPart[]> {
  return Promise.all(files.map((file) => CountsPart.read(file)));
}
