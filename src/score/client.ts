import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Agent, Dispatcher } from 'undici';
import { CoverageError } from '../error.js';
import { isObject, parseJson } from '../input/json.js';

let undiciModule: typeof import('undici') | undefined;

/** Loaded with the first client: importing the package should not take longer for it. */
function undici(): typeof import('undici') {
  undiciModule ??= createRequire(import.meta.url)('undici') as typeof import('undici');
  return undiciModule;
}

/**
 * What can go wrong with a request, by what helps: `busy` (send it again, later and with less beside it), `broken` (an
 * answer that cannot be right: send it again), `refused` (this input will never do), `fatal` (nothing at this server will).
 */
export type FaultKind = 'busy' | 'broken' | 'refused' | 'fatal';

/** A request that brought no value. */
export class Fault extends Error {
  readonly kind: FaultKind;
  /** Seconds that the server asked to be left alone. */
  readonly retryAfter: number | undefined;
  /** Status of the answer; 0 without one. */
  readonly status: number;

  constructor(
    kind: FaultKind,
    message: string,
    { status = 0, retryAfter }: { status?: number; retryAfter?: number | undefined } = {},
  ) {
    super(message);
    this.name = 'Fault';
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Longest answer that is taken, in bytes: what is longer cannot be parsed as one text. */
const MAX_BODY = 2 ** 28;

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly value: unknown;
  readonly retryAfter: number | undefined;
}

/** An answer before it is read. */
interface Received {
  readonly status: number;
  readonly bytes: Buffer;
  /** How its bytes are encoded; empty if they are as they are. */
  readonly encoding: string;
  readonly retryAfter: number | undefined;
}

/** Speaks JSON with one server. */
export class Client {
  /** Address without a slash at its end and without `/v1`. */
  readonly url: string;
  readonly #origin: string;
  /** What the address has after its host. */
  readonly #path: string;
  readonly #key: string | undefined;
  readonly #seconds: number;
  readonly #agent: Agent;

  constructor(
    url: string,
    { key, timeout, connections }: { key: string | undefined; timeout: number; connections: number },
  ) {
    this.url = url.replace(/#.*$/, '').replace(/\/+$/, '').replace(/\/v1$/, '');
    const { origin, pathname } = new URL(this.url);
    this.#origin = origin;
    this.#path = pathname.replace(/\/$/, '');
    this.#key = key;
    this.#seconds = timeout;
    this.#agent = new (undici().Agent)({
      connections,
      headersTimeout: 1000 * timeout,
      bodyTimeout: 1000 * timeout,
      connect: { timeout: 1000 * Math.min(timeout, 30) },
      maxResponseSize: MAX_BODY,
      keepAliveTimeout: 10_000,
    });
  }

  /**
   * The answer to a GET, or to a POST of `body`. Redirects are answers: what authorises a call goes nowhere else.
   * `onReceived` is called once an answer of success is there, and what it leads to be asked is sent before the answer is
   * read: a server that takes several requests a step would begin the next with too few.
   */
  async ask(path: string, body?: unknown, signal?: AbortSignal, onReceived?: () => void): Promise<Answer> {
    signal?.throwIfAborted();
    try {
      const { status, bytes, retryAfter, encoding } = await this.#exchange(path, body, signal);
      if (onReceived && status === 200) {
        onReceived();
        await sent();
      }
      const value = status === 200 ? parsed(decoded(bytes, encoding).toString('utf8')) : wordsIn(bytes, encoding);
      return { status, value, retryAfter };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#fault(error);
    }
  }

