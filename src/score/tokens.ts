import { createHash } from 'node:crypto';
import PQueue from 'p-queue';
import { CoverageError } from '../error.js';
import { listed, plural } from '../text/format.js';
import { Fault } from './client.js';
import type { CheckedScoreOptions } from './options.js';
import { type Patience, patiently } from './patience.js';
import type { ResponseRow, Responses } from './rows.js';
import type { Item } from './servers/scorer.js';
import { sameIds, type Text } from './servers/scorer.js';

/** Tokenises by a server. */
export type Tokenize = (text: Text, signal?: AbortSignal) => Promise<number[]>;

/** Special tokens and boundary, the same for all rows and checkpoints. */
export interface TokenPolicy {
  /** Ids before a prompt that is given as text. */
  readonly bos: readonly number[];
  /** Ids after every response. */
  readonly eos: readonly number[];
  readonly boundary: 'joined' | 'separate';
}

/** Texts that show where tokenizers differ; a second checkpoint is held to them beside the rows. */
const PROBES = [
  'a',
  ' The quick brown fox,\n\tdef f(x):  return 0x1F + 3.14159',
  'naïve café — Ελληνικά 日本語 🙂',
  '<s></s><|endoftext|>',
];

/** Rows that a second checkpoint tokenises again. */
const VERIFIED = 32;

/** The special tokens by the options, asked from the tokenizer where they are its own. */
export async function tokenPolicy(
  { bos, eos, boundary }: CheckedScoreOptions,
  tokenize: Tokenize | null,
  patience: Patience,
): Promise<TokenPolicy> {
  if (bos === 'none' || tokenize === null) return { bos: [], eos, boundary };
  if (bos !== 'tokenizer') return { bos, eos, boundary };
  const [bare, special] = await Promise.all(
    [false, true].map((each) => patiently(() => tokenize({ text: 'a', special: each }, patience.signal), patience)),
  );
  const at = special!.findIndex((_, start) => sameIds(special!.slice(start, start + bare!.length), bare!));
  return { bos: special!.slice(0, Math.max(0, at)), eos, boundary };
}

/** Tokenises rows by one server, several at a time; rows whose tokens are known are given back as they are. */
export class RowTokenizer {
  readonly #tokenize: Tokenize | null;
  readonly #policy: TokenPolicy;
  readonly #patience: Patience;
  /** Prompts recur; what is asked once is asked for all. */
  readonly #prompts = new Map<string, Promise<number[]>>();

  constructor(tokenize: Tokenize | null, policy: TokenPolicy, patience: Patience) {
    this.#tokenize = tokenize;
    this.#policy = policy;
    this.#patience = patience;
  }

  /** Prompt and response of a row as ids; `null` if a token spans the boundary. */
  async ids(row: ResponseRow): Promise<{ prompt: number[]; response: number[] } | null> {
    const { boundary, bos, eos } = this.#policy;
    if (row.prompt !== undefined && row.response !== undefined && boundary === 'joined') {
      const [prompt, whole] = await Promise.all([
        this.#prompt(row.prompt),
        this.#ask({ text: row.prompt + row.response, special: false }),
      ]);
      if (whole.length <= prompt.length || !sameIds(whole.slice(0, prompt.length), prompt)) return null;
      return { prompt: [...bos, ...prompt], response: [...whole.slice(prompt.length), ...eos] };
    }
    const prompt = await this.#promptOf(row);
    const response = row.responseTokens ?? (await this.#continuation(row.response!));
    return { prompt: [...prompt], response: [...response, ...eos] };
  }

  async #promptOf({ prompt, promptTokens, messages }: ResponseRow): Promise<readonly number[]> {
    if (promptTokens !== undefined) return promptTokens;
    if (prompt !== undefined) return [...this.#policy.bos, ...(await this.#prompt(prompt))];
    return this.#cached(JSON.stringify(messages), { messages: messages! });
  }

  #prompt(text: string): Promise<number[]> {
    return text === '' ? Promise.resolve([]) : this.#cached(`"${text}`, { text, special: false });
  }

  /** Ids of a text that follows others: some tokenizers begin every text with a blank, which a line break before it keeps away. */
  async #continuation(text: string): Promise<number[]> {
    const [anchor, whole] = await Promise.all([this.#prompt('\n'), this.#ask({ text: `\n${text}`, special: false })]);
    const apart = whole.length > anchor.length && sameIds(whole.slice(0, anchor.length), anchor);
    return apart ? whole.slice(anchor.length) : this.#ask({ text, special: false });
  }

  #cached(key: string, text: Text): Promise<number[]> {
    let ids = this.#prompts.get(key);
    if (ids === undefined) {
      ids = this.#ask(text);
      this.#prompts.set(key, ids);
    }
    return ids;
  }

