import { CoverageError } from '../error.js';
import type { Finding } from '../files/findings.js';
import type { FileFormat } from '../files/formats.js';
import { checkOptions, ratiosSchema } from '../options.js';
import { factWarnings, type MatrixFacts, matrixFacts } from './facts.js';
import { type LogProbsInputs, type ReadLogProbsOptions, readChecked, readLogProbsSchema } from './read.js';

/** Options of {@link doctor}. */
export interface DoctorOptions extends ReadLogProbsOptions {
  /** ratios N that the numbers have to be precise enough for. */
  readonly N?: readonly number[] | undefined;
}

/** Everything that {@link doctor} finds, plain data. */
export interface DoctorReport {
  /** Whether there is no error: the input can be used. */
  readonly usable: boolean;
  /** The files that could be recognised. */
  readonly files: readonly { readonly file: string; readonly format: FileFormat }[];
  /** Names of the models; empty if nothing could be read. */
  readonly models: readonly string[];
  /** Number of responses; 0 if nothing could be read. */
  readonly responses: number;
  /** Number of distinct prompts; `null` if unknown. */
  readonly prompts: number | null;
  /** What the numbers look like; `null` if nothing could be read. */
  readonly facts: MatrixFacts | null;
  /** All faults and oddities, errors first. */
  readonly findings: readonly Finding[];
}

const schema = readLogProbsSchema.extend({ N: ratiosSchema.optional() });

/**
 * Looks at everything in the input and says all it finds at once, instead of stopping at the first fault as
 * {@link readLogProbs} does.
 *
 * @throws CoverageError `ERR_INVALID_OPTION` only; the signal's reason when aborted
 */
export async function doctor(inputs: LogProbsInputs, options: DoctorOptions = {}): Promise<DoctorReport> {
  checkOptions('doctor', schema, options);
  const { N, ...reading } = options ?? {};
  const { sources, findings: found, logProbs } = await readDespite(inputs, reading);
  const facts = logProbs && (await matrixFacts(logProbs, pickJobOptions(reading)));
  if (logProbs && logProbs.models.length < 2) {
    const message = `There is one model only, ${logProbs.models[0]}: a tournament needs at least two. Give a file for each, or a matrix with a row for each.`;
    found.push({ severity: 'warning', code: 'WARN_ONE_MODEL', message, place: {}, count: 1 });
  }
  if (logProbs && facts) {
    for (const { code, message } of factWarnings(facts, logProbs.responses, N)) {
      found.push({ severity: 'warning', code, message, place: {}, count: 1 });
    }
  }
  const errorsFirst = [
    ...found.filter(({ severity }) => severity === 'error'),
    ...found.filter(({ severity }) => severity === 'warning'),
  ];
  const promptIds = logProbs?.metadata.promptIds;
  const report: DoctorReport = {
    usable: logProbs !== null && !found.some(({ severity }) => severity === 'error'),
    files: sources.map(({ file, format }) => ({ file, format })),
    models: logProbs?.models ?? [],
    responses: logProbs?.responses ?? 0,
    prompts: promptIds ? new Set(promptIds).size : null,
    facts,
    findings: errorsFirst,
  };
  logProbs?.dispose();
  return report;
}

/** Reads; what is wrong with the names of the inputs is a finding like any other. */
async function readDespite(inputs: LogProbsInputs, options: ReadLogProbsOptions): ReturnType<typeof readChecked> {
  try {
    return await readChecked('doctor', inputs, options, true);
  } catch (error) {
    if (!(error instanceof CoverageError) || error.code === 'ERR_INVALID_OPTION') throw error;
    const { code, message, place } = error;
    return { sources: [], findings: [{ severity: 'error', code, message, place, count: 1 }], logProbs: null };
  }
}

function pickJobOptions({ signal, threads }: DoctorOptions) {
  return { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
}
