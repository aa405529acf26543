import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Binding from '../native/binding.cjs';
import { loadFailure, thisMachine, withoutAddon } from './addon.js';
import { CoverageError, describePlace, type ErrorPlace, wrongKind } from './error.js';
import { packageVersion } from './version.js';

/** The Rust core behind N-API; private to this package. */
export const native: typeof Binding = load();

function load(): typeof Binding {
  try {
    return createRequire(import.meta.url)('../native/binding.cjs');
  } catch (cause) {
    const buildScript = fileURLToPath(new URL('../scripts/build-addon.mjs', import.meta.url));
    const reason = loadFailure(cause, process.env['NAPI_RS_NATIVE_LIBRARY_PATH']);
    const message = withoutAddon(thisMachine(), packageVersion, buildScript, reason);
    throw new CoverageError('ERR_ADDON_NOT_FOUND', message, { cause });
  }
}

interface NativeFailure {
  readonly code: string;
  readonly message: string;
  readonly place: {
    file?: string;
    row?: number;
    model?: number;
    response?: number;
    /** Names take the place of indices where the core knows them. */
    modelName?: string;
    responseId?: string;
    field?: string;
  };
}

/** Names for the indices that an error from the core carries. */
export interface PlaceNames {
  readonly models?: readonly string[];
  readonly responseIds?: readonly string[] | null;
}

/** The typed form of whatever the binding threw; errors that are not the core's pass unchanged. */
export function fromNative(error: unknown, names: PlaceNames = {}): unknown {
  if (!(error instanceof Error)) return error;
  let failure: NativeFailure;
  try {
    failure = JSON.parse(error.message);
  } catch {
    return isOfArgument(error) ? wrongKind('A function', error) : error;
  }
  const { code, message, place } = failure;
  if (typeof code !== 'string') return error;
  const model =
    place.modelName ?? (place.model === undefined ? undefined : (names.models?.[place.model] ?? String(place.model)));
  const response =
    place.responseId ??
    (place.response === undefined ? undefined : (names.responseIds?.[place.response] ?? String(place.response)));
  const named: ErrorPlace = {
    ...(place.file !== undefined && { file: place.file }),
    ...(place.row !== undefined && { row: place.row }),
    ...(model !== undefined && { model }),
    ...(response !== undefined && { response }),
    ...(place.field !== undefined && { field: place.field }),
  };
  return new CoverageError(code, `${message}${describePlace(named)}`, { place: named });
}

/** Whether it is what the binding, or the way to a handle, says of an argument of another kind than it takes. */
function isOfArgument(error: Error): boolean {
  const { code } = error as { code?: unknown };
  if (
    error instanceof TypeError &&
    /^Cannot read properties of (undefined|null) \(reading '(handle|threads)'\)/.test(error.message)
  )
    return true;
  if (error instanceof TypeError || error instanceof RangeError)
    return /BigInt|circular|Cannot convert|not iterable|call stack/.test(error.message);
  return typeof code === 'string' && /^[A-Z][a-z]/.test(code);
}

/** Runs a synchronous call into the binding; what it throws arrives typed. */
export function callNative<T>(call: () => T, names: PlaceNames = {}): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error, names);
  }
}
