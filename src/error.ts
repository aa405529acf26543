/** Where in the caller's data an error lies; every part is optional. */
export interface ErrorPlace {
  /** Path of the file as the caller gave it. */
  readonly file?: string;
  /** One-based line, or zero-based record where the format has no lines; the message says which. */
  readonly row?: number;
  /** Name of the model. */
  readonly model?: string;
  /** Id of the response. */
  readonly response?: string;
  /** Dotted path of the option or field. */
  readonly field?: string;
}

/** One of several problems found at once, as in options that break more than one rule. */
export interface Problem {
  /** Dotted path of the option, empty for the options as a whole. */
  readonly path: string;
  /** What is wrong with it. */
  readonly message: string;
}

/**
 * Every error this package throws on purpose.
 *
 * `code` is stable and meant for programs, `message` says what is wrong, where, and what to do, and is meant for
 * people. An aborted operation rejects with the signal's own reason instead.
 */
export class CoverageError extends Error {
  /** Stable machine-readable reason, `ERR_…`. */
  readonly code: string;
  /** Where in the caller's data the error lies. */
  readonly place: ErrorPlace;
  /** All problems, where several were found at once. */
  readonly problems: readonly Problem[];

  constructor(
    code: string,
    message: string,
    details: { place?: ErrorPlace; problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CoverageError';
    this.code = code;
    this.place = details.place ?? {};
    this.problems = details.problems ?? [];
  }
}

/** The error, its place also in the message. @internal */
export function located(code: string, message: string, place: ErrorPlace, cause?: unknown): CoverageError {
  return new CoverageError(code, `${message}${describePlace(place)}`, { place, ...(cause !== undefined && { cause }) });
}

/** ` (file runs.csv, row 7, model base)`, to follow a message; empty if nothing is known of the place. */
export function describePlace(place: ErrorPlace): string {
  const parts = [
    place.file !== undefined && `file ${place.file}`,
    place.row !== undefined && `row ${place.row}`,
    place.model !== undefined && `model ${place.model}`,
    place.response !== undefined && `response ${place.response}`,
  ].filter(Boolean);
  return parts.length > 0 ? printable(` (${parts.join(', ')})`) : '';
}

/** Text from files as it may be shown: control characters, which could steer a terminal, are replaced. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

/**
 * Runs the body of a public function that takes plain data. Its types say what that is, and checking all of it again would
 * say it twice: what the language throws because something else was given becomes a CoverageError, its cause the error.
 *
 * @internal
 */
export function answer<T>(call: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? wrongKind(call, error) : error;
  }
}

/** What is said of an argument that is of another kind than its type says. @internal */
export function wrongKind(call: string, cause: Error): CoverageError {
  return new CoverageError(
    'ERR_INVALID_OPTION',
    `${call} was given something else than its type says: ${cause.message.split('\n')[0]!.replace(/\.$/, '')}.`,
    { cause },
  );
}

/**
 * Makes sure that an argument is an instance of its class.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` @internal
 */
export function expectInstance<T>(
  call: string,
  value: unknown,
  type: abstract new (...args: never[]) => T,
): asserts value is T {
  if (value instanceof type) return;
  throw new CoverageError('ERR_INVALID_OPTION', `${call} takes an instance of ${type.name} first.`);
}
