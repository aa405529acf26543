import { describePlace, type ErrorPlace } from '../error.js';
import type { Warning } from '../results/estimate.js';

/** One kind of fault in the input, with the first place where it was found. */
export interface Finding {
  /** `error` stops a computation, `warning` does not. */
  readonly severity: 'error' | 'warning';
  /** Stable machine-readable kind, `ERR_…` or `WARN_…`. */
  readonly code: string;
  /** What is wrong, where (the first such place), and what to do. */
  readonly message: string;
  /** First place where it was found. */
  readonly place: ErrorPlace;
  /** How often it was found in that file and model. */
  readonly count: number;
}

/** A finding as the core reports it. */
export interface NativeFinding {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly place: { file?: string; row?: number; modelName?: string; responseId?: string };
  readonly count: number;
}

/** The findings with their places in their messages. */
export function toFindings(findings: readonly NativeFinding[]): Finding[] {
  return findings.map(({ severity, code, message, place: { file, row, modelName, responseId }, count }) => {
    const place: ErrorPlace = {
      ...(file !== undefined && { file }),
      ...(row !== undefined && { row }),
      ...(modelName !== undefined && { model: modelName }),
      ...(responseId !== undefined && { response: responseId }),
    };
    const more = count > 1 ? ` [and ${count - 1} more like this]` : '';
    return { severity, code, message: `${message}${describePlace(place)}${more}`, place, count };
  });
}

/** The warnings among findings. */
export function warningsOf(findings: readonly Finding[]): Warning[] {
  return findings.filter(({ severity }) => severity === 'warning').map(({ code, message }) => ({ code, message }));
}
