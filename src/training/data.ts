import { dirname, resolve } from 'node:path';
import { CoverageError, located } from '../error.js';
import { FileStream } from '../input/file-stream.js';
import { readJsonRows } from '../input/json-rows.js';
import type { Constraint } from '../linear/constraint.js';
import type { DataDistribution } from '../linear/data-distribution.js';
import type { FeatureMap } from '../linear/feature-map.js';
import { Responses } from '../linear/responses.js';
import { native } from '../native.js';
import { count, percent, plural } from '../text/format.js';
import type { CheckedTrainConfig } from './schema.js';

/** A file that was read. */
export interface DataSource {
  readonly file: string;
  /** SHA-256 of its bytes, of a file of text. */
  readonly sha256?: string;
  /** BLAKE3 of its bytes, of a file of numbers, as `b3sum` prints it. */
  readonly blake3?: string;
}

/** The tokens of every prompt. */
interface PromptTokens {
  readonly tokens: Uint32Array;
  readonly lengths: Uint32Array;
}

/** What a run trains on and is measured by. */
export interface TrainingData {
  readonly data: DataDistribution | Responses;
  /** What held-out responses are drawn from and exact measures are taken against. */
  readonly validation?: DataDistribution;
  /** Held-out responses, or how many to draw. */
  readonly heldOut?: Responses | number;
  /** log π_D of the held-out responses, where known. */
  readonly reference?: Float64Array;
  readonly vocabulary: number;
  /** |X|. */
  readonly prompts: number;
  /** Tokens of the longest response. */
  readonly horizon: number;
  readonly promptTokens?: PromptTokens;
  /** What a named problem brings along. */
  readonly own?: { readonly features: FeatureMap; readonly constraint: Constraint; readonly start: Float64Array };
  readonly sources: readonly DataSource[];
  /** Bytes that the tokens of text stand for. */
  readonly alphabet?: readonly number[];
  /** What the data is, a sentence each. */
  readonly facts: readonly string[];
}

type TextData = Extract<CheckedTrainConfig['data'], { kind: 'text' }>;
type SequencesData = Extract<CheckedTrainConfig['data'], { kind: 'sequences' }>;

/** Where files are looked for and what stops the reading. */
export interface ReadingContext {
  /** The configuration file, whose folder relative paths start from; `undefined`: the working directory. */
  readonly configFile?: string;
  readonly signal?: AbortSignal;
}

/** `path` as seen from the configuration. */
export function fromConfig({ configFile }: ReadingContext, path: string): string {
  return configFile === undefined ? resolve(path) : resolve(dirname(configFile), path);
}

/**
 * Text as pieces of `horizon` bytes, each a response to the bytes before it; the bytes that occur are the vocabulary.
 *
 * @throws CoverageError `ERR_IO`, `ERR_NO_RESPONSES` where the files are too short for a piece to train on and one to hold out
 */
