import { createRequire } from 'node:module';
import type * as Binding from '../native/binding.cjs';
import { CoverageError, describePlace, type ErrorPlace } from './error.js';

/** The Rust core behind N-API; private to this package. */
export const native: typeof Binding = load();

function load(): typeof Binding {
  try {
    return createRequire(import.meta.url)('../native/binding.cjs');
  } catch (cause) {
    throw new CoverageError(
      'ERR_ADDON_NOT_FOUND',
      `The native addon of coverage-principle does not load on ${process.platform}-${process.arch} (Node ${process.version}). ` +
        'Install again without --ignore-scripts and with optional dependencies (npm install coverage-principle), ' +
        'on a platform without a prebuilt addon with Rust 1.89 or later at hand; ' +
        'or set NAPI_RS_NATIVE_LIBRARY_PATH to an addon built elsewhere.',
      { cause },
    );
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
    return error;
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

/** Runs a synchronous call into the binding; what it throws arrives typed. */
export function callNative<T>(call: () => T, names: PlaceNames = {}): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error, names);
  }
}