  /** Without streams, which would cost as much as all else: a run is many small answers. */
  #exchange(path: string, body: unknown, signal: AbortSignal | undefined): Promise<Received> {
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = [];
      let [status, retryAfter]: [number, number | undefined] = [0, undefined];
      let encoding: string | string[] | undefined;
      let controller: Dispatcher.DispatchController | null = null;
      let stopped: Error | null = null;
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const stop = (reason: Error) => {
        stopped = reason;
        end();
        controller?.abort(reason);
        reject(reason);
      };
      const onAbort = () => stop(new Error('aborted'));
      const onTime = () => stop(new Fault('busy', `no answer within ${this.#seconds} s`));
      const timer = setTimeout(onTime, 1000 * this.#seconds);
      signal?.addEventListener('abort', onAbort, { once: true });
      const asked = {
        origin: this.#origin,
        path: `${this.#path}${path}`,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        },
        ...(body === undefined ? { method: 'GET' as const } : { method: 'POST' as const, body: JSON.stringify(body) }),
      };
      this.#agent.dispatch(asked, {
        onRequestStart(own) {
          controller = own;
          // It had waited for a connection.
          if (stopped !== null) own.abort(stopped);
        },
        onResponseStart(_, statusCode, headers) {
          status = statusCode;
          retryAfter = secondsOf(headers['retry-after']);
          encoding = headers['content-encoding'];
        },
        onResponseData(_, piece) {
          pieces.push(piece);
        },
        onResponseEnd() {
          end();
          const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
          resolve({ status, bytes, retryAfter, encoding: encoding === undefined ? '' : String(encoding) });
        },
        onResponseError(_, error) {
          end();
          reject(error);
        },
      });
    });
  }

  /** The value of an answer with a status of success. */
  async call(path: string, body?: unknown, signal?: AbortSignal, onReceived?: () => void): Promise<unknown> {
    const answer = await this.ask(path, body, signal, onReceived);
    if (answer.status === 200) {
      const { value } = answer;
      if (value === undefined)
        throw new Fault('broken', 'the answer is not JSON, or only half of it came', { status: 200 });
      if (isObject(value) && (value['object'] === 'error' || isObject(value['error'])))
        throw new Fault('broken', `the server says: ${this.#said(value)}`, { status: 200 });
      return value;
    }
    throw this.refusal(answer);
  }

  /** What an answer without success means. */
  refusal({ status, value, retryAfter }: Answer): Fault {
    const said = this.#said(value);
    const message = `status ${status}${said && `: ${said}`}`;
    if (status === 401 || status === 403) {
      return new Fault('fatal', `${message}. The key is taken from COVERAGE_PRINCIPLE_API_KEY in the environment`, {
        status,
      });
    }
    if (status >= 200 && status < 300) return new Fault('broken', `${message}, without what was asked for`, { status });
    if ([301, 302, 303, 307, 308].includes(status))
      return new Fault('fatal', `${message}: the server points elsewhere; name that address`, { status });
    if (status === 404 || status === 405) return new Fault('fatal', message, { status });
    if (status === 429 || status === 408 || status >= 500) return new Fault('busy', message, { status, retryAfter });
    return new Fault('refused', message, { status });
  }

  /** Text without the key, which some servers repeat, as it is or as it stands in JSON and in addresses. */
  redacted(text: string): string {
    const key = this.#key;
    if (!key) return text;
    const forms = [key, JSON.stringify(key).slice(1, -1), encodeURIComponent(key)];
    return forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
  }

  /** What an answer says of an error, shortened; of a key that was cut nothing could be told to be one. */
  #said(value: unknown): string {
    return this.redacted(serverMessage(value))
      .replace(/[\p{Cc}]/gu, ' ')
      .slice(0, 300);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #fault(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const { code, message, cause } = error as NodeJS.ErrnoException;
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      return new Fault(
        'refused',
        `the answer is longer than ${MAX_BODY / 2 ** 20} MiB, which is more than the log-probabilities of one token each`,
      );
    }
    const inner = (cause as NodeJS.ErrnoException | undefined)?.code ?? code ?? '';
    const hint = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(inner)
      ? ' (NODE_EXTRA_CA_CERTS may name a file with the certificate of who signed it)'
      : '';
    return new Fault('busy', this.redacted(`${inner && `${inner}: `}${message.split('\n')[0]}${hint}`));
  }
}

/** Resolves once what was asked for until now is on its way: a connection that has rested is written to one turn later. */
async function sent(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/** The JSON of a text; `undefined` if it is none. */
function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** What an answer without success holds: JSON, or its words. Those of a page are none, and neither is what cannot be read. */
function wordsIn(bytes: Buffer, encoding: string): unknown {
  try {
    const text = decoded(bytes, encoding).toString('utf8');
    return parsed(text) ?? (/^\s*</.test(text) ? undefined : text.trim());
  } catch {
    return undefined;
  }
}

/**
 * The bytes that an encoding stands for: it was not asked for, but what stands before a server may choose one.
 *
 * @throws Fault `broken`
 */
function decoded(bytes: Buffer, encoding: string): Buffer {
  const options = { maxOutputLength: MAX_BODY };
  try {
    switch (encoding.toLowerCase()) {
      case '':
      case 'identity':
        return bytes;
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, options);
      case 'deflate':
        return inflateSync(bytes, options);
      case 'br':
        return brotliDecompressSync(bytes, options);
    }
  } catch (error) {
    throw new Fault('broken', `the answer does not decompress (${encoding}): ${(error as Error).message}`);
  }
  throw new Fault(
    'fatal',
    `the answer is encoded as ${encoding}, which was not asked for: have what stands before the server send it as it is`,
  );
}

/** Seconds that a header asks for, as a number or by a date; `undefined` without either. */
function secondsOf(header: string | string[] | undefined): number | undefined {
  const text = String(header ?? '').trim();
  if (text === '') return undefined;
  const seconds = Number.isFinite(Number(text)) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** What servers write of an error. */
function serverMessage(value: unknown): string {
  if (typeof value === 'string') return value;
  const { error, message, detail } = (value ?? {}) as Record<string, unknown>;
  const inner = (error as { message?: unknown } | undefined)?.message;
  return ([inner, error, message, detail].find((each) => typeof each === 'string') as string | undefined) ?? '';
}

/**
 * The key for a checkpoint, from the environment: its own, or the one for all, without blanks and line breaks around it.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` for what no header can hold
 */
export function keyFor(name: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const own = `COVERAGE_PRINCIPLE_API_KEY_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
  const variable = environment[own] ? own : 'COVERAGE_PRINCIPLE_API_KEY';
  const key = environment[variable]?.trim();
  if (!key) return undefined;
  if (/^[\x20-\x7e]+$/.test(key)) return key;
  throw new CoverageError(
    'ERR_INVALID_OPTION',
    `The key in ${variable} has a line break or a character that no header can hold: give the key alone.`,
    { place: { field: variable } },
  );
}