export async function textData(options: TextData, context: ReadingContext): Promise<TrainingData> {
  const { horizon, context: reach, heldOut: share, maxBytes, seed } = options;
  const texts: Uint8Array[] = [];
  const sources: DataSource[] = [];
  for (const path of options.files) {
    const stream = new FileStream(fromConfig(context, path), { signal: context.signal });
    const parts: Uint8Array[] = [];
    for await (const chunk of stream.bytes()) parts.push(Uint8Array.from(chunk));
    texts.push(new Uint8Array(Buffer.concat(parts).subarray(0, maxBytes)));
    sources.push({ file: path, sha256: stream.sha256! });
  }
  const alphabet = [...new Set(texts.flatMap((text) => [...new Set(text)]))].sort((a, b) => a - b);
  const tokenOf = new Uint32Array(256);
  alphabet.forEach((byte, token) => {
    tokenOf[byte] = token;
  });
  const pieces = texts.flatMap((text) =>
    Array.from({ length: Math.floor(text.length / horizon) }, (_, piece) => ({ text, start: piece * horizon })),
  );
  const held = Math.max(1, Math.round(pieces.length * share));
  if (pieces.length - held < 1) {
    throw new CoverageError(
      'ERR_NO_RESPONSES',
      `The text has ${plural(pieces.length, 'piece')} of ${horizon} bytes: at least one to train on and one to hold out are needed.`,
      { place: { field: 'data.files' } },
    );
  }
  const prompts = { tokens: [] as Uint32Array[], lengths: new Uint32Array(pieces.length) };
  pieces.forEach(({ text, start }, index) => {
    const before = text.subarray(Math.max(0, start - reach), start);
    prompts.tokens.push(Uint32Array.from(before, (byte) => tokenOf[byte]!));
    prompts.lengths[index] = before.length;
  });
  const order = native.shuffledOrder(pieces.length, seed);
  const responses = (chosen: Uint32Array) => {
    const tokens = new Uint32Array(chosen.length * horizon);
    chosen.forEach((index, place) => {
      const { text, start } = pieces[index]!;
      for (let h = 0; h < horizon; h += 1) tokens[place * horizon + h] = tokenOf[text[start + h]!]!;
    });
    return Responses.fromArrays({ prompts: chosen, tokens, horizon });
  };
  const bytes = texts.reduce((sum, text) => sum + text.length, 0);
  return {
    data: responses(order.subarray(held).sort()),
    heldOut: responses(order.subarray(0, held).sort()),
    vocabulary: alphabet.length,
    prompts: pieces.length,
    horizon,
    promptTokens: { tokens: concat(prompts.tokens), lengths: prompts.lengths },
    sources,
    alphabet,
    facts: [
      `${plural(texts.length, 'text file')} of ${count(bytes)} bytes in all, ${plural(alphabet.length, 'distinct byte')}.`,
      `${count(pieces.length - held)} pieces of ${horizon} bytes to train on, ${count(held)} held out (${percent(held / pieces.length)}); prompts are the ${reach} bytes before a piece.`,
    ],
  };
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let next = 0;
  for (const part of parts) {
    all.set(part, next);
    next += part.length;
  }
  return all;
}

interface Line {
  /** Index of the prompt, or its tokens. */
  readonly prompt: number | readonly number[];
  readonly tokens: readonly number[];
  readonly logProb?: number;
}

/**
 * Responses from files, one JSON object a line.
 *
 * @throws CoverageError `ERR_IO`, `ERR_MALFORMED_FILE` naming file and line, `ERR_NO_RESPONSES`
 */
export async function sequencesData(options: SequencesData, context: ReadingContext): Promise<TrainingData> {
  const { lines, source } = await readLines(options.train, context);
  let [train, held] = [lines, [] as Line[]];
  const sources = [source];
  if (typeof options.heldOut === 'string') {
    const file = await readLines(options.heldOut, context);
    held = file.lines;
    sources.push(file.source);
  } else if (options.heldOut !== undefined) {
    const size = Math.max(1, Math.round(lines.length * options.heldOut));
    if (lines.length <= size) {
      throw new CoverageError('ERR_NO_RESPONSES', `${options.train} has too few responses to hold some out.`, {
        place: { file: options.train },
      });
    }
    const order = native.shuffledOrder(lines.length, options.seed);
    const pick = (chosen: Uint32Array) => Array.from(chosen.sort(), (index) => lines[index]!);
    [train, held] = [pick(order.subarray(size)), pick(order.subarray(0, size))];
  }
  const numbering = new PromptNumbers([...train, ...held], options.train);
  const toResponses = (list: readonly Line[]) =>
    Responses.from(list.map(({ prompt, tokens }) => ({ prompt: numbering.of(prompt), tokens })));
  const greatest = Math.max(numbering.greatestToken, ...[...train, ...held].map(({ tokens }) => maximum(tokens)));
  const reference = referenceOf(held, options.heldOut);
  return {
    data: toResponses(train),
    ...(held.length > 0 && { heldOut: toResponses(held) }),
    ...(reference && { reference }),
    vocabulary: options.vocabulary ?? greatest + 1,
    prompts: numbering.count,
    horizon: Math.max(...[...train, ...held].map(({ tokens }) => tokens.length)),
    ...(numbering.tokens && { promptTokens: numbering.tokens }),
    sources,
    facts: [
      `${plural(train.length, 'response')} to train on, ${count(held.length)} held out; ${plural(numbering.count, 'prompt')}.`,
    ],
  };
}