  #ask(text: Text): Promise<number[]> {
    const tokenize = this.#tokenize!;
    return patiently(() => tokenize(text, this.#patience.signal), this.#patience);
  }
}

/** Whether ids of a row are given, so that no server is asked for them. */
export function isTokenised({ promptTokens, responseTokens }: ResponseRow): boolean {
  return promptTokens !== undefined && responseTokens !== undefined;
}

/**
 * The ids of all rows in `selected` (indices), in their order.
 *
 * @throws CoverageError `ERR_TOKEN_BOUNDARY` naming the rows in which a token spans prompt and response,
 * `ERR_EMPTY_PROMPT` where nothing precedes the first token of a response, `ERR_TOKENIZER` naming the rows that the server refuses
 */
export async function tokenise(
  { rows }: Responses,
  selected: readonly number[],
  tokenizer: RowTokenizer,
  concurrency: number,
  onDone: (done: number) => void,
): Promise<Item[]> {
  const items = new Array<Item | null>(selected.length);
  const refused: { id: string; reason: string }[] = [];
  const queue = new PQueue({ concurrency });
  let done = 0;
  const idsOf = async (place: number) => {
    const row = rows[selected[place]!]!;
    try {
      items[place] = await tokenizer.ids(row);
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'refused') throw error;
      refused.push({ id: String(row.id), reason: error.message });
    }
    onDone(++done);
  };
  // The first failure ends it, whatever others are waiting for.
  let fail = (_: unknown) => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => undefined);
  try {
    for (const place of selected.keys()) {
      await Promise.race([queue.onSizeLessThan(2 * concurrency), failure]);
      queue.add(() => idsOf(place)).catch(fail);
    }
    await Promise.race([queue.onIdle(), failure]);
  } finally {
    queue.clear();
  }
  if (refused.length > 0) {
    const ids = refused.map(({ id }) => id);
    throw rowsError(
      'ERR_TOKENIZER',
      `The server makes no tokens of ${plural(refused.length, 'row')} (${some(ids)}): ${refused[0]!.reason}. Mend or leave out what it refuses, for all checkpoints, or give token ids.`,
      ids,
    );
  }
  const named = (wrong: (item: Item | null) => boolean) =>
    selected.filter((_, place) => wrong(items[place]!)).map((index) => String(rows[index]!.id));
  const spanning = named((item) => item === null);
  if (spanning.length > 0) {
    throw rowsError(
      'ERR_TOKEN_BOUNDARY',
      `In ${plural(spanning.length, 'row')} a token spans the end of the prompt and the beginning of the response (${some(spanning)}): move the blank between them to the response, give token ids, or give both their own tokens (--boundary separate).`,
      spanning,
    );
  }
  const empty = named((item) => item!.prompt.length === 0);
  if (empty.length > 0) {
    throw rowsError(
      'ERR_EMPTY_PROMPT',
      `In ${plural(empty.length, 'row')} nothing stands before the response, so that its first token has no probability (${some(empty)}): name the token that begins a text (--bos ID).`,
      empty,
    );
  }
  return items as Item[];
}

/** An error of several rows. @internal */
export function rowsError(code: string, message: string, ids: readonly string[]): CoverageError {
  return new CoverageError(code, message, { place: { response: ids[0]! } });
}

/** Some ids, for messages. */
export function some(ids: readonly string[]): string {
  return ids.length > 5 ? `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more` : listed(ids);
}

/** SHA-256 of what is scored, in the order of the rows. */
export function tokensHash(items: readonly Item[]): string {
  const hash = createHash('sha256');
  for (const item of items) hash.update(`${JSON.stringify([item.prompt, item.response])}\n`);
  return hash.digest('hex');
}

/** A short digest of what one row asks, by which readers see that models were scored on the same. */
export function contentHash({ prompt, response }: Item): string {
  return createHash('sha256')
    .update(JSON.stringify([prompt, response]))
    .digest('hex')
    .slice(0, 16);
}

/** What the tokenizer of a server makes of the probes. */
export async function probeIds(tokenize: Tokenize, patience: Patience): Promise<number[][]> {
  return Promise.all(
    PROBES.map((text) => patiently(() => tokenize({ text, special: true }, patience.signal), patience)),
  );
}

/**
 * Holds the tokenizer of another checkpoint to the ids: probes, and rows spread over all.
 *
 * @throws CoverageError `ERR_OTHER_TOKENIZER` naming both checkpoints and where they differ
 */
export async function verifyTokens(
  { rows }: Responses,
  selected: readonly number[],
  items: readonly Item[],
  first: { readonly name: string; readonly probes: number[][] },
  second: { readonly name: string; readonly tokenize: Tokenize; readonly tokenizer: RowTokenizer },
  patience: Patience,
): Promise<void> {
  const refuse = (where: string) =>
    new CoverageError(
      'ERR_OTHER_TOKENIZER',
      `The tokenizers of ${first.name} and ${second.name} differ (${where}): score checkpoints of one tokenizer together, those of another in a run and a folder of their own.`,
      { place: { model: second.name } },
    );
  const probes = await probeIds(second.tokenize, patience);
  const differing = PROBES.findIndex((_, index) => !sameIds(probes[index]!, first.probes[index]!));
  if (differing >= 0) throw refuse(`on the text ${JSON.stringify(PROBES[differing])}`);
  const places = spread(selected.length, VERIFIED).filter((place) => !isTokenised(rows[selected[place]!]!));
  for (const place of places) {
    const row = rows[selected[place]!]!;
    const ids = await second.tokenizer.ids(row).catch((error: unknown) => {
      if (error instanceof Fault && error.kind === 'refused') return null;
      throw error;
    });
    if (
      ids === null ||
      !sameIds(ids.prompt, [...items[place]!.prompt]) ||
      !sameIds(ids.response, [...items[place]!.response])
    ) {
      throw refuse(`response ${row.id}`);
    }
  }
}

/** Up to `count` of `total` places, evenly spread. */
export function spread(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * total) / taken));
}
