import { CoverageError } from '../error.js';
import { count, plural } from '../text/format.js';
import { type Checkpoint, serverError } from './checkpoint.js';
import type { CheckedScoreOptions } from './options.js';
import type { Patience } from './patience.js';
import type { Responses } from './rows.js';
import type { Item } from './servers/scorer.js';
import {
  isTokenised,
  probeIds,
  RowTokenizer,
  rowsError,
  some,
  type TokenPolicy,
  tokenise,
  tokenPolicy,
  tokensHash,
  verifyTokens,
} from './tokens.js';
import { readTokens, tokensPath, writeTokens } from './tokens-file.js';

/** What is sent for each row, the same for all checkpoints. */
export interface Requests {
  readonly items: readonly Item[];
  readonly policy: TokenPolicy;
  readonly sha256: string;
}

/**
 * What is sent for each selected row: ids, asked from the first checkpoint's server and held to the tokenizers of the others;
 * texts, where servers take texts only.
 */
export async function prepareRequests(
  open: readonly Checkpoint[],
  options: CheckedScoreOptions,
  responses: Responses,
  selected: readonly number[],
  onDone: (done: number) => void,
): Promise<Requests> {
  const byEcho = open.filter(({ found }) => found[0]!.scorer.kind === 'echo');
  const requests =
    byEcho.length === 0 || selected.every((row) => isTokenised(responses.rows[row]!))
      ? await asTokens(open, options, responses, selected, onDone)
      : asTexts(open, byEcho, options, responses, selected);
  checkLengths(open, responses, selected, requests.items);
  return requests;
}

async function asTokens(
  open: readonly Checkpoint[],
  options: CheckedScoreOptions,
  responses: Responses,
  selected: readonly number[],
  onDone: (done: number) => void,
): Promise<Requests> {
  const { retries, signal } = options;
  const patience: Patience = { retries, signal };
  const [first, ...others] = open as [Checkpoint, ...Checkpoint[]];
  const needsTokenizer = selected.some((row) => !isTokenised(responses.rows[row]!));
  const tokenize = needsTokenizer ? first.found[0]!.scorer.tokenize : null;
  try {
    const policy = await tokenPolicy(options, tokenize, patience);
    const probes = tokenize === null ? [] : await probeIds(tokenize, patience);
    const path = tokensPath(options.out, options.shard);
    let items = await readTokens(path, responses, selected, policy, probes);
    if (items === null) {
      const tokenizer = new RowTokenizer(tokenize, policy, patience);
      items = await tokenise(responses, selected, tokenizer, Math.min(16, options.concurrency), onDone);
      await writeTokens(path, responses, selected, policy, probes, items);
    }
    if (tokenize !== null) {
      for (const { name, found, clients } of others) {
        const theirs = found[0]!.scorer.tokenize!;
        const second = { name, tokenize: theirs, tokenizer: new RowTokenizer(theirs, policy, patience) };
        await verifyTokens(responses, selected, items, { name: first.name, probes }, second, patience).catch(
          (error: unknown) => {
            throw serverError(error, name, clients[0]!.url);
          },
        );
      }
    }
    return { items, policy, sha256: tokensHash(items) };
  } catch (error) {
    throw serverError(error, first.name, first.clients[0]!.url);
  }
}

/** Texts as they are: what such a server makes of them shows in its answers. */
function asTexts(
  open: readonly Checkpoint[],
  byEcho: readonly Checkpoint[],
  { bos, eos, boundary }: CheckedScoreOptions,
  { rows }: Responses,
  selected: readonly number[],
): Requests {
  const wrong = (message: string, field: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field } });
  const other = open.find((each) => !byEcho.includes(each));
  if (other) {
    throw wrong(
      `${byEcho[0]!.name} is served by a server that takes texts only, ${other.name} by one that takes token ids: score them in runs of their own, or give token ids.`,
      'servers',
    );
  }
  if (Array.isArray(bos) || eos.length > 0 || boundary !== 'joined') {
    throw wrong(
      'This server takes texts only, so that tokens cannot be put before or after them (--bos, --eos, --boundary): leave these options out.',
      'bos',
    );
  }
  const items = selected.map((index) => {
    const { id, prompt, response } = rows[index]!;
    if (prompt === undefined || response === undefined) {
      throw rowsError(
        'ERR_UNSUPPORTED_SERVER',
        `Response ${id} is given as messages or half as token ids, and this server takes texts only: give prompt and response as texts.`,
        [String(id)],
      );
    }
    return { prompt, response };
  });
  return { items, policy: { bos: [], eos: [], boundary }, sha256: tokensHash(items) };
}

/** One more token is generated than is asked about. */
function checkLengths(
  open: readonly Checkpoint[],
  { rows }: Responses,
  selected: readonly number[],
  items: readonly Item[],
): void {
  for (const { name, found } of open) {
    const most = Math.min(...found.map(({ maxLength }) => maxLength ?? Number.POSITIVE_INFINITY));
    const long = selected.filter((_, place) => {
      const { prompt, response } = items[place]!;
      return typeof prompt !== 'string' && prompt.length + response.length + 1 > most;
    });
    if (long.length === 0) continue;
    const ids = long.map((row) => String(rows[row]!.id));
    throw rowsError(
      'ERR_TOO_LONG',
      `${name} is served with ${count(most)} tokens, one of them to generate, which is too few for ${plural(long.length, 'row')} (${some(ids)}), and nothing is cut: leave what is longer out for all checkpoints, or serve with a longer context.`,
      ids,
    );
  }
}