function maximum(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

async function readLines(path: string, context: ReadingContext): Promise<{ lines: Line[]; source: DataSource }> {
  const stream = new FileStream(fromConfig(context, path), { signal: context.signal });
  const lines: Line[] = [];
  for await (const { value, row } of readJsonRows(stream)) {
    const { prompt, tokens, logProb } = value;
    const place = { file: path, row };
    if (!isTokens(tokens)) {
      throw located('ERR_MALFORMED_FILE', 'tokens must be a list of whole numbers from 0 on.', place);
    }
    if (prompt !== undefined && !isTokens(prompt) && !isTokens([prompt])) {
      throw located('ERR_MALFORMED_FILE', 'prompt must be a whole number from 0 on, or a list of tokens.', place);
    }
    if (logProb !== undefined && !(typeof logProb === 'number' && logProb <= 1e-6)) {
      throw located('ERR_MALFORMED_FILE', 'logProb must be a number of at most 0.', place);
    }
    lines.push({
      prompt: (prompt as number | readonly number[] | undefined) ?? 0,
      tokens,
      ...(typeof logProb === 'number' && { logProb }),
    });
  }
  if (lines.length === 0) throw located('ERR_NO_RESPONSES', 'The file has no response.', { file: path });
  return { lines, source: { file: path, sha256: stream.sha256! } };
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((token) => Number.isInteger(token) && token >= 0 && token < 0xffff_ffff);
}

/** Numbers for prompts: their own, or, where prompts are lists of tokens, in order of first appearance. */
class PromptNumbers {
  readonly #byTokens: Map<string, number> | undefined;
  readonly #lists: (readonly number[])[] = [];
  readonly count: number;
  readonly tokens: PromptTokens | undefined;
  readonly greatestToken: number;

  constructor(lines: readonly Line[], file: string) {
    const lists = lines.filter(({ prompt }) => Array.isArray(prompt)).length;
    if (lists > 0 && lists < lines.length) {
      throw located('ERR_MALFORMED_FILE', 'Some prompts are numbers, others lists of tokens: one kind is needed.', {
        file,
      });
    }
    if (lists === 0) {
      this.count = 1 + lines.reduce((most, { prompt }) => Math.max(most, prompt as number), 0);
      this.greatestToken = 0;
      return;
    }
    this.#byTokens = new Map();
    for (const { prompt } of lines) {
      const key = String(prompt);
      if (this.#byTokens.has(key)) continue;
      this.#byTokens.set(key, this.#lists.length);
      this.#lists.push(prompt as readonly number[]);
    }
    this.count = this.#lists.length;
    this.greatestToken = maximum(this.#lists.map(maximum));
    this.tokens = {
      tokens: Uint32Array.from(this.#lists.flat()),
      lengths: Uint32Array.from(this.#lists, (list) => list.length),
    };
  }

  of(prompt: Line['prompt']): number {
    return typeof prompt === 'number' ? prompt : this.#byTokens!.get(String(prompt))!;
  }
}

/** log π_D of the held-out responses, if every line has it. */
function referenceOf(held: readonly Line[], file: unknown): Float64Array | undefined {
  const known = held.filter(({ logProb }) => logProb !== undefined).length;
  if (known === 0) return undefined;
  if (known < held.length) {
    throw located('ERR_MALFORMED_FILE', 'Some held-out responses have logProb, others not: all or none are needed.', {
      ...(typeof file === 'string' && { file }),
    });
  }
  return Float64Array.from(held, ({ logProb }) => logProb!);
}
